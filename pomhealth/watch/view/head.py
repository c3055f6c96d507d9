"""The lines at the top: the verdict on each agent. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pomhealth.report.style import Style
from pomhealth.status import Outcome
from pomhealth.watch import words
from pomhealth.watch.model import Seen
from pomhealth.watch.view.line import Line, Look, Piece, cut, wrapped

_AWAY, _ASKED = "away", "asked"
_RANK = {Outcome.FAIL: 0, Outcome.UNKNOWN: 1, Outcome.WARN: 2, Outcome.SKIPPED: 3, Outcome.PASS: 4}


def head(agents: Sequence[Seen], style: Style, width: int, most: int, now: float) -> list[Line]:
    """At most `most` lines, each at most `width` wide: all about an agent alone, a line for each of several."""
    if len(agents) == 1:
        return _whole(_one(agents[0], now), style, width)[:most]
    told = [(number, *_verdict(seen, now)) for number, seen in enumerate(agents, 1)]
    told.sort(key=lambda one: (_RANK[one[1]], one[0]))
    room = most - 1
    shown = told if len(told) <= room else told[: room - 1]
    lines = [(Outcome.SKIPPED, "", _summary(agents), Look.STRONG)]
    for number, outcome, said in shown:
        lines.append((outcome, f"{number:>2} ", f"{agents[number - 1].address}  {said}", Look.USUAL))
    if len(shown) < len(told):
        lines.append((Outcome.SKIPPED, "", f"   and {len(told) - len(shown)} more", Look.FAINT))
    return _fitted(lines, style, width)


def _one(seen: Seen, now: float) -> list[tuple[Outcome, str, str, Look]]:
    """The lines of an agent that is watched alone."""
    outcome, said = _verdict(seen, now)
    lines = [(outcome, "", said[:1].upper() + said[1:], Look.STRONG)]
    snapshot = seen.snapshot
    about = seen.address
    if snapshot is not None:
        about = f"{seen.address}: {words.counts(snapshot)}; {snapshot.about}"
    asked = "; asked every 2 s" if seen.polled and not seen.trouble else ""
    lines.append((Outcome.SKIPPED, "", f"{about}{asked}", Look.FAINT))
    if seen.trouble and seen.fix:
        lines.append((Outcome.SKIPPED, "", f"To do: {seen.fix}", Look.USUAL))
    besides = (snapshot.notice, snapshot.drain) if snapshot and not seen.trouble else ()
    return [*lines, *((Outcome.SKIPPED, "", text, Look.USUAL) for text in besides if text)]


def _verdict(seen: Seen, now: float) -> tuple[Outcome, str]:
    """What is to be said of the agent, with its sign."""
    said = words.verdict(seen.snapshot) if seen.snapshot else (Outcome.UNKNOWN, "")
    if seen.trouble:
        since = words.clock(words.stamp(seen.away_since), now)
        old = f"; old, of then: {said[1]}" if said[1] else ""
        return Outcome.UNKNOWN, f"no answer since {since} UTC: {seen.trouble}{old}"
    return said if said[1] else (Outcome.UNKNOWN, "asked, and not answered yet")


def _summary(agents: Sequence[Seen]) -> str:
    """How many agents there are, and how they stand."""
    by = Counter(
        _AWAY
        if seen.trouble
        else _ASKED
        if seen.snapshot is None
        else "ready"
        if seen.snapshot.ready
        else "not ready"
        for seen in agents
    )
    told = ", ".join(f"{by[word]} {word}" for word in ("not ready", _AWAY, _ASKED, "ready") if by[word])
    return f"{len(agents)} agents: {told}"


def _whole(lines: list[tuple[Outcome, str, str, Look]], style: Style, width: int) -> list[Line]:
    """The lines, each as long as it is: it goes on below."""
    done: list[Line] = []
    for outcome, _, text, look in lines:
        mark = style.mark(outcome) if outcome is not Outcome.SKIPPED else " "
        signs = [Piece(f"{mark} ", Look.of(outcome)), Piece("  ")]
        parts = wrapped(text, max(width - 2, 1))
        done += [(signs[min(at, 1)], Piece(part, look)) for at, part in enumerate(parts)]
    return done


def _fitted(lines: list[tuple[Outcome, str, str, Look]], style: Style, width: int) -> list[Line]:
    more = "…" if style.unicode else "..."
    done: list[Line] = []
    for outcome, number, text, look in lines:
        mark = style.mark(outcome) if outcome is not Outcome.SKIPPED else " "
        room = width - len(number) - 2
        done.append((Piece(number), Piece(f"{mark} ", Look.of(outcome)), Piece(cut(text, room, more), look)))
    return done
