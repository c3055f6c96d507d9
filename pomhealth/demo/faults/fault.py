"""What a fault is: a name, what it shows, how it is made and undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pomhealth.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `about` says in a few words what it does.

    `check` and `cause` are what the agent then finds; `stops` whether /readyz turns to 503. `make` does it and
    returns what was done; `undo` puts things right again, and does no harm where they are right already. Both
    raise DemoError. `file` marks those that change the configuration file, `rejected` those after which the
    replica no longer reads it; `ends` is the part that ends by it.
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
