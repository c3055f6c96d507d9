"""What is said of an agent and its checks in a line. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone

from pomhealth.status import Outcome
from pomhealth.watch.model import Check, Snapshot, Turn
from pomhealth.watch.order import urgency

_MOST_NAMED = 3
_COUNTED = {
    Outcome.FAIL: "failed",
    Outcome.WARN: "warned",
    Outcome.UNKNOWN: "not known",
    Outcome.SKIPPED: "not judged",
    Outcome.PASS: "passed",
}


def verdict(snapshot: Snapshot) -> tuple[Outcome, str]:
    """Whether the replica should get traffic, and because of what; with the sign that goes with it."""
    worst = sorted(snapshot.checks, key=urgency)
    told = [check for check in worst if check.outcome in (Outcome.FAIL, Outcome.WARN) and not check.stops]
    besides = f"; to see to: {_named(told)}" if told else ""
    if snapshot.ready:
        return (told[0].outcome if told else Outcome.PASS), f"ready{besides}"
    stopping = [check for check in worst if check.stops]
    if stopping:
        restart = "" if snapshot.live else "; a restart would help (/healthz fails)"
        return Outcome.FAIL, f"not ready: {_named(stopping)}{restart}{besides}"
    waiting = [check for check in worst if check.pending]
    if waiting:
        return Outcome.UNKNOWN, f"not ready: {_checks(len(waiting))} not looked at yet{besides}"
    return Outcome.UNKNOWN, f"not ready: nothing that readiness depends on can be seen{besides}"


def counts(snapshot: Snapshot) -> str:
    """How many checks there are, and how they stand."""
    by = Counter(check.outcome for check in snapshot.checks)
    told = ", ".join(f"{by[outcome]} {word}" for outcome, word in _COUNTED.items() if by[outcome])
    return f"{_checks(len(snapshot.checks))}: {told}" if told else "no checks"


def changed(turn: Turn) -> str:
    """What a change came from, and what follows from it; "" where there is nothing to say."""
    parts = [f"was {turn.was} for {span(turn.lasted)}"] if turn.was else []
    if turn.followers:
        parts.append(f"not judged while it fails: {', '.join(turn.followers)}")
    return "; ".join(parts)


def line(state: str, summary: str) -> str:
    """The cause and what was found: "read-only: PostgreSQL takes no writes"."""
    cause = state.partition(": ")[2]
    return f"{cause}: {summary}" if cause and summary else cause or summary


def span(seconds: float) -> str:
    """A duration in its two largest units: "2 min 3 s"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    left = round(seconds)
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        number, left = divmod(left, size)
        if number or parts:
            parts.append(f"{number} {unit}" if number else "")
    return " ".join(part for part in parts[:2] if part)


def stamp(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(at: str, now: float) -> str:
    """An RFC 3339 time as short as can be: the time of today, the day and minute of another day; in UTC."""
    today = stamp(now)[:10]
    return at[11:19] if at[:10] == today else f"{at[5:10]} {at[11:16]}" if at else ""


def _named(checks: list[Check]) -> str:
    named = [f"{check.id} ({check.cause})" if check.cause else check.id for check in checks[:_MOST_NAMED]]
    more = len(checks) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _checks(number: int) -> str:
    return f"{number} check" if number == 1 else f"{number} checks"
