"""`pomhealth demo`: a stand-in replica with a real Envoy and a real PostgreSQL, and the agent beside it."""

from __future__ import annotations

import os
import sys

import click

from pomhealth.cli.usage import WrongUsage, nearest
from pomhealth.demo import control, state, words
from pomhealth.demo.companions import MOST
from pomhealth.demo.control import Request
from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults import FAULTS
from pomhealth.demo.supervisor import Supervisor
from pomhealth.settings import DEFAULT_LISTEN

_PARTS = ("all", "replica", "postgres", "agent")


@click.command("demo")
@click.option(
    "--listen",
    metavar="HOST:PORT",
    default=DEFAULT_LISTEN,
    show_default=True,
    help="Where the demo's agent listens.",
)
@click.option("--free-ports", is_flag=True, help="Give the replica any free ports, not the usual ones.")
@click.option(
    "--replicas",
    type=click.IntRange(1, MOST),
    default=1,
    show_default=True,
    help="How many equal replicas to run on the one PostgreSQL, each with its agent; more than one share a cluster view.",
)
@click.option("--break", "fault", metavar="NAME", help="Make this fault in the running demo.")
@click.option(
    "--heal",
    metavar="NAME",
    help="Undo this fault in the running demo, or start a part again (replica, postgres, agent), or all.",
)
@click.option("--faults", is_flag=True, help="List the faults that --break can make.")
def command(
    *, listen: str, free_ports: bool, replicas: int, fault: str | None, heal: str | None, faults: bool
) -> int:
    """Run a stand-in replica, with the agent beside it, to try things out.

    It runs until Ctrl-C or SIGTERM, and leaves nothing behind. Envoy and PostgreSQL are those of the packages that
    pomhealth's extra "demo" installs. With more replicas the agent of the first listens on --listen, the others' on
    the next free ports, and a fault is made in the first.

    Exit status: 0 ended in order or done, 1 it could not be, 64 wrong usage.
    """
    if faults:
        click.echo(words.listing(FAULTS.values()))
        return 0
    if fault is not None and heal is not None:
        raise WrongUsage("--break and --heal: one at a time")
    if fault is not None:
        return _ask(Request("break", _known(fault, tuple(FAULTS), "--break")))
    if heal is not None:
        return _ask(Request("heal", _known(heal, (*FAULTS, *_PARTS), "--heal")))
    try:
        return Supervisor(
            state.directory(os.environ),
            _address(listen),
            terminal=sys.stdout.isatty(),
            usual_ports=not free_ports,
            replicas=replicas,
        ).run()
    except DemoError as error:
        raise click.ClickException(str(error)) from None


def _ask(request: Request) -> int:
    try:
        answer = control.ask(state.State(state.directory(os.environ)).control, request)
    except DemoError as error:
        raise click.ClickException(str(error)) from None
    if answer.failed:
        raise click.ClickException(answer.text)
    click.echo(answer.text)
    return 0


def _known(name: str, names: tuple[str, ...], option: str) -> str:
    if name not in names:
        raise WrongUsage(
            f"{option}: no fault is called {name!r}{nearest(name, names)}; list them with --faults"
        )
    return name


def _address(listen: str) -> str:
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise WrongUsage(f"--listen {listen}: give an address and a port, as in 127.0.0.1:28081")
    return listen
