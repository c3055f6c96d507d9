"""How the replica is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pomhealth.replica.model import Replica
from pomhealth.settings import Settings

Discover = Callable[[Settings, "Replica | None"], Replica]


class Changed(Protocol):
    """Tells cheaply whether to discover the replica anew; `watched` where the kernel tells of each file that changes."""

    def __call__(self, replica: Replica, settings: Settings, *, watched: bool) -> bool: ...


@dataclass(frozen=True, slots=True)
class Sight:
    """The ways to see it: `discover` finds it (raises ReplicaError), `changed` tells cheaply whether to ask again."""

    discover: Discover
    changed: Changed
