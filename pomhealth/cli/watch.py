"""`pomhealth watch`: one agent or several, live."""

from __future__ import annotations

import os
import sys

import click

from pomhealth.cli.output import style
from pomhealth.cli.usage import WrongUsage
from pomhealth.client.ask import Address, AddressError
from pomhealth.client.usage import default_address


@click.command("watch")
@click.option(
    "-a",
    "--address",
    "addresses",
    metavar="ADDR",
    multiple=True,
    help="An agent: HOST:PORT or unix:PATH. May be given more than once.  [default: as for health]",
)
@click.option("--filter", "text", metavar="TEXT", default="", help="Show only what these words are found in.")
@click.option("--plain", is_flag=True, help="A line for each change, also on a terminal.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Lines to read, or one JSON object a line; with json always plain.",
)
def command(addresses: tuple[str, ...], text: str, output: str, *, plain: bool) -> int:
    """Watch one agent, or several, live.

    On a terminal a view to move in (? shows its keys), without colour where NO_COLOR is set. Without one, or with
    --plain, a line for each change: first the state as it is, then what becomes of it, with times in UTC.

    An agent that does not answer is told as such, and tried again until it does. Ends with q, Ctrl-C or SIGTERM.

    Exit status: 0, or 64 for wrong usage.
    """
    try:
        given = dict.fromkeys(addresses or (default_address(dict(os.environ)),))
        agents = tuple({one.where: one for one in map(Address, given)}.values())
    except AddressError as error:
        raise WrongUsage(str(error)) from None
    if plain or output == "json" or not _on_terminal():
        from pomhealth.watch.plain import watch_plainly  # noqa: PLC0415  (the view does without)

        watch_plainly(agents, text, style(), output=output, encoding=sys.stdout.encoding or "ascii")
        return 0
    from pomhealth.watch.view.app import View  # noqa: PLC0415  (takes long to load)

    view = View(agents, text, style())
    view.run()
    return view.return_code or 0


def _on_terminal() -> bool:
    """Whether a view can be shown: it is drawn on what standard error leads to, and reads keys."""
    return os.environ.get("TERM", "dumb") != "dumb" and all(
        stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)
    )
