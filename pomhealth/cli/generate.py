"""`pomhealth generate`: the files of a supervisor, for this replica's addresses, users and paths."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from pomhealth.blocking import Workers
from pomhealth.cli.alone import judge
from pomhealth.cli.output import output_option, write, write_json
from pomhealth.cli.usage import WrongUsage
from pomhealth.generate.escape import Unwritable
from pomhealth.generate.generated import Generated, generate
from pomhealth.generate.place import Unplaceable
from pomhealth.generate.render import KINDS
from pomhealth.generate.report import document, explained, printed
from pomhealth.generate.steps import steps, usual
from pomhealth.generate.write import Fate, WriteError, Written
from pomhealth.generate.write import write as write_files
from pomhealth.reach import Silent
from pomhealth.replica.discover import discover
from pomhealth.replica.errors import ReplicaError
from pomhealth.replica.model import Replica
from pomhealth.settings import Settings, SettingsError
from pomhealth.settings_file import file_path, load

_DEADLINE = 5.0  # seconds for finding the replica


@click.command("generate")
@click.argument("kind", metavar="KIND", type=click.Choice(KINDS), required=False)
@click.option("--pid", type=click.IntRange(min=1), help="The replica's main process, where several run here.")
@click.option("--pomerium-config", metavar="FILE", help="The --config file of the replica that is meant.")
@click.option("--settings", "settings_path", metavar="FILE", help="Settings of pomhealth to read.")
@click.option("--write", "directory", metavar="DIR", help="Write the files below DIR.")
@click.option("--force", is_flag=True, help="With --write, replace files that are there and differ.")
@output_option
def command(  # noqa: PLR0917  (click passes every option by name)
    kind: str | None,
    pid: int | None,
    pomerium_config: str | None,
    settings_path: str | None,
    directory: str | None,
    output: str,
    *,
    force: bool,
) -> int:
    """Make a supervisor's files for the replica that runs here.

    KIND is systemd, ecs, compose or kubernetes. Prints each file below the path where it belongs; to standard error,
    which values are in them, where each comes from, and what to do next. Where no replica runs, they are made for
    Pomerium's own package and image. No secret is in them.

    With --write, a file that is there and differs is left alone: then nothing is written, and the exit status is 1.
    """
    if kind is None:
        raise WrongUsage(f"for which supervisor? Say one of {', '.join(KINDS)}")
    if force and directory is None:
        raise WrongUsage("--force is for --write DIR: without it, nothing is written")
    made = _made(kind, {"pid": pid, "pomerium_config": pomerium_config}, settings_path)
    where = directory if directory is not None else usual(kind)
    todo = steps(kind, where, made.files, made.placed.values, made.command)
    if directory is not None:
        return _write(made, directory, todo, output, force=force)
    if output == "json":
        write_json(document(made, where, todo))
        return 0
    write(printed(made, where))
    chosen = {"--pid": pid, "--pomerium-config": pomerium_config, "--settings": settings_path}
    options = [word for name, value in chosen.items() if value is not None for word in (name, str(value))]
    again = shlex.join([made.command, "generate", kind, *options, "--write", where])
    click.echo("\n" + explained(made, (again, *todo)), err=True, nl=False)
    return 0


def _made(kind: str, overrides: dict[str, object], settings_path: str | None) -> Generated:
    try:
        settings = load(overrides, os.environ, settings_path)
        used = file_path(os.environ, settings_path)
        return generate(kind, asyncio.run(_found(settings)), settings, used, sys.argv[0])
    except (SettingsError, ReplicaError, Unplaceable) as error:
        raise WrongUsage(str(error)) from None
    except Silent as error:
        raise click.ClickException(f"the replica cannot be looked for here: {error}") from None
    except Unwritable as error:
        raise click.ClickException(str(error)) from None


async def _found(settings: Settings) -> Replica | None:
    """The replica; what its file alone would make of one, where that is named and none runs with it; else None."""
    workers = Workers()
    found = await workers.call("discovery", partial(discover, settings), deadline=_DEADLINE)
    if not found.awaited:
        return found
    if not settings.pomerium_config:
        return None
    alone = judge(settings.pomerium_config, None)
    return await workers.call("configuration", alone, deadline=_DEADLINE)


def _write(made: Generated, directory: str, todo: Sequence[str], output: str, *, force: bool) -> int:
    try:
        written = write_files(Path(directory), made.files, force=force)
    except WriteError as error:
        raise click.ClickException(str(error)) from None
    differ = [one for one in written if one.fate is Fate.DIFFERS]
    if output == "json":
        fates = {str(one.path): one.fate.value for one in written}
        write_json(document(made, directory, todo) | {"written": fates})
        return 1 if differ else 0
    if differ:
        raise click.ClickException(_refusal(differ, [one for one in written if one.fate is Fate.SAME]))
    write("".join(f"{one.fate.value:9}  {one.path}\n" for one in written))
    write("\n" + explained(made, todo))
    return 0


def _refusal(differ: Sequence[Written], same: Sequence[Written]) -> str:
    named = ", ".join(str(one.path) for one in differ)
    unchanged = f" (unchanged: {', '.join(str(one.path) for one in same)})" if same else ""
    it, differs = ("it", "differs") if len(differ) == 1 else ("them", "differ")
    return f"nothing is written: {named} {differs} from what is made now{unchanged}; --force replaces {it}"
