"""Everything that is known of the selected line; the log of changes; the help. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pomhealth.catalogue import CURERS
from pomhealth.report.style import Style
from pomhealth.status import Outcome
from pomhealth.watch import words
from pomhealth.watch.model import Check, Seen, Turn
from pomhealth.watch.order import Row
from pomhealth.watch.view.line import Line, Look, Piece, cut, plain, wrapped

_MOST_TURNS = 5
_LONG = 20  # characters: what is seen and as long as this stands in the summary on purpose, not by chance
_COMMAND = re.compile(r"`([^`]+)`")

KEYS = (
    ("up, down, j, k", "select a check; also page up and down, home, end, a click"),
    ("enter", "its details alone, or beside the list again"),
    ("tab", "move within the details, or in the list again"),
    ("c", "copy the command of the first step; again: the next one"),
    ("/", "show only what the words that you type are found in; esc: everything"),
    ("p", "only problems, or everything"),
    ("s", "sort: worst first, by catalogue, latest first"),
    ("l", "the log of changes, or the details"),
    ("?", "this help"),
    ("q, ctrl-c", "end"),
)
_SIGNS = (
    (Outcome.FAIL, "fail", "it is broken"),
    (Outcome.WARN, "warn", "it works, and is to be seen to"),
    (Outcome.UNKNOWN, "unknown", "it cannot be seen, or was not looked at yet"),
    (Outcome.SKIPPED, "skipped", "it is not judged while another check fails"),
    (Outcome.PASS, "pass", "it works"),
)


def commands(row: Row | None) -> tuple[str, ...]:
    """What of the steps can be typed: the parts in backticks, where they are more than a name."""
    steps = row.check.fix if row and row.check else (row.seen.fix,) if row else ()
    found = dict.fromkeys(part for step in steps for part in _COMMAND.findall(step))
    return tuple(part for part in found if " " in part.strip())


def details(row: Row | None, style: Style, width: int, now: float) -> list[Line]:
    """The selected line in full, in lines of at most `width` columns."""
    if row is None:
        return []
    if row.check is None:
        return list(_away(row.seen, width))
    return list(_check(row.seen, row.check, style, width, now))


def _check(seen: Seen, check: Check, style: Style, width: int, now: float) -> Iterator[Line]:
    if seen.trouble:
        of = words.clock(words.stamp(seen.contact), now)
        yield plain(cut(f"Old, as of {of} UTC: the agent does not answer.", width, "..."), Look.UNKNOWN)
    yield _state(check, style)
    yield from _text(check.summary, width)
    if check.blocked_by:
        yield from _text(f"Follows from {check.blocked_by}.", width)
    if check.reported:
        yield from _text(f"The replica itself reports otherwise: {check.reported}", width)
    yield from _evidence(check, width)
    yield from _steps(check, width)
    followers = [one.id for one in _checks(seen) if one.blocked_by == check.id]
    if followers:
        yield from _text(", ".join(followers), width, "Not judged while it fails: ", "  ")
    if check.since:
        yield from _text(check.since, width, "Since     ")
    turns = [turn for turn in seen.turns if turn.id == check.id and turn.was][-_MOST_TURNS:]
    for turn in reversed(turns):
        yield from _text(f"{turn.at} {turn.state} ({words.changed(turn)})", width, "Changed   ")
    cause = f"/{check.cause}" if check.cause else ""
    yield from _text(f"pomhealth explain {check.id}{cause}", width, "More      ")


def _evidence(check: Check, width: int) -> Iterator[Line]:
    for one in check.evidence:
        repeated = len(one.observed) > _LONG and one.observed in check.summary
        if one.source or one.observed:
            said = one.source if repeated else f"{one.source}: {one.observed}"
            yield from _text(said, width, "seen at   " if repeated else "seen      ")
        if one.expected:
            yield from _text(one.expected, width, "expected  ")


def _steps(check: Check, width: int) -> Iterator[Line]:
    if not check.fix:
        return
    who = CURERS.get(check.who, "")
    yield plain(cut(f"To do, by {who}:" if who else "To do:", width, "..."), Look.STRONG)
    for number, step in enumerate(check.fix, 1):
        yield from _text(step, width, f"{number}. ")


def _state(check: Check, style: Style) -> Line:
    stops = " (stops /readyz)" if check.stops else ""
    return (
        Piece(f"{style.mark(check.outcome)} {check.state}", Look.of(check.outcome)),
        Piece(stops, Look.FAINT),
    )


def _away(seen: Seen, width: int) -> Iterator[Line]:
    yield from _text(f"No answer from {seen.address}: {seen.trouble}.", width)
    yield from _text(f"{words.stamp(seen.away_since)}; it is tried again and again", width, "Since     ")
    if seen.fix:
        yield from _text(seen.fix, width, "To do     ")
    if seen.snapshot is not None:
        yield from _text("What is shown of its checks is old, as of then.", width)
        yield from _text(words.verdict(seen.snapshot)[1], width, "It was    ")


def log(agents: Sequence[Seen], style: Style, width: int, now: float) -> list[Line]:
    """What changed, the latest first: turns of checks, and the times when an agent did not answer."""
    entries: list[tuple[str, int, Outcome, str]] = []
    for number, seen in enumerate(agents, 1):
        entries += [(turn.at, number, turn.outcome, _turned(turn)) for turn in seen.turns]
        for gap in seen.absences:
            entries.append((words.stamp(gap.begin), number, Outcome.UNKNOWN, f"no answer: {gap.why}"))
            if gap.end:
                lasted = words.span(gap.end - gap.begin)
                entries.append(
                    (words.stamp(gap.end), number, Outcome.UNKNOWN, f"it answers again, after {lasted}")
                )
    more = "…" if style.unicode else "..."
    lines: list[Line] = []
    for at, number, outcome, text in sorted(entries, key=lambda one: one[0], reverse=True):
        when = words.clock(at, now)
        who = f"{number:>2} " if len(agents) > 1 else ""
        room = width - len(when) - 1 - 2 - len(who)
        lines.append(
            (
                Piece(f"{when} "),
                Piece(f"{style.mark(outcome)} ", Look.of(outcome)),
                Piece(f"{who}{cut(text, room, more)}"),
            )
        )
    return lines or [plain("nothing has changed yet", Look.FAINT)]


def help_(style: Style, width: int) -> list[Line]:
    """The keys and the signs."""
    lines = [plain("Keys", Look.STRONG)]
    for keys, what in KEYS:
        lines += _text(what, width, f"  {keys:14}  ")
    lines += [plain(""), plain("Signs", Look.STRONG)]
    for outcome, word, what in _SIGNS:
        lines.append(
            (
                Piece(f"  {style.mark(outcome)} {word:8} ", Look.of(outcome)),
                Piece(cut(what, width - 13, "...")),
            )
        )
    return [*lines, *_text("Times are in UTC.", width, "  ")]


def _turned(turn: Turn) -> str:
    more = words.changed(turn)
    return f"{turn.id}: {turn.state}" + (f" ({more})" if more else "") + f": {turn.summary}"


def _checks(seen: Seen) -> tuple[Check, ...]:
    return seen.snapshot.checks if seen.snapshot else ()


def _text(text: str, width: int, first: str = "", rest: str | None = None) -> list[Line]:
    return [plain(line) for line in wrapped(text, width, first, rest)]
