"""What a fault is: a name, what it shows, how it is made and undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pomhealth.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `about` says in a few words what it does.

    `check` and `cause` are what the agent then finds; `stops` whether /readyz turns to 503. `make` does it and
    returns what was done; `undo` puts things right again, and does no harm where they are right already. Both
    raise DemoError. `file` marks those that change the configuration file, `rejected` those after which the
    replica no longer reads it; `ends` is the part that ends by it.

    For those who measure: the fault begins with the call of `make`, so what takes time before the act itself (a
    key to make, a program to start) is for `prepare`, called first. It is over when `undo` returns; `tidy` then
    puts away what was prepared, and has to be called before the next fault. `seen` says what tells: an event of the
    kernel's, silence, the next look of a second or so, or one of a minute. `also` are other failures (check, cause)
    that are as true beside it; `root` says that only root can make it.
    """

    name: str
    about: str
    check: str
    cause: str
    stops: bool
    make: Callable[[Stage], str]
    undo: Callable[[Stage], str]
    file: bool = False
    rejected: bool = False
    ends: str = ""
    prepare: Callable[[Stage], None] | None = None
    seen: Literal["event", "silence", "look", "minute"] = "event"
    also: tuple[tuple[str, str], ...] = ()
    root: bool = False
    tidy: Callable[[Stage], None] | None = None

    def begin(self, stage: Stage) -> str:
        """Prepares it and makes it."""
        if self.prepare is not None:
            self.prepare(stage)
        return self.make(stage)

    def end(self, stage: Stage) -> str:
        """Undoes it and what was prepared for it."""
        done = self.undo(stage)
        if self.tidy is not None:
            self.tidy(stage)
        return done
