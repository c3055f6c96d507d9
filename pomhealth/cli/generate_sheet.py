"""`pomhealth generate prometheus`, `grafana` and `registry`: for no replica in particular."""

from __future__ import annotations

import shlex

import click

from pomhealth.cli.output import write, write_json
from pomhealth.cli.written import written
from pomhealth.generate.sheet import Sheet
from pomhealth.generate.steps import belongs


def make(sheet: Sheet, directory: str | None, output: str, *, force: bool) -> int:
    """Prints the sheet's files, or writes them below `directory`. The exit status."""
    where = directory if directory is not None else sheet.usual
    todo = sheet.steps(where)
    document = {
        "kind": sheet.kind,
        "about": sheet.about,
        "files": [
            {"path": one.path, "belongs": belongs(where, one), "text": one.text} for one in sheet.files
        ],
        "next": list(todo),
    }
    said = f"{sheet.about}\nTo put it to use:\n" + "".join(f"  {line}\n" for line in todo)
    if directory is not None:
        return written(directory, sheet.files, document, said, output, force=force)
    if output == "json":
        write_json(document)
        return 0
    write("".join(one.text for one in sheet.files))
    again = shlex.join(["pomhealth", "generate", sheet.kind, *sheet.options, "--write", where])
    click.echo(f"\n{said}With --write, the file is written: {again}", err=True)
    return 0
