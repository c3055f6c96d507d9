"""Writes the tables of docs/metrics.md from the collector's families: `python -m tests.metrics.page`, in the project's root."""

from __future__ import annotations

import re
from pathlib import Path

from pomhealth.publish.metrics.families import FAMILIES, Family

PAGE = Path("docs/metrics.md")
_TABLE = re.compile(
    r"<!-- (\w+) -->\n(?:\|.*\n)*"
)  # a mark with the beginning of its names, and what follows it
_HEAD = "| name | type | labels | what it tells |\n|---|---|---|---|\n"


def with_tables(text: str) -> str:
    """The page with its tables made anew."""
    marks = _TABLE.findall(text)

    def table(found: re.Match[str]) -> str:
        mark = found[1]
        rows = (f"{_row(family)}\n" for family in FAMILIES if _mark_of(family, marks) == mark)
        return f"<!-- {mark} -->\n{_HEAD}{''.join(rows)}"

    return _TABLE.sub(table, text)


def _mark_of(family: Family, marks: list[str]) -> str:
    """The longest beginning that the name has."""
    return max((mark for mark in marks if family.name.startswith(mark)), key=len, default="")


def _row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    return f"| `{family.name}` | {family.kind.value} | {labels} | {family.help} |"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
