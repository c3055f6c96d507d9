"""The catalogue's words for a terminal: the list of checks, and one check or cause in full."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from pomhealth.catalogue import Catalogue, Cause, Check, Step
from pomhealth.report.advice import numbered
from pomhealth.report.style import Style
from pomhealth.status import Gate, Outcome

STOPS = {
    Gate.LIVE: "/readyz and /healthz",
    Gate.READY: "/readyz",
    Gate.ALERT: "nothing: it is told, and traffic goes on",
}


def listing(catalogue: Catalogue, style: Style) -> str:
    """Every check by area: its id, its question, and its causes."""
    blocks = []
    for area, checks in groupby(catalogue, key=lambda check: check.area):
        lines = [style.strong(area)]
        for check in checks:
            lines.append(f"  {style.strong(check.id)}  {style.faint(_gate(check))}")
            lines.append(style.wrap(check.question, "      "))
            lines.append(
                style.wrap(
                    "causes: " + ", ".join(_marked(cause) for cause in check.causes.values()), "      "
                )
            )
        blocks.append("\n".join(lines))
    closing = style.wrap(
        "(w) a warning. `pomhealth explain ID` tells what a check means and what to do about each cause."
    )
    return "\n\n".join([*blocks, closing]) + "\n"


def page(check: Check, id_: str, style: Style, only: str = "") -> str:
    """One check in full, or only one of its causes. `id_` is the id asked for, a family's member perhaps."""
    lines = _one_cause(check, id_, check.causes[only], style) if only else _in_full(check, id_, style)
    return "\n".join(lines).rstrip("\n") + "\n"


def _in_full(check: Check, id_: str, style: Style) -> Iterator[str]:
    yield from (style.strong(id_), style.wrap(check.question, "  "), "", style.wrap(check.means, "  "), "")
    yield style.wrap(STOPS[check.gate], _label("Stops"))
    yield style.wrap(how_often(check), _label("Looked at"))
    if check.needs:
        yield style.wrap(", ".join(check.needs), _label("Needs"))
    yield from _documented(check, style)
    for cause in check.causes.values():
        yield ""
        yield f"  {style.mark(cause.outcome)} {style.strong(cause.code)}"
        yield style.wrap(cause.says, "    ")
        yield from numbered(cause.steps, cause.who, style, "    ")


def _one_cause(check: Check, id_: str, cause: Cause, style: Style) -> Iterator[str]:
    yield f"{style.mark(cause.outcome)} {style.strong(f'{id_}/{cause.code}')}"
    yield style.wrap(cause.says, "  ")
    yield ""
    yield from numbered(cause.steps, cause.who, style, "  ")
    yield ""
    stops = STOPS[check.gate] if cause.outcome is Outcome.FAIL else "nothing: a warning is only told"
    yield style.wrap(stops, _label("Stops"))
    yield style.wrap(f"`pomhealth explain {id_}`", _label("Other causes")).replace("`", "")
    yield from _documented(check, style)


def _documented(check: Check, style: Style) -> Iterator[str]:
    yield style.wrap(check.docs, _label("Documented in"))
    beside = all(len(_label("") + address) <= style.width for address in check.reading)
    if check.reading and not beside:  # whole addresses can be opened
        yield _label("By Pomerium").rstrip()
    for place, address in enumerate(check.reading):
        yield (_label("" if place else "By Pomerium") if beside else "    ") + address


def _label(name: str) -> str:
    return f"  {name:14}"


def how_often(check: Check) -> str:
    """When a check is looked at, in words."""
    if check.own:
        return "twice a second while it stands: the agent itself does it"
    if not check.measured:
        return "only by the replica itself, in its own report (Pomerium 0.31 and newer)"
    return f"every {_span(check.interval)}, every {_span(check.retry)} while it fails; a look takes {check.deadline:g} s at most"


def as_json(check: Check) -> dict[str, Any]:
    """One check as a JSON object."""
    return {
        "id": check.id,
        "area": check.area,
        "question": check.question,
        "means": check.means,
        "gate": check.gate.value,
        "measured": check.measured,
        "interval": check.interval,
        "deadline": check.deadline,
        "needs": list(check.needs),
        "docs": check.docs,
        "reading": list(check.reading),
        "causes": [
            {
                "code": cause.code,
                "outcome": cause.outcome.value,
                "says": cause.says,
                "who": cause.who,
                "steps": [_step(step) for step in cause.steps],
            }
            for cause in check.causes.values()
        ],
    }


def _gate(check: Check) -> str:
    return {Gate.LIVE: "[stops /readyz, /healthz]", Gate.READY: "[stops /readyz]", Gate.ALERT: "[told only]"}[
        check.gate
    ]


def _marked(cause: Cause) -> str:
    return f"{cause.code} (w)" if cause.outcome is Outcome.WARN else cause.code


def _step(step: Step) -> dict[str, Any]:
    """What to do everywhere, and what differs by platform."""
    return {"text": step.text, "by_platform": dict(step.on)}


def _span(seconds: float) -> str:
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit and seconds % unit == 0:
            number = int(seconds // unit)
            return name if number == 1 else f"{number} {name}s"
    return "second" if seconds == 1 else f"{seconds:g} seconds"
