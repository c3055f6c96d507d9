"""The table of faults. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from bench.faults.catalogue import BUDGETS
from bench.faults.round import Own, Round
from bench.faults.watch import REFUSED, SILENT
from bench.table import table
from pomhealth.demo.faults import Fault

_HEAD = ("", "stops", "by", "told", "worst", "budget", "cause", "over", "worst", "budget", "own report")
_NOTE = """\
  told: from the begin of the act to 503 on /readyz where the fault stops traffic, else to its alert in /alerts; what it
  takes beforehand (a key, a mount, another program) is there already. cause: to the alert with the right cause, median.
  over: from the return of what undoes it (a server that is started again answers by then) to 200, or to the alert's
  end; 0 is before that return. ! marks a median over its budget. Acts and their ends fall at any moment
  between two looks, at random. The agent was asked every 5 ms.
  by: what tells of it first; the budgets are, from the act and from its end:
{}
  own report: the stand-in's own /readyz, which follows as slowly as Pomerium's was measured to, in the first round,
  which lasts 8 s for it."""
_BY = {
    "event": "an event: a process ends, a connection closes or is refused, a file changes",
    "silence": "no answer within a look's deadline; counted from the act, not from the question",
    "look": "the next look at Envoy, Pomerium or PostgreSQL, of each second or two",
    "minute": "a look that is made once a minute, for what makes no event and may be dear",
}


def rendered(measured: Mapping[Fault, Sequence[Round]]) -> str:
    """Every fault with at least one round."""
    rows = [_row(fault, rounds) for fault, rounds in measured.items() if rounds]
    return f"{table(_HEAD, rows)}\n{_NOTE.format(_budgets())}"


def _row(fault: Fault, rounds: Sequence[Round]) -> tuple[str, ...]:
    budget = BUDGETS[fault.seen]
    told, healed = [one.told for one in rounds], [one.healed for one in rounds]
    return (
        fault.name,
        "yes" if fault.stops else "no",
        budget.by,
        *_figures(told, budget.told),
        f"{median(one.rightly for one in rounds):.2f}",
        *_figures(healed, budget.healed),
        _own([one.own for one in rounds if one.own is not None]),
    )


def _figures(values: Sequence[float], budget: float) -> tuple[str, str, str]:
    mark = "!" if median(values) > budget else ""
    return f"{mark}{median(values):.2f}", f"{max(values):.2f}", f"{budget:g}"


def _budgets() -> str:
    return "\n".join(
        f"    {one.by:<8}{one.told:g} s told, {one.healed:g} s over: {_BY[kind]}"
        for kind, one in BUDGETS.items()
    )


def _own(reports: Sequence[Own]) -> str:
    said = [one for one in reports if one.code != 200]
    if said:
        word = {SILENT: "silent", REFUSED: "refused"}.get(said[0].code, str(said[0].code))
        return f"{word} after {median(one.seconds for one in said):.1f} s"
    if reports:
        return f"200 for {max(one.seconds for one in reports):.0f} s"
    return "not well before"
