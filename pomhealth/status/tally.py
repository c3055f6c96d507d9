"""How the looks at one check went, since the agent started. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Count:
    """`looks` that were made, and how many seconds they took together and the last one alone.

    Of them `timeouts` got no answer in time, `failures` found something that fails, and `broken` broke off by a fault
    of pomhealth's own; `changes` is how often the state of the check turned.
    """

    looks: int = 0
    seconds: float = 0.0
    last: float = 0.0
    timeouts: int = 0
    failures: int = 0
    broken: int = 0
    changes: int = 0
