"""Generated files into a directory, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from pomhealth.cli.output import write, write_json
from pomhealth.generate.render import File
from pomhealth.generate.write import Fate, WriteError, Written
from pomhealth.generate.write import write as write_files


def written(
    directory: str, files: Sequence[File], document: Mapping[str, Any], said: str, output: str, *, force: bool
) -> int:
    """The exit status. `document` is what is told in JSON, `said` what is told in text once all is written.

    Raises click.ClickException where nothing could be written, or something that differs is there already.
    """
    try:
        fates = write_files(Path(directory), files, force=force)
    except WriteError as error:
        raise click.ClickException(str(error)) from None
    differ = [one for one in fates if one.fate is Fate.DIFFERS]
    if output == "json":
        write_json({**document, "written": {str(one.path): one.fate.value for one in fates}})
        return 1 if differ else 0
    if differ:
        raise click.ClickException(_refusal(differ, [one for one in fates if one.fate is Fate.SAME]))
    write("".join(f"{one.fate.value:9}  {one.path}\n" for one in fates))
    write("\n" + said)
    return 0


def _refusal(differ: Sequence[Written], same: Sequence[Written]) -> str:
    named = ", ".join(str(one.path) for one in differ)
    unchanged = f" (unchanged: {', '.join(str(one.path) for one in same)})" if same else ""
    it, differs = ("it", "differs") if len(differ) == 1 else ("them", "differ")
    return f"nothing is written: {named} {differs} from what is made now{unchanged}; --force replaces {it}"
