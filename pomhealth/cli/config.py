"""`pomhealth config`: the settings in force and what was discovered, each with its origin. Secrets are never shown."""

from __future__ import annotations

import os

import click

from pomhealth.cli.output import output_option, style, write, write_json
from pomhealth.cli.usage import WrongUsage
from pomhealth.replica.discover import discover
from pomhealth.replica.errors import ReplicaError
from pomhealth.report.origins import Section, as_json, as_text, replica_sections, settings_section
from pomhealth.settings import Settings, SettingsError
from pomhealth.settings_file import load


@click.command("config")
@click.option("--pid", type=click.IntRange(min=1), help="The replica's main process, where several run here.")
@click.option("--pomerium-config", metavar="FILE", help="The --config file of the replica that is meant.")
@click.option("--settings", "settings_path", metavar="FILE", help="Settings of pomhealth to read.")
@click.option("--check", is_flag=True, help="Only read the settings, and say nothing where they are right.")
@output_option
def command(
    pid: int | None, pomerium_config: str | None, settings_path: str | None, output: str, *, check: bool
) -> int:
    """Show the settings in force, and everything found out about the replica, with where each comes from.

    Secrets are not shown. With several replicas on this machine, --pid or --pomerium-config says which is meant.

    Exit status: 0 the settings are right, 64 they are not or wrong usage.
    """
    try:
        settings = load({"pid": pid, "pomerium_config": pomerium_config}, os.environ, settings_path)
    except SettingsError as error:
        raise WrongUsage(str(error)) from None
    if check:
        return 0
    sections = (settings_section(settings), *_found(settings))
    if output == "json":
        write_json(as_json(sections))
    else:
        write(as_text(sections, style()))
    return 0


def _found(settings: Settings) -> tuple[Section, ...]:
    try:
        return replica_sections(discover(settings))
    except ReplicaError as error:
        raise WrongUsage(str(error)) from None
