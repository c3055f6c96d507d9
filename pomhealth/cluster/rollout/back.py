"""When a restarted replica is back, so that the next one may go. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Running:
    """What runs now: `process` tells replica processes apart, "" where they cannot be seen; `ready` as /readyz says."""

    process: str
    ready: bool


@dataclass(frozen=True, slots=True)
class Watch:
    """What was seen of the replica since a lease was given for the process `of`.

    `away` is whether it was not ready at any moment since; None where an agent that came later has not seen it ready yet,
    so that what it sees is no restart but its own first looks. `since` is the moment from which on the same process is ready,
    None where it is not. Moments are those of any clock that passes evenly.
    """

    of: str
    process: str = ""
    away: bool | None = False
    since: float | None = None

    @property
    def another(self) -> bool:
        """Whether another process than the one of the lease runs; where none can be seen: whether it was away since."""
        return self.process not in ("", self.of) if self.of else self.away is True


def seen(watch: Watch, running: Running, now: float) -> Watch:
    """The watch after a look at what runs."""
    if not running.ready:
        return replace(watch, process=running.process, away=None if watch.away is None else True, since=None)
    same = watch.since is not None and watch.process == running.process
    since = watch.since if same else now
    return replace(watch, process=running.process, away=watch.away is True, since=since)


def left(watch: Watch, now: float, notice: float) -> float | None:
    """Seconds until the next one may go, 0 where it may: another process is ready, and the load balancer had `notice`
    seconds to see it. None where that is not in sight.
    """
    return max(watch.since + notice - now, 0.0) if watch.another and watch.since is not None else None
