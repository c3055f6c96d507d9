"""`pomhealth explain`: what a check means, its causes, and what to do. Works offline."""

from __future__ import annotations

import click

from pomhealth.catalogue.load import catalogue
from pomhealth.cli.output import style, write
from pomhealth.cli.usage import WrongUsage, known, nearest
from pomhealth.report.reference import page


@click.command("explain")
@click.argument("what", metavar="ID[/CAUSE]")
def command(what: str) -> None:
    """Explain a check, or one of its causes: what it means and what to do. Works offline.

    ID is one of those that "pomhealth checks" lists, CAUSE one of its codes.

    Exit status: 0 explained, 64 no such check or cause.
    """
    id_, slash, cause = what.partition("/")
    check = known(id_, catalogue())
    if slash and cause not in check.causes:
        codes = ", ".join(check.causes)
        raise WrongUsage(f"{id_} has no cause {cause!r}{nearest(cause, check.causes)}; it has {codes}")
    write(page(check, id_, style(), cause))
