"""The table of faults. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from bench.faults.catalogue import BUDGETS
from bench.faults.round import Own, Round
from bench.faults.watch import REFUSED, SILENT
from bench.table import table
from pomhealth.demo.faults import Fault

_HEAD = (
    "fault",
    "stops",
    "told: median",
    "worst",
    "budget",
    "its cause",
    "over: median",
    "worst",
    "budget",
    "the replica's own report",
)
_NOTE = """\
  told: from the begin of the act to 503 on /readyz where the fault stops traffic, else to its alert in /alerts; its
  cause: to the alert with the right cause, median. over: from the return of what undoes it (a server that is started
  again answers by then) to 200, or to the alert's end; 0 is before that return. The agent was asked every 5 ms, a
  figure over its budget is marked with !. The replica's own report is the stand-in's /readyz, which follows as slowly
  as Pomerium's was measured to."""


def rendered(measured: Mapping[Fault, Sequence[Round]]) -> str:
    """Every fault with at least one round."""
    rows = [_row(fault, rounds) for fault, rounds in measured.items() if rounds]
    return f"{table(_HEAD, rows)}\n{_NOTE}"


def _row(fault: Fault, rounds: Sequence[Round]) -> tuple[str, ...]:
    budget = BUDGETS[fault.seen]
    told, healed = [one.told for one in rounds], [one.healed for one in rounds]
    return (
        f"{fault.name}: {fault.about}",
        "yes" if fault.stops else "no",
        *_figures(told, budget.told),
        _seconds(median(one.rightly for one in rounds)),
        *_figures(healed, budget.healed),
        _own([one.own for one in rounds if one.own is not None]),
    )


def _figures(values: Sequence[float], budget: float) -> tuple[str, str, str]:
    mark = "!" if median(values) > budget else ""
    return f"{mark}{_seconds(median(values))}", _seconds(max(values)), f"{budget:g} s"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value else "0"


def _own(reports: Sequence[Own]) -> str:
    said = [one for one in reports if one.code != 200]
    if said:
        word = {SILENT: "silent", REFUSED: "refused"}.get(said[0].code, str(said[0].code))
        return f"{word} after {median(one.seconds for one in said):.1f} s"
    if reports:
        return f"200 for the {max(one.seconds for one in reports):.0f} s watched"
    return "not well before"
