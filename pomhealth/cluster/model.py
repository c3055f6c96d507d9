"""The nouns: what an agent says of its replica, the row that keeps it, and all rows as one agent knows them. Pure.

Times are seconds since the epoch by the clock of the database that keeps the rows, wherever nothing else is said: the
clocks of the replicas need not agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

BEAT = 10.0  # seconds between two signs of life
STALE = 3 * BEAT  # seconds of silence from which on a replica counts as silent
FORGOTTEN = 86400.0  # seconds of silence from which on it is shown only to who asks for all


class Standing(str, Enum):
    """Whether a row still says what is so."""

    PRESENT = "present"
    STALE = "stale"  # it should have given a sign of life, and did not
    STOPPED = "stopped"  # its agent said that it stops
    FORGOTTEN = "forgotten"  # silent, or stopped, for more than a day


@dataclass(frozen=True, slots=True)
class Ailment:
    """A check that fails or warns, in short. `outcome` is "fail" or "warn", `gate` "live", "ready" or "alert"."""

    id: str
    outcome: str
    cause: str
    gate: str
    summary: str


@dataclass(frozen=True, slots=True)
class Account:
    """What an agent says of its replica.

    `addresses` are the replica's, by role; `config` is the fingerprint of the configuration that runs ("" where it is
    not known), equal on replicas with equal ones. `ready` is what /readyz answers, `sound` what it would by the policy
    `strict`; `draining` whether the replica is being taken out of rotation. `checks` is the map in short: "pass",
    "warn CAUSE", "fail CAUSE", "skipped", "unknown" by id; `ailments` are those that fail or warn, the worst first.
    `certificates` are the serial numbers of the certificates by the names that they are for, `certificates_digest` is
    equal where they are. `clock` is for how many seconds the agent's clock is ahead of the database's (None where that
    is not known yet), `clock_error` how wrong that may be. `process` tells replica processes apart: agents that watch
    the same one say the same. `metrics` is the address (HOST:PORT) under which the replica announces its metrics.
    `instead_of` is the id that this agent's file holds, where another living replica has that one.
    """

    host: str
    addresses: Mapping[str, str] = field(default_factory=dict)
    pomerium: str = ""
    envoy: str = ""
    agent: str = ""
    config: str = ""
    ready: bool = False
    sound: bool = False
    live: bool = True
    draining: bool = False
    checks: Mapping[str, str] = field(default_factory=dict)
    ailments: tuple[Ailment, ...] = ()
    certificates: Mapping[str, str] = field(default_factory=dict)
    certificates_digest: str = ""
    clock: float | None = None
    clock_error: float = 0.0
    process: str = ""
    metrics: str = ""
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """One row: a replica with an agent.

    `revision` grows whenever the row is written anew, a sign of life apart. `config_since`, `version_since` and
    `certificates_since` are when it was first seen with what it has now of these. `peer` is the address from which its
    agent reaches the database, "" over a Unix socket. Of other rows than its own an agent knows `certificates` only
    where the digests differ.
    """

    id: str
    account: Account
    first_seen: float
    last_seen: float
    stopped: bool = False
    revision: int = 0
    config_since: float = 0.0
    version_since: float = 0.0
    certificates_since: float = 0.0
    peer: str = ""

    def standing(self, now: float) -> Standing:
        """How it stands at this moment of the database's clock."""
        silent = now - self.last_seen
        if silent > FORGOTTEN:
            return Standing.FORGOTTEN
        if self.stopped:
            return Standing.STOPPED
        return Standing.STALE if silent > STALE else Standing.PRESENT


@dataclass(frozen=True, slots=True)
class Agentless:
    """A replica that shows in the storage that all share, and that no agent tells of.

    `where` is its address, as far as it is known; `by` what it was seen by, in a few words.
    """

    where: str
    by: str


@dataclass(frozen=True, slots=True)
class Lease:
    """Who may restart its replica now: the `holder`'s id, and until when. `process` is what ran when it was given."""

    holder: str
    until: float
    process: str = ""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the registry cannot be used: `cause` is a code of the check cluster_registry, `steps` what to do."""

    cause: str
    why: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    """The cluster as this agent knows it.

    `wanted` is whether the operator turned the registry on; `mine` the own id, "" while there is none. `at` is the
    moment, by the database's clock, of which it tells; 0 before the first look. `trouble` is why it is not up to date.
    Members come in the order of their hosts, then of their ids.
    """

    wanted: bool = False
    mine: str = ""
    members: tuple[Member, ...] = ()
    agentless: tuple[Agentless, ...] = ()
    at: float = 0.0
    lease: Lease | None = None
    trouble: Trouble | None = None

    @property
    def complete(self) -> bool:
        """Whether all that is registered is known, as it is now."""
        return self.wanted and self.at > 0.0 and self.trouble is None

    def standing(self, member: Member) -> Standing:
        """How a member stood at the moment of which the roster tells."""
        return member.standing(self.at)

    @property
    def present(self) -> tuple[Member, ...]:
        """Those that gave a sign of life lately."""
        return tuple(one for one in self.members if self.standing(one) is Standing.PRESENT)

    @property
    def me(self) -> Member | None:
        """The own row."""
        return next((one for one in self.members if one.id == self.mine), None)


OFF = Roster()
