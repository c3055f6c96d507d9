"""The report as text to read in a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from pomhealth.replica.model import Replica
from pomhealth.report.items import Item, every, failing, warnings
from pomhealth.report.style import Style, clean
from pomhealth.report.subject import details, subject, title
from pomhealth.status import Gate, Outcome

_INDENT = "      "
_GATES = {Gate.LIVE: "stops /readyz and /healthz", Gate.READY: "stops /readyz", Gate.ALERT: "stops nothing"}


def render(tops: tuple[Item, ...], replica: Replica, style: Style) -> str:
    """The whole report: which replica, every check by area, and what it adds up to."""
    blocks = [_header(replica, style)]
    ordered = sorted(tops, key=lambda item: _first_of_area(item, tops))
    for area, members in groupby(ordered, key=lambda item: item.area):
        lines = [style.strong(area)]
        for item in members:
            lines += _lines(item, style)
        blocks.append("\n".join(lines))
    blocks.append(_sum(tops, style))
    return "\n\n".join(blocks) + "\n"


def _first_of_area(item: Item, tops: tuple[Item, ...]) -> int:
    return next(place for place, other in enumerate(tops) if other.area == item.area)


def _header(replica: Replica, style: Style) -> str:
    about = subject(replica)
    lines = [style.strong(clean(title(about)))]
    lines += [style.wrap(value, f"  {name:14} ") for name, value in details(about)]
    lines += [style.wrap(f"not seen: {what} ({lack})", "  ") for what, lack in about["missing"].items()]
    return "\n".join(lines)


def _lines(item: Item, style: Style) -> Iterator[str]:
    if item.outcome in (Outcome.FAIL, Outcome.WARN):
        yield from _trouble(item, style)
        return
    yield _headed(item, clean(item.summary), style, "  ")
    if item.reported:
        yield _contradiction(item, style)
    if item.outcome is Outcome.UNKNOWN:
        yield from _steps(item, style)


def _trouble(item: Item, style: Style) -> Iterator[str]:
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
        yield style.faint(f"{_INDENT}More: pomhealth explain {item.id}, or {item.docs}")
    for follower in every(item.followers):
        yield _headed(follower, clean(follower.summary), style, _INDENT)


def _headed(item: Item, text: str, style: Style, indent: str) -> str:
    """A line "✓ id  text", wrapped under the text; the mark is painted last, since colour has no width."""
    plain = style.wrap(text, f"{indent}* {item.id}  ", f"{indent}    ")
    return plain.replace("*", style.mark(item.outcome), 1)


def _contradiction(item: Item, style: Style) -> str:
    return style.wrap(f"The replica itself reports otherwise: {item.reported}", _INDENT)


def _steps(item: Item, style: Style) -> Iterator[str]:
    for number, step in enumerate(item.steps, 1):
        yield style.wrap(step, f"{_INDENT}{number}. ")


def _sum(tops: tuple[Item, ...], style: Style) -> str:
    all_ = every(tops)
    counts = [
        (sum(item.outcome is Outcome.PASS for item in all_), "passed", Outcome.PASS),
        (len(warnings(tops)), "warned", Outcome.WARN),
        (len(failing(tops)), "failed", Outcome.FAIL),
        (
            sum(item.outcome is Outcome.UNKNOWN and not item.entry.pending for item in all_),
            "cannot be seen",
            Outcome.UNKNOWN,
        ),
        (sum(item.outcome is Outcome.SKIPPED for item in all_), "not judged", Outcome.SKIPPED),
    ]
    told = ", ".join(style.paint(f"{number} {what}", outcome) for number, what, outcome in counts if number)
    number = f"{len(all_)} check" if len(all_) == 1 else f"{len(all_)} checks"
    stopping = [item.id for item in failing(tops) if item.entry.component.gate is not Gate.ALERT]
    verdict = f"Not ready: {', '.join(stopping)}." if stopping else "Ready."
    return f"{number}: {told or 'nothing to judge'}.\n{style.strong(verdict)}"
