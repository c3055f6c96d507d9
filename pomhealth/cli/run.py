"""`pomhealth run`: the agent."""

from __future__ import annotations

import asyncio
import contextlib
import os
from functools import partial

import click

from pomhealth.agent.run import run
from pomhealth.blocking import Workers
from pomhealth.cli.usage import WrongUsage
from pomhealth.reach import Silent
from pomhealth.replica.discover import discover
from pomhealth.replica.errors import Ambiguous, ReplicaError
from pomhealth.settings import Settings, SettingsError
from pomhealth.settings_file import load

_DEADLINE = 5.0  # seconds for one look whether the options fit what is there


@click.command("run")
@click.option("--listen", metavar="HOST:PORT", help="Where to answer.  [default: 127.0.0.1:28081]")
@click.option("--pid", metavar="N", help="The replica's main process, where several run here.")
@click.option("--pomerium-config", metavar="FILE", help="The --config file of the replica that is meant.")
@click.option("--settings", "settings_path", metavar="FILE", help="Settings of pomhealth to read.")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error.  [default: info]")
@click.option("--log-format", metavar="FORM", help="auto, json or text.  [default: auto]")
def command(settings_path: str | None, **options: str | None) -> int:
    """Watch the replica, and serve its health to supervisors.

    Stops cleanly, with status 0, on SIGTERM. SIGHUP has it read its settings again; wrong ones change nothing.
    """
    read = partial(load, options, os.environ, settings_path)
    try:
        settings = read()
        asyncio.run(_fits(settings))
    except (SettingsError, ReplicaError) as error:
        raise WrongUsage(str(error)) from None
    return run(settings, read)


async def _fits(settings: Settings) -> None:
    """Raises ReplicaError where the options name a replica that cannot be. None yet, or several, is no mistake."""
    with contextlib.suppress(Ambiguous, Silent):
        await Workers().call("discovery", partial(discover, settings), deadline=_DEADLINE)
