"""`pomhealth run`: the agent; with a command after `--`, the first process of a container that holds both."""

from __future__ import annotations

import asyncio
import contextlib
import os
from functools import partial
from typing import NoReturn

import click

from pomhealth.cli.usage import WrongUsage
from pomhealth.launch.start import become_parent
from pomhealth.settings import Settings, SettingsError
from pomhealth.settings_file import load
from pomhealth.systemd.handed import take

_DEADLINE = 5.0  # seconds for one look whether the options fit what is there
_COMMAND = "pomhealth.command"
_EXAMPLE = "pomhealth run -- pomerium -config FILE"


class _BesideACommand(click.Command):
    """Takes apart what stands before and after the first `--`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        own, command = args[:at], args[at + 1 :]
        if at < len(args) and not command:
            raise click.UsageError("no command stands after --", ctx)
        try:
            rest = super().parse_args(ctx, list(own))
        except click.UsageError as error:
            if not error.message.startswith("Got unexpected extra argument"):
                raise
            raise click.UsageError(
                f"{error.message}; a command stands after --, as in {_EXAMPLE}", ctx
            ) from None
        ctx.meta[_COMMAND] = (own, command)
        return rest

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


@click.command("run", cls=_BesideACommand)
@click.option("--listen", metavar="HOST:PORT", help="Where the agent answers.  [default: 127.0.0.1:28081]")
@click.option("--pid", metavar="N", help="The replica's main process, where several run here.")
@click.option("--pomerium-config", metavar="FILE", help="The --config file of the replica that is meant.")
@click.option("--settings", "settings_path", metavar="FILE", help="Settings of pomhealth to read.")
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error.  [default: info]")
@click.option("--log-format", metavar="FORM", help="auto, json or text.  [default: auto]")
@click.pass_context
def command(ctx: click.Context, /, settings_path: str | None, **options: str | None) -> int:
    """Watch the replica, and serve its health to supervisors.

    Stops cleanly, with status 0, on SIGTERM. SIGHUP has it read its settings again; wrong ones change nothing.

    With a COMMAND, which starts the replica, it is the first process of a container that holds both. SIGTERM first
    drains, then stops the COMMAND, whose exit status it ends with; SIGHUP goes to both, any other signal to the COMMAND.
    An agent that ends is started again, and the COMMAND not touched.

    Exit status: 0 stopped by SIGTERM, 64 wrong usage or settings. With a COMMAND, its own.
    """
    read = partial(load, options, os.environ, settings_path)
    own, beside = ctx.meta[_COMMAND]
    try:
        settings = read()
    except SettingsError as error:
        raise WrongUsage(str(error)) from None
    if beside:
        if settings.pid is not None:
            raise WrongUsage("--pid names a process that runs; the replica is what stands after --")
        become_parent(settings, own, beside)
    _watch(settings, read)


def _watch(settings: Settings, read: partial[Settings]) -> NoReturn:
    from pomhealth.agent.run import run  # noqa: PLC0415  (what is needed to watch, a first process need not load)
    from pomhealth.replica.errors import ReplicaError  # noqa: PLC0415
    from pomhealth.systemd.activation import ActivationError, listeners  # noqa: PLC0415

    handed = take(os.environ, os.getpid())
    try:
        sockets = listeners(handed)
        asyncio.run(_fits(settings))
    except (ActivationError, ReplicaError) as error:
        raise WrongUsage(str(error)) from None
    os._exit(run(settings, read, handed, sockets))  # to tear the interpreter down takes a tenth of a restart


async def _fits(settings: Settings) -> None:
    """Raises ReplicaError where the options name a replica that cannot be. None yet, or several, is no mistake."""
    if settings.pid is None and not settings.pomerium_config:
        return
    from pomhealth.blocking import Workers  # noqa: PLC0415
    from pomhealth.reach import Silent  # noqa: PLC0415
    from pomhealth.replica.discover import discover  # noqa: PLC0415
    from pomhealth.replica.errors import Ambiguous  # noqa: PLC0415

    with contextlib.suppress(Ambiguous, Silent):
        await Workers().call("discovery", partial(discover, settings), deadline=_DEADLINE)
