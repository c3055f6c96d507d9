"""Writes docs/checks.md from the catalogue: `python -m pomhealth.catalogue.docs`, in the project's root."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from pomhealth.catalogue.load import CURERS, DOCS, Catalogue, Cause, Check, anchor, catalogue
from pomhealth.catalogue.step import Step
from pomhealth.report.reference import STOPS, how_often
from pomhealth.status import Outcome

_INTRODUCTION = """\
# The checks

What pomhealth looks at, what each finding means, and what to do about it. The same text in a terminal:
`pomhealth explain ID` or `pomhealth explain ID/CAUSE`. Ids are Pomerium's own wherever it has one.

A cause marked *warning* is told and never stops anything. Words in capitals (`PID`, `NAME`, `POD`, `CLUSTER`)
stand for your own; a finding has them filled in as far as they are known, and the steps of the platform that the
replica runs on alone. Which test proves which cause: [proofs.md](proofs.md).

This page is made from the catalogue (`make docs`)."""


def render(checks: Catalogue) -> str:
    """The page: a table of contents by area, then a heading for each id, whose anchor findings point to."""
    curers = ", ".join(f"`{key}` ({person})" for key, person in CURERS.items())
    blocks = [_INTRODUCTION, f"Who can cure a cause is `who` in JSON: {curers}."]
    for area, members in groupby(checks, key=lambda check: check.area):
        entries = [f"- [`{check.id}`](#{anchor(check.id)}): {check.question}" for check in members]
        blocks.append(f"**{area}**\n\n" + "\n".join(entries))
    for area, members in groupby(checks, key=lambda check: check.area):
        blocks.append(f"## {area}")
        blocks += [_check(check) for check in members]
    return "\n\n".join(blocks) + "\n"


def _check(check: Check) -> str:
    facts = [f"- Stops {STOPS[check.gate]}.", f"- Looked at {how_often(check)}."]
    if check.needs:
        facts.append(
            "- Says nothing while one of these fails: " + ", ".join(f"`{need}`" for need in check.needs) + "."
        )
    if check.reading:
        facts.append("- Pomerium on it: " + ", ".join(f"<{address}>" for address in check.reading) + ".")
    parts = [f"### `{check.id}`", f"{check.question} {check.means}", "\n".join(facts)]
    return "\n\n".join([*parts, *(_cause(cause) for cause in check.causes.values())])


def _cause(cause: Cause) -> str:
    kind = ", a warning" if cause.outcome is Outcome.WARN else ""
    steps = "\n".join(_step(number, step) for number, step in enumerate(cause.steps, 1))
    return f"**`{cause.code}`**{kind}. {cause.says} To do, by {CURERS[cause.who]}:\n\n{steps}"


def _step(number: int, step: Step) -> str:
    return "\n".join([f"{number}. {step.text}", *(f"   - {name}: {what}" for name, what in step.each)])


if __name__ == "__main__":
    Path(DOCS).write_text(render(catalogue()), encoding="utf-8")
