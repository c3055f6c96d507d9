"""`pomhealth checks`: what is checked. Works offline."""

from __future__ import annotations

import click

from pomhealth.catalogue.load import catalogue
from pomhealth.cli.output import output_option, style, write, write_json
from pomhealth.report.reference import as_json, listing


@click.command("checks")
@output_option
def command(output: str) -> None:
    """List what is checked: every id, its question and its causes. Works offline.

    Exit status: 0 listed, 64 wrong usage.
    """
    if output == "json":
        write_json([as_json(check) for check in catalogue()])
    else:
        write(listing(catalogue(), style()))
