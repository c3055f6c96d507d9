"""The cluster as an agent tells of it, read and made harmless: no text holds what a terminal would obey."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Illness:
    """A check that fails or warns. `outcome` is "fail" or "warn", `gate` what it stops: "live", "ready", "alert"."""

    id: str
    cause: str
    outcome: str
    gate: str
    summary: str

    @property
    def name(self) -> str:
        return ": ".join(part for part in (self.id, self.cause) if part)


@dataclass(frozen=True, slots=True)
class Told:
    """One replica. `state` is one of those of /replicas; times are seconds since the epoch, 0 where they are not known.

    Of one without an agent there is no more than `host`, `state` and `seen_by`. `own` is whether the agent that tells
    watches it. `checks` is there only where this replica alone was asked for.
    """

    host: str
    state: str
    id: str = ""
    seen_by: str = ""
    own: bool = False
    said_ready: bool = False
    ailments: tuple[Illness, ...] = ()
    pomerium: str = ""
    envoy: str = ""
    agent: str = ""
    config: str = ""
    config_since: float = 0.0
    first_seen: float = 0.0
    last_seen: float = 0.0
    addresses: Mapping[str, str] = field(default_factory=dict)
    clock: float | None = None
    peer: str = ""
    metrics: str = ""
    instead_of: str = ""
    checks: Mapping[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What tells it from every other."""
        return self.id or f"{self.state} {self.host}"

    @property
    def present(self) -> bool:
        """Whether its agent gives signs of life."""
        return self.state in ("ready", "not-ready", "draining")


@dataclass(frozen=True, slots=True)
class Cluster:
    """All of it. `at` is the moment of which it tells; `hidden` how many replicas were left out.

    `turn` is the host that may restart its replica now, "" for none, until `turn_ends`.
    """

    enabled: bool
    complete: bool = True
    notice: str = ""
    fix: tuple[str, ...] = ()
    at: float = 0.0
    expected: int = 0
    hidden: int = 0
    turn: str = ""
    turn_ends: float = 0.0
    replicas: tuple[Told, ...] = ()
