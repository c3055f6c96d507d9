"""`pomhealth support-bundle`: one redacted archive to attach to an issue."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from pathlib import Path

import click

from pomhealth.bundle.archive import Archive, Leak, pack
from pomhealth.bundle.collect import Wanted, collect
from pomhealth.bundle.file import WriteError, check, write
from pomhealth.cli.output import style
from pomhealth.cli.output import write as text
from pomhealth.cli.usage import WrongUsage
from pomhealth.client.ask import Address, AddressError
from pomhealth.replica.errors import ReplicaError
from pomhealth.settings import SettingsError
from pomhealth.settings_file import load

_SUFFIX = ".tar.gz"


@click.command("support-bundle")
@click.option(
    "-a", "--address", metavar="ADDR", help="The agent: HOST:PORT or unix:PATH.  [default: as for health]"
)
@click.option("--pid", type=click.IntRange(min=1), help="The replica's main process, where several run here.")
@click.option("--pomerium-config", metavar="FILE", help="The --config file of the replica that is meant.")
@click.option("--settings", "settings_path", metavar="FILE", help="Settings of pomhealth to read.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="What to write.  [default: pomhealth-support-TIME.tar.gz, in this directory]",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def command(
    address: str | None,
    pid: int | None,
    pomerium_config: str | None,
    settings_path: str | None,
    output: str | None,
    *,
    force: bool,
) -> int:
    """Write one archive to attach to an issue, without secrets.

    It holds what the agent says (map, alerts, history, metrics, log), a fresh measurement, settings and what was found
    out about the replica with where each comes from, what Envoy says, the systemd units, and versions. What cannot be
    had is named in it with why. Hostnames and addresses are in it: look through it before you send it.

    Takes 15 seconds at most. Exit status: 0, also where parts lack; 1 where nothing could be written; 64 wrong usage.
    """
    try:
        settings = load({"pid": pid, "pomerium_config": pomerium_config}, os.environ, settings_path)
        whom = Address(address or os.environ.get("POMHEALTH_ADDRESS") or settings.listen)
    except (SettingsError, AddressError) as error:
        raise WrongUsage(str(error)) from None
    now = time.time()
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    path = Path(output or f"pomhealth-support-{stamp}{_SUFFIX}")
    logging.disable()  # the archive says what there is to say
    try:
        check(path, force=force)
        archive = _made(Wanted(settings, whom, now), path.name.removesuffix(_SUFFIX) or "pomhealth-support")
        write(path, archive.data, force=force)
    except WriteError as error:
        raise click.ClickException(f"nothing is written: {error}") from None
    except Leak as leak:
        raise click.ClickException(
            f"nothing is written: {leak}. This is a fault in pomhealth: please report the name of the file and the kind"
        ) from None
    text(_told(path, archive))
    return 0


def _made(wanted: Wanted, name: str) -> Archive:
    try:
        collected, cleaner = asyncio.run(collect(wanted, _doing))
    except ReplicaError as error:
        raise WrongUsage(str(error)) from None
    return pack(collected, name, wanted.now, cleaner)


def _doing(what: str) -> None:
    """To who sits before a terminal: it takes a few seconds."""
    if sys.stderr.isatty():
        click.echo(f"{what}...", err=True)


def _told(path: Path, archive: Archive) -> str:
    shown = style()
    missing: dict[str, list[str]] = {}
    for one in archive.lacks:
        missing.setdefault(one.why, []).append(one.name)
    lines = [
        f"{path}: {len(archive.files)} files, {len(archive.data) / 1024:.1f} KiB",
        *(shown.wrap(f"{', '.join(names)}: {why}", "  missing  ") for why, names in missing.items()),
        "Look through it before you send it: hostnames and addresses are in it.",
    ]
    return "\n".join(lines) + "\n"
