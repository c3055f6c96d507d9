"""`pomhealth drain`: takes the replica out of rotation, and waits for its connections to end."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

import click

from pomhealth.cli.usage import WrongUsage
from pomhealth.client.answer import AskError
from pomhealth.client.ask import Address, AddressError
from pomhealth.client.usage import default_address
from pomhealth.drain import show
from pomhealth.drain.order import Order, last, written
from pomhealth.orders.ask import RETURN, followed, told
from pomhealth.orders.kinds import CANCEL, DRAIN
from pomhealth.orders.line import LONGEST, Said

DRAINED, NOT_DRAINED, INTERRUPTED = 0, 1, 130
_MARGIN = 5.0  # seconds beyond the drain's own limit: the agent is the one that says it is over


@click.command("drain")
@click.option(
    "-a", "--address", metavar="ADDR", help="The agent: HOST:PORT or unix:PATH.  [default: as for health]"
)
@click.option(
    "--timeout",
    "limit",
    metavar="SECONDS",
    type=click.FloatRange(0),
    help="The most that it may take in all.  [default: drain_limit of the agent's settings]",
)
@click.option(
    "--notice",
    metavar="SECONDS",
    type=click.FloatRange(0),
    help="How long the load balancer takes to notice.  [default: drain_notice of the agent's settings]",
)
@click.option("--cancel", is_flag=True, help="Put the replica back into rotation.")
def command(address: str | None, limit: float | None, notice: float | None, *, cancel: bool) -> int:
    """Take the replica out of rotation, and wait for its connections to end.

    The agent's /readyz answers 503 from then on, its /healthz does not. Shows how many connections are left. It holds
    until --cancel, or until another replica process takes the place of this one. Run it as root, or as the user of the
    replica or the agent.

    Exit status: 0 drained, 1 not in time or no agent, 64 wrong usage.
    """
    if cancel and (limit is not None or notice is not None):
        raise WrongUsage("--cancel: it takes no time, so neither --timeout nor --notice goes with it")
    try:
        whom = Address(address or default_address(dict(os.environ)))
    except AddressError as error:
        raise WrongUsage(str(error)) from None
    try:
        return _cancel(whom) if cancel else _drain(whom, Order(DRAIN, notice, limit))
    except AskError as error:
        fix = f" Fix: {error.fix}" if error.fix else ""
        raise click.ClickException(f"{whom.where}: {error}.{fix}") from None
    except KeyboardInterrupt:
        click.echo(
            "no longer waited for; the replica stays out of rotation until pomhealth drain --cancel", err=True
        )
        return INTERRUPTED


def _cancel(whom: Address) -> int:
    said = next(told(whom, written(Order(CANCEL)), monotonic() + RETURN, last=last), {})
    click.echo("back in rotation" if said.get("cancelled") else "the replica was not being drained")
    return DRAINED


def _drain(whom: Address, order: Order) -> int:
    began = monotonic()
    shown = show.on(monotonic)
    try:
        said = _followed(whom, order, shown)
    finally:
        shown.close()
    if said.get("cancelled") is not None:
        click.echo("not drained: it was put back into rotation")
        return NOT_DRAINED
    if said.get("drained"):
        click.echo(f"drained after {monotonic() - began:.1f} s: {said['state']}")
        return DRAINED
    left = show.numbers(said)
    click.echo(
        f"not drained after {monotonic() - began:.1f} s: {left}. The replica stays out of rotation;"
        " pomhealth drain waits again, pomhealth drain --cancel puts it back"
    )
    return NOT_DRAINED


class _Tries:
    """The order, given again with what is left of its time. `until` is the moment (monotonic) when it must be over."""

    def __init__(self, whom: Address, order: Order) -> None:
        self.until = monotonic() + (order.limit if order.limit is not None else LONGEST) + _MARGIN
        self._whom = whom
        self._order = order
        self._given = False

    def __call__(self) -> Iterator[Said]:
        order = self._order
        if self._given and order.limit is not None:
            order = Order(order.do, order.notice, max(self.until - _MARGIN - monotonic(), 1.0))
        self._given = True
        return told(self._whom, written(order), self.until, last=last)


def _followed(whom: Address, order: Order, shown: show.Show) -> Mapping[str, Any]:
    """The last that is said of the drain. Raises AskError."""
    tries = _Tries(whom, order)
    said: Said = {}
    for said in followed(tries, last=last, until=lambda: tries.until):
        if not last(said):
            if order.limit is None:
                tries.until = monotonic() + said["limit"] - said["age"] + _MARGIN
            shown.step(said)
    return said
