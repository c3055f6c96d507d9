"""What came of the requests: how many there were, which failed, when, how and where. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

KINDS = {
    "kept": "short, over kept connections",
    "new": "short, a new connection each",
    "stream": "streams",
    "socket": "WebSockets",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One request that failed: its kind, `at` which moment (monotonic), what was seen, and of which replica ("" unknown).

    `after` are the seconds since it was sent.
    """

    kind: str
    at: float
    what: str
    replica: str
    after: float


@dataclass(frozen=True, slots=True)
class Act:
    """One step of a restart, as it was done; times on the monotonic clock."""

    restart: int
    replica: str
    step: str
    began: float
    ended: float


@dataclass
class Tally:
    """Requests by their kind, and those that failed."""

    asked: Counter[str] = field(default_factory=Counter)
    failures: list[Failure] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.asked.total()

    def failed(self, kind: str) -> int:
        return sum(one.kind == kind for one in self.failures)

    def ways(self) -> Counter[str]:
        """How often each way to fail was seen."""
        return Counter(one.what for one in self.failures)

    def as_json(self) -> dict[str, Any]:
        return {"asked": dict(self.asked), "failures": [asdict(one) for one in self.failures]}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Tally:
        return cls(Counter(said["asked"]), [Failure(**one) for one in said["failures"]])


@dataclass(frozen=True, slots=True)
class Seen:
    """Which replicas the load balancer sent requests to from this moment on (monotonic)."""

    at: float
    members: frozenset[str]


def absences(seen: Sequence[Seen], member: str, until: float) -> list[float]:
    """How many seconds each time a member was out of rotation; one that has not ended counts to `until`."""
    found: list[float] = []
    since: float | None = None
    for look in seen:
        if member not in look.members:
            since = look.at if since is None else since
        elif since is not None:
            found.append(look.at - since)
            since = None
    if since is not None:
        found.append(until - since)
    return found


def told(failure: Failure, acts: Iterable[Act]) -> str:
    """One failure in words, with what was done at that moment, or had last been done before."""
    before = [act for act in acts if act.began <= failure.at]
    when = "before the first restart"
    if before:
        act = before[-1]
        since = "during" if failure.at <= act.ended else "after"
        when = f"{since} {act.step} of {act.replica} (restart {act.restart}), {failure.at - act.began:.2f} s from its begin"
    where = failure.replica or "?"
    return (
        f"{failure.kind}: {failure.what} at replica {where}, {failure.after:.2f} s after it was sent; {when}"
    )
