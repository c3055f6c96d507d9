"""The truth in one line, as `systemctl status` shows it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pomhealth.drain.model import ID as DRAIN
from pomhealth.drain.model import End
from pomhealth.publish.view import View
from pomhealth.status import Entry, Gate, Outcome

LONGEST = 240  # characters


def one_line(view: View) -> str:
    """Whether the replica is ready, and if it is not, why: the root that is worst, with its cause. As long as it is."""
    drain = _drain(view)
    if drain:
        return drain
    if view.status.ready:
        return _ready(view)
    return _not_ready(view)


def short(text: str) -> str:
    """No longer than is read at a glance. Secrets are taken out before: half of one is none that is known."""
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"


def _drain(view: View) -> str:
    """How a drain stands; "" without one. Of a replica that ended with it, that none runs is what there is to say."""
    entry = view.status.entries.get(DRAIN)
    end = view.drain.get("end") if view.drain is not None else None
    if entry is None or entry.finding is None or entry.outcome is not Outcome.FAIL or end == End.GONE.value:
        return ""
    return f"{'drained' if end else 'draining'}: {entry.finding.summary}"


def _ready(view: View) -> str:
    alerts = view.status.alerts()
    parts = ["ready", *([_first(alerts, "alert", "alerts")] if alerts else []), view.notice]
    return "; ".join(part for part in parts if part)


def _not_ready(view: View) -> str:
    if view.notice:
        return f"not ready: {view.notice}"
    stopping = sorted(view.status.stopping(Gate.LIVE, Gate.READY), key=lambda entry: entry.urgency)
    failing = [entry for entry in stopping if entry.outcome is Outcome.FAIL]
    unknown = [entry for entry in stopping if entry.finding is not None and entry not in failing]
    if failing:
        return f"not ready: {_first(failing, '', 'checks fail')}"
    if unknown:
        return f"not ready: {_first(unknown, '', 'checks are unknown')}"
    return "not ready: the first looks are being made"


def _first(entries: Sequence[Entry], one: str, several: str) -> str:
    """The first of them, and how many there are: that stands first, since what is last may be cut off."""
    if len(entries) > 1:
        return f"{len(entries)} {several}, first {_told(entries[0])}"
    return f"1 {one}: {_told(entries[0])}" if one else _told(entries[0])


def _told(entry: Entry) -> str:
    assert entry.finding is not None
    return ": ".join(part for part in (entry.id, entry.finding.cause, entry.finding.summary) if part)
