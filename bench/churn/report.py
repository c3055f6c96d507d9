"""A churn of its own, and what is said of one: each alarm with what was going on, and a table."""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta, timezone

from bench.churn.churning import BRISK, Churn, churned
from bench.churn.witness import Said
from bench.stage import staged
from bench.table import milliseconds, table

_LINES, _WIDTH = 20, 240  # of the agent's log, told with an alarm
_BEFORE = 8.0  # seconds before an alarm in which what went on is told with it


def churn(minutes: float, *, seed: int = 1) -> Churn:
    """So many minutes of brisk churn on a stage of its own."""
    with staged() as stage:
        return churned(stage, BRISK, minutes * 60, seed=seed)


def told(outcome: Churn) -> str:
    """What went wrong, each with what was going on, and the table."""
    minutes = (outcome.ended - outcome.began) / 60
    rows = [
        ("minutes", f"{minutes:.1f}"),
        *((name, str(count)) for name, count in sorted(Counter(act.name for act in outcome.acts).items())),
        ("requests to the replica", _requests(outcome.requests["main"])),
        ("requests to /readyz", _requests(outcome.requests["agent"])),
        ("  the slowest", milliseconds(outcome.worst["agent"])),
        ("false alarms", str(sum(one.level != "warn" for one in outcome.for_nothing))),
        ("false warnings", str(sum(one.level == "warn" for one in outcome.for_nothing))),
        ("outages missed", str(len(outcome.missed))),
        ("recovered later than the budget", str(len(outcome.late))),
        ("agent, CPU", f"{outcome.busy:.2%} of a core"),
        (
            "agent, resident at start, end, most",
            ", ".join(
                f"{value:.1f}" for value in (outcome.memory[0], outcome.memory[-1], max(outcome.memory))
            )
            + " MiB",
        ),
        ("agent, log lines", str(len(outcome.log))),
    ]
    return "\n".join([*faulty(outcome), f"Churn for {minutes:.1f} minutes:", table(("", ""), rows)])


def faulty(outcome: Churn) -> list[str]:
    """What went wrong, each with what was going on."""
    return [
        *(_alarm(one, outcome) for one in outcome.for_nothing),
        *(f"{seconds:.1f} s after its end: {_alarm(one, outcome)}" for one, seconds in outcome.late),
        *(
            f"{_clock(one.began)} missed: {one.what} did not serve for {one.ended - one.began:.1f} s"
            for one in outcome.missed
        ),
    ]


def judged(outcome: Churn) -> str:
    """The verdicts alone: what went wrong, then one line."""
    counted = (
        f"{len(outcome.acts)} acts, {len(outcome.for_nothing)} alarms for nothing, {len(outcome.late)} late "
        f"recoveries, {len(outcome.missed)} missed outages, {outcome.ended - outcome.began:.0f} s"
    )
    return "\n".join([*faulty(outcome), counted])


def _alarm(one: Said, outcome: Churn) -> str:
    """One alarm, with what was done shortly before it and how the replica answered meanwhile."""
    acts = [
        f"{act.name} {act.began - one.began:+.1f} s"
        for act in outcome.acts
        if act.began <= one.began + 0.5 and act.ended >= one.began - _BEFORE
    ]
    near = [look for look in outcome.looks if look.began - _BEFORE <= one.began <= look.ended + _BEFORE]
    slowest = max((look.ended - look.began for look in near), default=0.0)
    lasted = "to the end" if one.ended is None else f"for {one.ended - one.began:.2f} s"
    return (
        f"{_clock(one.began)} {one.level} {one.id} {one.cause} {lasted}: {one.summary}\n"
        f"    meanwhile: {', '.join(acts) or 'nothing was done'}; the replica itself answered"
        f" {'always' if all(look.well for look in near) else 'NOT always'}, the slowest in {slowest:.2f} s"
        + "".join(f"\n    {line[:_WIDTH]}" for line in _said_between(one, outcome))
    )


def _said_between(one: Said, outcome: Churn) -> list[str]:
    """What the agent's log says from shortly before an alarm until its end."""
    first, last = _clock(one.began - 2.0), _clock(one.ended + 0.5 if one.ended is not None else outcome.ended)
    return [line for line in outcome.log if first <= line.partition('"timestamp": "')[2][11:23] <= last][
        :_LINES
    ]


def _requests(seen: Counter[str]) -> str:
    others = ", ".join(f"{name} {count:,}" for name, count in seen.most_common() if name != "200")
    return f"{seen['200']:,}" + (f" ({others})" if others else "")


def _clock(moment: float) -> str:
    """The time of day, UTC, of a moment on the monotonic clock."""
    return (datetime.now(timezone.utc) - timedelta(seconds=time.monotonic() - moment)).strftime(
        "%H:%M:%S.%f"
    )[:-3]
