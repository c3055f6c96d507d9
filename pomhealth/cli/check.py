"""`pomhealth check`: measures everything once, without an agent, and prints a report to read."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import signal
import time
from collections.abc import Coroutine
from functools import partial
from typing import Any, TypeVar

import click

from pomhealth.agent.once import measure, measure_file
from pomhealth.blocking import Workers
from pomhealth.catalogue.load import catalogue
from pomhealth.checks.config_databroker_build import ID as BUILD
from pomhealth.cli.alone import enough, judge, judgeable, version_of
from pomhealth.cli.output import style, write, write_json
from pomhealth.cli.usage import WrongUsage, known
from pomhealth.reach import Silent
from pomhealth.replica.discover import runs
from pomhealth.replica.errors import Ambiguous, ReplicaError
from pomhealth.replica.model import Replica, Value
from pomhealth.report.document import document
from pomhealth.report.items import Item, blind, failing, items, warnings
from pomhealth.report.markdown import page
from pomhealth.report.text import render
from pomhealth.settings import Settings, SettingsError
from pomhealth.settings_file import load
from pomhealth.status import StatusMap

T = TypeVar("T")

_DEADLINE = 4.3  # seconds for looking; with starting and closing, the whole command stays under 5
_PAUSE = 0.5  # seconds between two tries of --wait
_NONE = (
    "no Pomerium replica runs here. Start it (systemctl start pomerium), or run this where its processes can be"
    " seen: as root on its machine, or in a container that shares its PID namespace"
)


@click.command("check")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--pid", type=click.IntRange(min=1), help="The replica's main process, where several run here.")
@click.option(
    "--pomerium-config",
    metavar="FILE",
    help="The --config file of the replica that is meant, or a file to judge before one runs with it.",
)
@click.option(
    "--pomerium-version",
    metavar="VERSION",
    help="Judge the file alone, as this version of Pomerium would take it.",
)
@click.option("--settings", "settings_path", metavar="FILE", help="Settings of pomhealth to read.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="Text to read, JSON, or Markdown for a ticket.",
)
@click.option(
    "--wait",
    type=click.FloatRange(min=0, max=86400),
    default=0.0,
    metavar="SECONDS",
    help="Measure again for so long until nothing fails.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning"]),
    default="error",
    show_default=True,
    help="What makes the exit status 1.",
)
def command(  # noqa: PLR0917  (click passes every option by name)
    ids: tuple[str, ...],
    pid: int | None,
    pomerium_config: str | None,
    pomerium_version: str | None,
    settings_path: str | None,
    output: str,
    wait: float,
    fail_on: str,
) -> int:
    """Measure everything once, and print a report to read.

    With IDs, only these checks. Needs no agent.

    Before a restart or an upgrade: "pomhealth check --pomerium-config FILE config.databroker.build" judges a file
    that no replica runs yet, alone, and with --pomerium-version any file. Options that come from a replica's
    environment are not looked at then.

    Exit status: 0 nothing fails, 1 something does (with --fail-on warning: or is warned of) or no replica runs, 64
    wrong usage.
    """
    for id_ in ids:
        known(id_, catalogue())
    settings = _settings({"pid": pid, "pomerium_config": pomerium_config}, settings_path)
    version = version_of(pomerium_version, settings, ids)
    if version is not None:
        ids = ids or judgeable()
    logging.disable()  # the report says what there is to say; asyncio would complain of what ^C cuts off
    tops, replica = _measure(settings, ids, version, wait, fail_on)
    if output == "json":
        error = _none(settings) if replica.awaited else None
        write_json({"error": error} | document(tops, replica, partial=bool(ids)))
    elif replica.awaited:
        raise click.ClickException(_none(settings))
    elif output == "markdown":
        write(page(tops, replica, time.time(), partial=bool(ids)))
    else:
        write(render(tops, replica, style(), partial=bool(ids)))
    unknown = not ids and blind(tops)
    return 1 if replica.awaited or unknown or _bad(tops, fail_on) else 0


def _none(settings: Settings) -> str:
    if not settings.pomerium_config:
        return _NONE
    path = shlex.quote(settings.pomerium_config)
    return (
        f"no Pomerium replica runs with {path}. To judge the file alone, name a check that it is enough for:"
        f" pomhealth check --pomerium-config {path} {BUILD}"
    )


def _settings(overrides: dict[str, object], path: str | None) -> Settings:
    try:
        return load(overrides, os.environ, path)
    except SettingsError as error:
        raise WrongUsage(str(error)) from None


async def _once(settings: Settings, ids: tuple[str, ...], version: Value | None) -> tuple[StatusMap, Replica]:
    """One measurement: of the replica, or of its file alone where that is asked for, or no replica runs with it."""
    path = settings.pomerium_config
    if path and (version is not None or (enough(ids) and not await _runs(settings))):
        return await measure_file(judge(path, version), settings, ids, deadline=_DEADLINE)
    return await measure(settings, ids, deadline=_DEADLINE)


async def _runs(settings: Settings) -> bool:
    return await Workers().call("discovery", partial(runs, settings), deadline=_DEADLINE)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """As asyncio.run, and ^C always ends it.

    asyncio's own handler (since Python 3.11) cancels the task, and wait_for drops that when it has just got its answer.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if usual:
        signal.signal(signal.SIGINT, _interrupt)
    try:
        return asyncio.run(work)
    finally:
        if usual:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _measure(
    settings: Settings, ids: tuple[str, ...], version: Value | None, wait: float, fail_on: str
) -> tuple[tuple[Item, ...], Replica]:
    until = time.monotonic() + wait
    while True:
        try:
            status, replica = _run(_once(settings, ids, version))
        except Ambiguous as error:
            raise WrongUsage(str(error)) from None
        except ReplicaError as error:
            if settings.pid is not None or settings.pomerium_config:
                raise WrongUsage(str(error)) from None
            raise click.ClickException(str(error)) from None
        except Silent as error:
            raise click.ClickException(f"the replica cannot be looked for here: {error}") from None
        tops = items(status, catalogue(), ids, replica.platform)
        well = not replica.awaited and not _bad(tops, fail_on)
        if well or time.monotonic() + _PAUSE >= until:
            return tops, replica
        time.sleep(_PAUSE)


def _bad(tops: tuple[Item, ...], fail_on: str) -> bool:
    return bool(failing(tops)) or (fail_on == "warning" and bool(warnings(tops)))
