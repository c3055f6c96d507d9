"""`pomhealth replicas`: every replica of the cluster, as one agent knows it."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import click

from pomhealth.cli.output import style, write
from pomhealth.cli.usage import WrongUsage, nearest
from pomhealth.client.answer import AskError
from pomhealth.client.ask import Address, AddressError
from pomhealth.client.usage import default_address
from pomhealth.cluster.show import ask
from pomhealth.cluster.show.model import Cluster
from pomhealth.cluster.show.reading import cluster, replica, rows
from pomhealth.report.style import Style

_NO_VIEW = 1
_USUAL = (80, 24)


@click.command("replicas")
@click.argument("which", metavar="[HOST|ID]", required=False)
@click.option(
    "-a", "--address", metavar="ADDR", help="The agent: HOST:PORT or unix:PATH.  [default: as for health]"
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="A table to read, or the agent's answer as one document.",
)
@click.option("--watch", is_flag=True, help="Go on, and show what changes.")
@click.option(
    "--all", "everyone", is_flag=True, help="Show those too that were silent for more than 24 hours."
)
def command(which: str | None, address: str | None, output: str, *, watch: bool, everyone: bool) -> int:
    """Show every replica of the cluster: is it ready, what is wrong, what does it run, when was it last seen.

    Any agent that takes part in the cluster's registry answers for all of them. With a host's name or a replica's id,
    shows all that is known of that one.

    With --watch a table that is drawn anew until Ctrl-C; without a terminal a line for each change, with -o json one
    JSON object a line.

    Exit status: 0 shown, 1 no agent answers or the cluster view is off, 64 wrong usage.
    """
    if watch and which:
        raise WrongUsage("--watch: it shows all replicas, so no HOST or ID goes with it")
    if watch and output == "yaml":
        raise WrongUsage("--watch: it goes with -o table or -o json")
    try:
        whom = Address(address or default_address(dict(os.environ)))
    except AddressError as error:
        raise WrongUsage(str(error)) from None
    if watch:
        return _watched(whom, output, everyone=everyone)
    try:
        document = _one(whom, which) if which else ask.everything(whom, everyone=everyone)
    except AskError as error:
        raise _unanswered(whom, error) from None
    told = cluster(document)
    if output != "table":
        write(_written(document, output))
    elif told.enabled:
        write(_shown(document, told, one=bool(which)))
    if not told.enabled:
        click.echo(f"Error: {_off(whom, told)}", err=True)
        return _NO_VIEW
    return 0


def _one(whom: Address, word: str) -> Mapping[str, Any]:
    """What is known of the replica with this host or id, or whose id begins so. Raises AskError, WrongUsage."""
    try:
        return ask.one(whom, word)
    except AskError as error:
        if error.code != ask.NOT_FOUND:
            raise
    whole = ask.everything(whom, everyone=True)
    if not whole["enabled"]:
        return whole
    known = [replica(one) for one in rows(whole)]
    meant = [one for one in known if word == one.host or (one.id and one.id.startswith(word.lower()))]
    if len(meant) == 1 and meant[0].id:
        return ask.one(whom, meant[0].id)
    if meant:
        ids = ", ".join(one.id or one.host for one in meant[:5])
        raise WrongUsage(f"{len(meant)} replicas are meant by {word!r}; name one by its id: {ids}")
    names = nearest(word, dict.fromkeys(name for one in known for name in (one.host, one.id) if name))
    raise WrongUsage(f"there is no replica {word!r}{names}; pomhealth replicas --all lists them all")


def _watched(whom: Address, output: str, *, everyone: bool) -> int:
    """Follows the cluster. An agent that is away is waited for; one that will never know a cluster is not."""
    from pomhealth.cluster.show.follow import Lines, Screen, follow, on_terminal  # noqa: PLC0415  (seldom used)

    asked = partial(ask.everything, whom, everyone=everyone)
    first = None
    try:
        first = asked()
    except AskError as error:
        if error.code:
            raise _unanswered(whom, error) from None
    if first is not None and not first["enabled"]:
        click.echo(f"Error: {_off(whom, cluster(first))}", err=True)
        return _NO_VIEW
    if output == "table" and on_terminal():
        follow(asked, Screen(_wide), first)
    else:
        follow(asked, Lines(style(), _at_once, as_json=output == "json"), first)
    return 0


def _shown(document: Mapping[str, Any], told: Cluster, *, one: bool) -> str:
    if one:
        from pomhealth.cluster.show.detail import detail  # noqa: PLC0415  (each form loads its own)

        return detail(replica(document), told, style())
    from pomhealth.cluster.show.table import WIDEST, listing  # noqa: PLC0415

    shown = style()
    asked = sys.stdout.isatty() or os.environ.get("COLUMNS")
    width = min(shutil.get_terminal_size(_USUAL).columns, WIDEST) if asked else _USUAL[0]
    return listing(told, replace(shown, width=min(shown.width, width)), width)


def _written(document: Mapping[str, Any], output: str) -> str:
    if output == "json":
        return json.dumps(document, indent=2) + "\n"
    import yaml  # noqa: PLC0415  (only for who asks for it)

    text: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=False)
    return text


def _off(whom: Address, told: Cluster) -> str:
    return f"{whom.where}: {told.notice or 'the cluster view is off'}. {' '.join(told.fix)}".strip()


def _unanswered(whom: Address, error: AskError) -> click.ClickException:
    fix = f" Fix: {error.fix}" if error.fix else ""
    return click.ClickException(f"{whom.where}: {error}.{fix}")


def _wide() -> Style:
    """What the terminal can show, as wide as it is now."""
    return replace(style(), width=min(shutil.get_terminal_size(_USUAL).columns, 100))


def _at_once(text: str) -> None:
    write(text)
    sys.stdout.flush()
