"""The report as text to read in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pomhealth.replica.model import Replica
from pomhealth.report.items import Item, every, failing, warnings
from pomhealth.report.style import Style, clean
from pomhealth.report.subject import details, subject, title, unseen
from pomhealth.status import Gate, Outcome

_INDENT = "      "
_WIDEST_ID = 28  # columns; a longer id pushes its own line to the right
_GATES = {Gate.LIVE: "stops /readyz and /healthz", Gate.READY: "stops /readyz", Gate.ALERT: "stops nothing"}


def render(tops: tuple[Item, ...], replica: Replica, style: Style, *, partial: bool = False) -> str:
    """The whole report: which replica, every check by area, and what it adds up to.

    `partial`: only some checks were asked for, so nothing is said of the replica as a whole.
    """
    blocks = [_header(replica, style)]
    column = min(max((len(item.id) for item in every(tops)), default=0), _WIDEST_ID)
    ordered = sorted(tops, key=lambda item: _first_of_area(item, tops))
    for area, members in groupby(ordered, key=lambda item: item.area):
        lines = [style.strong(area)]
        for item in members:
            lines += _lines(item, style, column)
        blocks.append("\n".join(lines))
    blocks.append(_sum(tops, style, partial=partial))
    return "\n\n".join(blocks) + "\n"


def _first_of_area(item: Item, tops: tuple[Item, ...]) -> int:
    return next(place for place, other in enumerate(tops) if other.area == item.area)


def _header(replica: Replica, style: Style) -> str:
    about = subject(replica)
    lines = [style.strong(clean(title(about)))]
    lines += [style.wrap(value, f"  {name:14} ") for name, value in details(about)]
    lines += [style.wrap(f"not seen: {what}: {lack}", "  ") for what, lack in unseen(about)]
    return "\n".join(lines)


def _lines(item: Item, style: Style, column: int) -> Iterator[str]:
    if item.outcome in (Outcome.FAIL, Outcome.WARN):
        yield from _trouble(item, style, column)
        return
    yield _headed(item, style, "  ", column)
    if item.reported:
        yield _contradiction(item, style)
    if item.outcome is Outcome.UNKNOWN:
        yield from _steps(item, style)


def _trouble(item: Item, style: Style, column: int) -> Iterator[str]:
    outcome = item.outcome
    stops = f" ({_GATES[item.entry.component.gate]})" if outcome is Outcome.FAIL else ""
    yield f"  {style.mark(outcome)} {style.strong(item.id)}: {style.paint(item.cause, outcome)}{style.faint(stops)}"
    yield style.wrap(item.summary, _INDENT)
    for evidence in item.evidence:
        yield style.wrap(f"{evidence.source}: {evidence.observed}", f"{_INDENT}seen      ")
        if evidence.expected:
            yield style.wrap(evidence.expected, f"{_INDENT}expected  ")
    if item.reported:
        yield _contradiction(item, style)
    if item.says:
        yield style.wrap(item.says, _INDENT)
    yield from _steps(item, style)
    if item.docs:
        yield style.faint(style.wrap(f"pomhealth explain {item.id}, {item.docs}", f"{_INDENT}More: "))
    for follower in every(item.followers):
        yield _headed(follower, style, _INDENT, column)


def _headed(item: Item, style: Style, indent: str, column: int) -> str:
    """A line "✓ id  summary", wrapped under the summary; the mark is painted last, since colour has no width."""
    first = f"{indent}* {item.id:{column}}  "
    plain = style.wrap(item.summary, first, " " * (len(indent) + column + 4))
    return plain.replace("*", style.mark(item.outcome), 1)


def _contradiction(item: Item, style: Style) -> str:
    return style.wrap(f"The replica itself reports otherwise: {item.reported}", _INDENT)


def _steps(item: Item, style: Style) -> Iterator[str]:
    for number, step in enumerate(item.steps, 1):
        yield style.wrap(step, f"{_INDENT}{number}. ")


def _sum(tops: tuple[Item, ...], style: Style, *, partial: bool) -> str:
    all_ = every(tops)
    unseen = [item for item in all_ if item.outcome is Outcome.UNKNOWN and not item.entry.pending]
    counts = [
        (sum(item.outcome is Outcome.PASS for item in all_), "passed", Outcome.PASS),
        (len(warnings(tops)), "warned", Outcome.WARN),
        (len(failing(tops)), "failed", Outcome.FAIL),
        (len(unseen), "cannot be seen", Outcome.UNKNOWN),
        (sum(item.outcome is Outcome.SKIPPED for item in all_), "not judged", Outcome.SKIPPED),
    ]
    told = ", ".join(style.paint(f"{number} {what}", outcome) for number, what, outcome in counts if number)
    number = f"{len(all_)} check" if len(all_) == 1 else f"{len(all_)} checks"
    line = f"{number}: {told or 'nothing to judge'}."
    if partial:
        return line
    stopping = [item.id for item in failing(tops) if item.entry.component.gate is not Gate.ALERT]
    hidden = any(item.entry.component.gate is not Gate.ALERT for item in unseen)
    verdict = "Ready, as far as can be seen from here." if hidden else "Ready."
    if stopping:
        verdict = f"Not ready: {', '.join(stopping)}."
    return f"{line}\n{style.wrap(verdict)}"
