"""The values in a file, each with its origin: as rows, and as the comment on top of a generated file. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import PurePosixPath

from pomhealth.generate.place import DEFAULT, Placed
from pomhealth.generate.render import File
from pomhealth.generate.values import DERIVED, Values
from pomhealth.report.style import clean

_NO_COMMENTS = (".json",)


@dataclass(frozen=True, slots=True)
class Row:
    """One value: its name, itself, where it comes from."""

    name: str
    value: str | float | bool
    origin: str


def rows(files: Iterable[File], placed: Placed) -> list[Row]:
    """Each value that stands in these files, or decides what does; an empty one stands nowhere."""
    used = {DERIVED.get(name, name) for file in files for name in file.names}
    found = (
        Row(one.name, getattr(placed.values, one.name), clean(placed.origin(one.name)))
        for one in fields(Values)
        if one.name in used
    )
    return [row for row in found if row.value != ""]


def table(lines: Sequence[Row], indent: str) -> str:
    """A line for each, in columns."""
    name = max((len(line.name) for line in lines), default=0)
    value = max((len(_shown(line.value)) for line in lines), default=0)
    return "".join(
        f"{indent}{one.name:{name}}  {_shown(one.value):{value}}  ({one.origin})\n" for one in lines
    )


def headed(kind: str, file: File, placed: Placed) -> File:
    """The file with a comment on top that says which values are of this place. JSON has no comments.

    It names no process, and no line of a file: the same place gives the same text tomorrow.
    """
    own = [row for row in rows((file,), placed) if row.origin != DEFAULT]
    if not own or PurePosixPath(file.path).suffix in _NO_COMMENTS:
        return file
    comment = (
        f"# Made by `pomhealth generate {kind}`, with these values of this place:\n{table(own, '#   ')}\n"
    )
    return replace(file, text=comment + file.text)


def _shown(value: str | float | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:.15g}"
