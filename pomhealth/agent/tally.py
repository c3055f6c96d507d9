"""Counts how the looks at each check went, and how often its state turned, since the agent started."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pomhealth.status import Change, Finding, Outcome
from pomhealth.status.tally import Count

MOST = 256  # ids that are counted, at most: the replica may report of any
_NEW = Count()


class Tally:
    """Counts by the id of the check. What exceeds `MOST` ids is not counted."""

    def __init__(self) -> None:
        self._counts: dict[str, Count] = {}

    @property
    def counts(self) -> Mapping[str, Count]:
        """The counts as they stand now; nothing changes them later."""
        return dict(self._counts)

    def looked(self, id_: str, took: float, finding: Finding, *, broke: bool, timed_out: bool) -> None:
        """One look was made: it took so many seconds, broke off by a fault of our own, or got no answer in time."""
        known = self._counts.get(id_, _NEW)
        self._keep(
            id_,
            replace(
                known,
                looks=known.looks + 1,
                seconds=known.seconds + took,
                last=took,
                timeouts=known.timeouts + timed_out,
                failures=known.failures + (finding.outcome is Outcome.FAIL),
                broken=known.broken + broke,
            ),
        )

    def changed(self, turned: Iterable[Change]) -> None:
        """These checks turned. The first state of one is no turn."""
        for change in turned:
            if change.was:
                known = self._counts.get(change.id, _NEW)
                self._keep(change.id, replace(known, changes=known.changes + 1))

    def _keep(self, id_: str, count: Count) -> None:
        if id_ in self._counts or len(self._counts) < MOST:
            self._counts[id_] = count
