"""The verdict in words: should this replica get traffic, and if not, because of what. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from pomhealth.drain.model import ID as DRAIN
from pomhealth.publish.page.icon import icon
from pomhealth.publish.page.pieces import Piece, inline
from pomhealth.publish.page.words import css, word
from pomhealth.publish.view import View
from pomhealth.status import Entry, Gate, Outcome

SIGNS = {
    "ready": "✓",
    "concern": "!",
    "not-ready": "✗",
    "starting": "…",
    "draining": "↓",
    "blind": "?",
}
_NAMED = 6  # checks that are named; a replica without its main process has one root anyway


@dataclass(frozen=True, slots=True)
class Named:
    """A check and what is the matter with it, in the cause's code or in a word."""

    id: str
    css: str
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`state` is a key of SIGNS, `subject` what it is about; `why` what keeps the replica from being ready, `besides` what
    else is to be seen to. `cluster` is how the cluster is, in short.
    """

    state: str
    subject: str
    headline: str
    detail: tuple[Piece, ...]
    why: tuple[Named, ...]
    besides: tuple[Named, ...]
    more: int
    notice: tuple[Piece, ...]
    counts: str
    title: str
    icon: str
    cluster: str = ""


def verdict(view: View, cluster: str = "") -> Verdict:
    """What stands at the top of the page, in its title and in its icon; `cluster` is how the cluster is, in short."""
    status = view.status
    stopping = () if status.blind else status.stopping(Gate.LIVE, Gate.READY)
    stopping = tuple(sorted(stopping, key=lambda entry: (entry.urgency, entry.component.since)))
    besides = tuple(entry for entry in status.alerts() if entry not in stopping)
    state, headline, detail = _said(view, stopping, besides)
    why = () if state == "starting" else named(stopping)
    first = [one.id for one in why[:2]]
    seen_to = [entry.id for entry in besides[:1]]
    because = f": {', '.join(first)}" if first else f", see to {seen_to[0]}" if seen_to else ""
    return Verdict(
        state=state,
        subject=_subject(view),
        headline=headline,
        detail=inline(detail),
        why=why[:_NAMED],
        besides=named(besides)[:_NAMED],
        more=max(len(why) - _NAMED, 0) + max(len(besides) - _NAMED, 0),
        notice=inline(view.notice),
        counts=_counts(view),
        title=f"{SIGNS[state]} {headline}{because} · pomhealth",
        icon=icon(state),
        cluster=cluster,
    )


def _subject(view: View) -> str:
    """Which replica it is about, for whoever looks at several."""
    replica = view.replica
    version, pid = replica.get("version"), replica.get("pid")
    where = (replica.get("addresses") or {}).get("address")
    name = f"Pomerium {version}" if version else "The Pomerium replica"
    return ", ".join([name, *([f"pid {pid}"] if pid else []), *([str(where)] if where else [])])


def _said(view: View, stopping: tuple[Entry, ...], besides: tuple[Entry, ...]) -> tuple[str, str, str]:
    status = view.status
    if view.drain is not None:
        return "draining", "Draining", f"The replica is {view.drain['summary']}."
    if status.blind:
        return "blind", "Not known", "Nothing that readiness depends on can be seen from here."
    if stopping and all(entry.pending for entry in stopping):
        counting = status.counting(Gate.LIVE, Gate.READY)
        looked = sum(not entry.pending for entry in counting)
        return "starting", "Starting", f"{looked} of {len(counting)} checks that count have been looked at."
    if stopping:
        live = "" if status.live else " A restart would help: /healthz answers 503 too."
        return "not-ready", "Not ready", f"/readyz answers 503.{live}"
    if any(entry.unobserved and entry.component.gate is not Gate.ALERT for entry in status.entries.values()):
        return "concern" if besides else "ready", "Ready, as far as can be seen from here", ""
    return "concern" if besides else "ready", "Ready", ""


def named(entries: Iterable[Entry]) -> tuple[Named, ...]:
    """Checks by name, without the drain's: that is not found, it is ordered."""
    return tuple(
        Named(
            entry.id,
            css(entry),
            entry.finding.cause if entry.finding and entry.finding.cause else word(entry),
        )
        for entry in entries
        if entry.id != DRAIN
    )


def _counts(view: View) -> str:
    applying = [entry for entry in view.status.entries.values() if entry.applies]
    counts = Counter("waiting" if entry.pending else entry.outcome for entry in applying)
    words = {
        Outcome.FAIL: "failed",
        Outcome.WARN: "warned",
        "waiting": "not looked at yet",
        Outcome.UNKNOWN: "cannot be seen",
        Outcome.SKIPPED: "not judged",
        Outcome.PASS: "passed",
    }
    told = ", ".join(f"{counts[what]} {said}" for what, said in words.items() if counts[what])
    return f"{len(applying)} check{'' if len(applying) == 1 else 's'}: {told or 'nothing to judge'}"
