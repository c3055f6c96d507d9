"""The turns of the last day, kept in memory: what the strips of a page are made of. No I/O here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pomhealth.history.model import Past, Turn, Watch
from pomhealth.history.strip import DAY
from pomhealth.status import Entry, Outcome, StatusMap

EACH = 500  # turns of one check
MOST = 10_000  # turns of all checks together
WATCHES = 500
UNSEEN = 5.0  # seconds after which that nobody has looked at a check is a state of its own
LONGEST = 300  # characters of a summary
_GONE = "the replica does not tell of it any more"
_NOT_YET = "not looked at yet"


class Memory:
    """Compares one map with the next, and keeps what turned. Times are seconds since the epoch, of the board's clock.

    It holds `EACH` turns of a check, `MOST` in all, and those of a day. What is dropped is the oldest, but of no check
    the state that it is in now: so a strip may begin late, and never tells what was not so.

    A check that is to be looked at anew stays in its state for `UNSEEN` seconds: the look mostly takes milliseconds,
    and that it is awaited is no news.
    """

    def __init__(self, now: float, *, each: int = EACH, most: int = MOST) -> None:
        self._each = each
        self._most = most
        self._turns: dict[str, tuple[Turn, ...]] = {}
        self._count = 0
        self._watches: tuple[Watch, ...] = ()
        self._began = now
        self._entries: Mapping[str, Entry] = {}
        self._standing: dict[str, Turn] = {}
        self._unseen: dict[str, float] = {}

    def seen(self, status: StatusMap, at: float) -> tuple[Turn, ...]:
        """Takes in the map as it is from `at` on; gives what turned. It costs little where nothing did."""
        entries, before = status.entries, self._entries
        turned: list[Turn] = []
        if entries is not before:
            for id_, entry in entries.items():
                if entry is not before.get(id_):
                    self._compare(id_, entry, at, turned)
            if before.keys() - entries.keys():
                turned.extend(self._leave(before.keys() - entries.keys(), at))
            self._entries = entries
        if self._unseen:
            turned.extend(self._overdue(at))
        for turn in turned:
            self._standing[turn.id] = turn
            self._keep(turn)
        return tuple(turned)

    def begin(self, end: float, at: float) -> tuple[Turn, ...]:
        """The watch ended at `end` and another begins `at`; gives the turns by which all is as it was published."""
        self._watches = (*self._watches, Watch(self._began, max(self._began, end)))[-WATCHES:]
        self._began = at
        turns = self.standing(at)
        for turn in turns:
            self._keep(turn)
        return turns

    def standing(self, at: float) -> tuple[Turn, ...]:
        """A turn `at` for each check, into the state in which it is now."""
        return tuple(replace(turn, at=at) for id_, turn in self._standing.items() if id_ in self._entries)

    def recall(self, past: Past) -> None:
        """Puts what runs before have left before what was seen in this one."""
        before = {id_: turns for id_, turns in past.turns.items() if turns}
        for id_ in before.keys() | self._turns.keys():
            kept = (*before.get(id_, ()), *self._turns.get(id_, ()))[-self._each :]
            self._count += len(kept) - len(self._turns.get(id_, ()))
            self._turns[id_] = kept
        self._watches = (*past.watches, *self._watches)[-WATCHES:]
        self._bound()

    def past(self, now: float) -> Past:
        """What was so in the day before `now`."""
        since = now - DAY.seconds
        if self._watches and self._watches[0].end < since:
            self._watches = tuple(watch for watch in self._watches if watch.end >= since)
        return Past(dict(self._turns), (*self._watches, Watch(self._began, max(now, self._began))))

    def shift(self, by: float) -> None:
        """The clock was moved by so many seconds: so is every time that is kept."""
        self._began += by
        self._watches = tuple(Watch(one.begin + by, one.end + by) for one in self._watches)
        self._turns = {
            id_: tuple(replace(turn, at=turn.at + by) for turn in turns) for id_, turns in self._turns.items()
        }
        self._standing = {id_: replace(turn, at=turn.at + by) for id_, turn in self._standing.items()}
        self._unseen = {id_: at + by for id_, at in self._unseen.items()}

    def _compare(self, id_: str, entry: Entry, at: float, turned: list[Turn]) -> None:
        finding = entry.finding
        if finding is None:
            self._unseen.setdefault(id_, at)
            return
        self._unseen.pop(id_, None)
        standing = self._standing.get(id_)
        if standing is None or (standing.outcome, standing.cause) != (finding.outcome, finding.cause):
            turned.append(Turn(at, id_, finding.outcome, finding.cause, _short(finding.summary)))

    def _leave(self, ids: Iterable[str], at: float) -> Iterable[Turn]:
        for id_ in ids:
            self._unseen.pop(id_, None)
            if id_ in self._standing:
                yield Turn(at, id_, Outcome.SKIPPED, summary=_GONE)

    def _overdue(self, at: float) -> list[Turn]:
        due = {id_: since for id_, since in self._unseen.items() if at - since >= UNSEEN}
        for id_ in due:
            self._unseen[id_] = float("inf")
        return [Turn(since, id_, Outcome.UNKNOWN, summary=_NOT_YET) for id_, since in due.items()]

    def _keep(self, turn: Turn) -> None:
        known = self._turns.get(turn.id, ())
        since = turn.at - DAY.seconds
        first = 0
        while first + 1 < len(known) and known[first + 1].at < since:
            first += 1
        kept = (*known[first:], turn)[-self._each :]
        self._turns[turn.id] = kept
        self._count += len(kept) - len(known)
        self._bound()

    def _bound(self) -> None:
        """Drops the oldest turns of those that are too many, first where a newer one of the same check stays."""
        while self._count > self._most:
            ids = [id_ for id_, turns in self._turns.items() if len(turns) > 1]
            ids = ids or [id_ for id_ in self._turns if id_ not in self._entries] or list(self._turns)
            oldest = min(ids, key=lambda id_: self._turns[id_][0].at)
            self._turns[oldest] = self._turns[oldest][1:]
            self._count -= 1
            if not self._turns[oldest]:
                del self._turns[oldest]
                self._standing.pop(oldest, None)


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"
