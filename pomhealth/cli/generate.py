"""`pomhealth generate`: the files of a supervisor, for this replica's addresses, users and paths."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Mapping
from functools import partial

import click

from pomhealth.blocking import Workers
from pomhealth.catalogue import catalogue
from pomhealth.cli import generate_sheet
from pomhealth.cli.alone import judge
from pomhealth.cli.output import output_option, write, write_json
from pomhealth.cli.usage import WrongUsage
from pomhealth.cli.written import written
from pomhealth.generate import registry
from pomhealth.generate.escape import Unwritable
from pomhealth.generate.generated import Generated, generate
from pomhealth.generate.monitoring.files import KINDS as MONITORING
from pomhealth.generate.monitoring.files import sheet as monitoring
from pomhealth.generate.monitoring.rules import Wishes
from pomhealth.generate.place import Unplaceable
from pomhealth.generate.render import KINDS
from pomhealth.generate.report import document, explained, printed
from pomhealth.generate.steps import steps, usual
from pomhealth.reach import Silent
from pomhealth.replica.discover import discover
from pomhealth.replica.errors import ReplicaError
from pomhealth.replica.model import Replica
from pomhealth.settings import Settings, SettingsError
from pomhealth.settings_file import file_path, load

_DEADLINE = 5.0  # seconds for finding the replica


@click.command("generate")
@click.argument(
    "kind", metavar="KIND", type=click.Choice((*KINDS, *MONITORING, registry.KIND)), required=False
)
@click.option("--pid", type=click.IntRange(min=1), help="The replica's main process, where several run here.")
@click.option("--pomerium-config", metavar="FILE", help="The --config file of the replica that is meant.")
@click.option("--settings", "settings_path", metavar="FILE", help="Settings of pomhealth to read.")
@click.option("--job", metavar="NAME", help="The job in Prometheus that scrapes the agents [pomhealth].")
@click.option("--docs-url", metavar="URL", help="Where docs/ is read: what links in the alerts begin with.")
@click.option("--operator", is_flag=True, help="As a PrometheusRule, for the Prometheus Operator.")
@click.option("--role", metavar="ROLE", help=f"The agents' role in PostgreSQL [{registry.ROLE}].")
@click.option("--write", "directory", metavar="DIR", help="Write the files below DIR.")
@click.option("--force", is_flag=True, help="With --write, replace files that are there and differ.")
@output_option
def command(  # noqa: PLR0917  (click passes every option by name)
    kind: str | None,
    pid: int | None,
    pomerium_config: str | None,
    settings_path: str | None,
    job: str | None,
    docs_url: str | None,
    role: str | None,
    directory: str | None,
    output: str,
    *,
    operator: bool,
    force: bool,
) -> int:
    """Make a supervisor's files for the replica that runs here, or what all replicas share: alert rules, a dashboard, the
    registry's tables.

    KIND is systemd, ecs, compose or kubernetes, or prometheus, grafana or registry. Prints each file below the path where it
    belongs; to standard error, which values are in them, where each comes from, and what to do next. Where no replica
    runs, they are made for Pomerium's own package and image. No secret is in them.

    For prometheus alone are --job, --docs-url and --operator, for registry alone is --role; for supervisors alone
    --pid, --pomerium-config and --settings.

    Exit status: 0; 1 where --write would replace a file that differs, and then nothing is written; 64 wrong usage.
    """
    if kind is None:
        raise WrongUsage(f"for what? Say one of {', '.join((*KINDS, *MONITORING, registry.KIND))}")
    if force and directory is None:
        raise WrongUsage("--force is for --write DIR: without it, nothing is written")
    chosen = {"--pid": pid, "--pomerium-config": pomerium_config, "--settings": settings_path}
    _only_for(kind, KINDS, chosen)
    _only_for(kind, ("prometheus",), {"--job": job, "--docs-url": docs_url, "--operator": operator or None})
    _only_for(kind, (registry.KIND,), {"--role": role})
    if kind == registry.KIND:
        return generate_sheet.make(registry.sheet(role), directory, output, force=force)
    if kind in MONITORING:
        wishes = Wishes(job or Wishes().job, _address(docs_url or ""), operator)
        return generate_sheet.make(monitoring(kind, catalogue(), wishes), directory, output, force=force)
    made = _made(kind, {"pid": pid, "pomerium_config": pomerium_config}, settings_path)
    where = directory if directory is not None else usual(kind)
    todo = steps(kind, where, made.files, made.placed.values, made.command)
    if directory is not None:
        told = document(made, directory, todo)
        return written(directory, made.files, told, explained(made, todo), output, force=force)
    if output == "json":
        write_json(document(made, where, todo))
        return 0
    write(printed(made, where))
    options = [word for name, value in chosen.items() if value is not None for word in (name, str(value))]
    again = shlex.join([made.command, "generate", kind, *options, "--write", where])
    click.echo("\n" + explained(made, (again, *todo)), err=True, nl=False)
    return 0


def _only_for(kind: str, kinds: tuple[str, ...], options: Mapping[str, object]) -> None:
    """Raises WrongUsage for an option that is given and that this kind does not know."""
    given = [name for name, value in options.items() if value is not None]
    if given and kind not in kinds:
        raise WrongUsage(f"{given[0]} is not for {kind}: it is for {', '.join(kinds)}")


def _address(url: str) -> str:
    """The URL. Raises WrongUsage where it is none that a browser opens."""
    if url and not url.startswith(("http://", "https://")):
        raise WrongUsage(f"--docs-url {url!r} is no address of a page: it begins with https:// or http://")
    return url


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
