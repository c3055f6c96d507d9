"""`pomhealth rollout-gate`: whether this replica may be restarted now, and nobody else meanwhile."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterator
from time import monotonic

import click

from pomhealth.cli.usage import WrongUsage
from pomhealth.client.answer import AskError
from pomhealth.client.ask import Address, AddressError
from pomhealth.client.usage import default_address
from pomhealth.cluster.rollout.gate import HOLD, LONGEST, MOST, SHORTEST, Terms
from pomhealth.cluster.rollout.passing import Order, last, written
from pomhealth.orders.ask import RETURN, followed, told
from pomhealth.orders.kinds import RELEASE
from pomhealth.orders.line import Said
from pomhealth.report.style import clean

SAFE, NOT_SAFE, INTERRUPTED = 0, 1, 130
_MARGIN = 5.0  # seconds beyond the wait: the agent is the one that says it is over
_PATIENCE = 20.0  # seconds without a word of the agent


def _numbers(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    """Raises click.BadParameter for what is no number, which is in every range."""
    if value is not None and math.isnan(value):
        raise click.BadParameter("it is not a number", context, parameter)
    return value


@click.command("rollout-gate")
@click.option(
    "-a", "--address", metavar="ADDR", help="The agent: HOST:PORT or unix:PATH.  [default: as for health]"
)
@click.option(
    "--wait",
    metavar="SECONDS",
    type=click.FloatRange(0, LONGEST),
    callback=_numbers,
    help="Keep trying for so long until it is safe.  [default: 0]",
)
@click.option(
    "--min-ready",
    "least",
    metavar="N",
    type=click.IntRange(0, MOST),
    help="So many other replicas must be ready; the rest may be as they are.  [default: all others]",
)
@click.option(
    "--hold",
    metavar="SECONDS",
    type=click.FloatRange(SHORTEST, LONGEST),
    callback=_numbers,
    help=f"How long the restart may take at most.  [default: {HOLD:g}]",
)
@click.option("--release", is_flag=True, help="Let the next one go at once: nothing is restarted here.")
def command(
    address: str | None, wait: float | None, least: int | None, hold: float | None, *, release: bool
) -> int:
    """Exit with 0 when this replica may be restarted: all others are ready.

    No other replica is let through from then on, until this one runs anew and is ready (and the load balancer had
    drain_notice seconds to see it), or --hold is over. For the script that restarts a replica:

        pomhealth rollout-gate --wait 600 && systemctl restart pomerium

    Needs the setting cluster. Run it as root, or as the user of the replica or the agent.

    Exit status: 0 safe, 1 not safe (in time) or no agent, 64 wrong usage.
    """
    if release and (wait, least, hold) != (None, None, None):
        raise WrongUsage("--release: it goes with none of --wait, --min-ready and --hold")
    try:
        whom = Address(address or default_address(dict(os.environ)))
    except AddressError as error:
        raise WrongUsage(str(error)) from None
    line = Line()
    try:
        if release:
            return _release(whom)
        return _pass(whom, Order(Terms(HOLD if hold is None else hold, least), wait or 0.0), line)
    except AskError as error:
        line.end()
        raise click.ClickException(_with_fix(f"{whom.where}: {error}", error.fix)) from None
    except KeyboardInterrupt:
        line.end()
        click.echo("no longer waited for; nothing is held", err=True)
        return INTERRUPTED


class Line:
    """What is waited for, on standard error: one line that is written anew on a terminal, else one for each reason."""

    def __init__(self) -> None:
        self._said = ""
        self._terminal = sys.stderr.isatty()

    def show(self, why: str) -> None:
        text = f"waiting: {why}"
        if text == self._said:
            return
        self._said = text
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            click.echo(f"\r\x1b[K{text[:width]}", err=True, nl=False)
        else:
            click.echo(text, err=True)

    def end(self) -> None:
        """What follows stands on a line of its own."""
        if self._said and self._terminal:
            click.echo("\r\x1b[K", err=True, nl=False)
        self._said = ""


def _release(whom: Address) -> int:
    said = next(told(whom, {"do": RELEASE}, monotonic() + RETURN, last=last), {})
    if said.get("why"):
        raise AskError(str(said["why"]), str(said.get("fix") or ""))
    click.echo("the next one may go" if said.get("released") else "this replica held no lease")
    return SAFE


def _pass(whom: Address, order: Order, line: Line) -> int:
    said = _followed(whom, order, line)
    line.end()
    why = clean(str(said.get("why", "")))
    if said.get("safe") is True:
        click.echo(why)
        return SAFE
    click.echo(_with_fix(f"not safe to restart: {why}", str(said.get("fix") or "")), err=True)
    return NOT_SAFE


def _followed(whom: Address, order: Order, line: Line) -> Said:
    """The last that is said. Raises AskError."""
    until = monotonic() + order.wait

    def tries() -> Iterator[Said]:
        left = Order(order.terms, max(until - monotonic(), 0.0))
        return told(whom, written(left), until + _MARGIN, last=last, patience=_PATIENCE)

    said: Said = {}
    for said in followed(tries, last=last, until=lambda: until):
        if not last(said):
            line.show(clean(str(said.get("why", ""))))
    return said


def _with_fix(why: str, fix: str) -> str:
    return f"{why.rstrip('.')}. Fix: {clean(fix)}" if fix else why
