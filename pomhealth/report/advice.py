"""Steps as they stand in a terminal: numbered, each platform's part on a line of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pomhealth.catalogue import CURERS, PLATFORMS, Step
from pomhealth.report.style import Style
from pomhealth.report.wrapping import columns

_COLUMN = max(len(name) for name in PLATFORMS.values())


def numbered(steps: Iterable[Step], who: str, style: Style, indent: str) -> Iterator[str]:
    """The steps, below a line that says who can take them. `who` is a key of CURERS, or ""."""
    steps = tuple(steps)
    if who:
        yield style.wrap(f"To do, by {CURERS[who]}:" if steps else f"For {CURERS[who]}.", indent)
    for number, step in enumerate(steps, 1):
        yield style.wrap(step.text, f"{indent}{number}. ")
        for platform, what in step.each:
            yield _part(platform, what, style, f"{indent}   ")


def _part(platform: str, what: str, style: Style, indent: str) -> str:
    """What to do on one platform: beside its name, or below it where a command does not fit there."""
    beside = style.wrap(what, f"{indent}{platform:{_COLUMN}}  ")
    if all(columns(line) <= style.width for line in beside.splitlines()):
        return beside
    return f"{indent}{platform}\n{style.wrap(what, f'{indent}  ')}"
