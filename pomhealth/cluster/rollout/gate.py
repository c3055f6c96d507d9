"""Whether this replica may be restarted now, and in which words that is told. Pure.

The conditions themselves are in the statement that takes the lease (`lease.take`): what is judged is what holds at that
moment. `need` says which they are, and `verdict` puts into words what came back.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from pomhealth.cluster.model import Lease, Roster

HOLD = 600.0  # seconds for which a lease holds, where nobody says else
SHORTEST, LONGEST = 30, 86400  # seconds that may be asked for
MOST = 100_000  # replicas that may be asked for
NAMED = 5  # replicas that stand in the way and are named, at most
_TEXT = 100  # characters of a host's name that are told


@dataclass(frozen=True, slots=True)
class Terms:
    """What is asked for: how many seconds the lease holds, and how many others must be ready.

    `least` None: all others, and as many as the cluster should have.
    """

    hold: float = HOLD
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """Another replica that is not ready for one more to be away, and since when it is silent where it is.

    `held` is whether its own /readyz says ready, and only since its readiness policy excuses a fault.
    """

    id: str
    host: str
    ready: bool
    draining: bool
    silent: bool
    last_seen: float
    held: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What the database said at the moment `at`, by its clock.

    `until` is how long the lease holds that was taken, None where none was. `busy` is the lease of another, `host` that
    other's; then the rest is not known. `fit` counts the other replicas that are present, ready and not draining, `unfit`
    those that are not, and `amiss` are some of these.
    """

    at: float
    until: float | None = None
    busy: Lease | None = None
    host: str = ""
    fit: int = 0
    unfit: int = 0
    amiss: tuple[Other, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether it is safe: `why` in one line, `fix` what to do where it is not; `until` when the lease ends."""

    safe: bool
    why: str
    fix: str = ""
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Need:
    """How many others must be ready, at least, and whether it must be `all` of them."""

    least: int
    all: bool


def need(terms: Terms, expected: int) -> Need:
    """What must be so. `expected` is how many replicas the cluster should have, 0 where nobody says."""
    if terms.least is not None:
        return Need(terms.least, all=False)
    return Need(max(expected - 1, 1), all=True)


def barred(roster: Roster, *, wanted: bool) -> Verdict | None:
    """Why nobody need be asked; None where the registry must say. `wanted` is whether the settings ask for one."""
    if not wanted:
        return Verdict(
            safe=False,
            why="the cluster is off here, so nobody can say how the other replicas are",
            fix="set cluster = true in the agent's settings on each replica (docs/cluster.md)",
        )
    if roster.trouble is not None:
        return away(roster.trouble.why, roster.trouble.steps)
    if roster.me is None:
        return away("this replica is not in it yet", ())
    return None


def away(why: str, steps: Iterable[str]) -> Verdict:
    """The registry cannot be asked."""
    fix = next(iter(steps), "see pomhealth health -v; --wait SECONDS tries again")
    return Verdict(safe=False, why=f"the registry of the cluster cannot be asked: {why}", fix=fix)


def verdict(look: Look, terms: Terms, expected: int) -> Verdict:
    """What the look means, in words."""
    if look.until is not None:
        ready = f"{_many(look.fit)} ready" if look.fit else "no other replica is ready"
        return Verdict(
            safe=True,
            why=f"safe to restart: {ready}, and no other may go before {_clock(look.until)}",
            until=look.until,
        )
    if look.busy is not None:
        return _busy(look.busy, look.host)
    needed = need(terms, expected)
    if needed.all and not look.fit + look.unfit:
        return Verdict(
            safe=False,
            why="no other replica is registered: a restart takes all of the cluster away",
            fix="turn the cluster on where the others run, or say --min-ready 0 if that is meant",
        )
    if needed.all and look.unfit:
        return _amiss(look)
    if needed.all:
        return Verdict(
            safe=False,
            why=f"{_many(look.fit)} ready, and {needed.least} must be: expected_replicas is {expected}",
            fix="start the missing replica, or its agent, or correct expected_replicas",
        )
    named = f": {_named(look)}" if look.amiss else ""
    return Verdict(
        safe=False,
        why=f"{_many(look.fit)} ready, and --min-ready asks for {needed.least}{named}",
        fix="pomhealth check, run there, says what is wrong" if look.amiss else "ask for fewer",
    )


def _busy(lease: Lease, host: str) -> Verdict:
    who = shown(host) or lease.holder
    return Verdict(
        safe=False,
        why=f"{who} is being restarted; its lease ends when it is ready again, or at {_clock(lease.until)}",
        fix=f"wait (--wait SECONDS); if nobody restarts it, run pomhealth rollout-gate --release on {who}",
    )


def _amiss(look: Look) -> Verdict:
    return Verdict(
        safe=False,
        why=_named(look),
        fix=f"pomhealth check, run there, says what is wrong; --min-ready {look.fit} does without",
    )


def _named(look: Look) -> str:
    said = [f"{shown(one.host) or one.id} {_state(one)}" for one in look.amiss[:NAMED]]
    more = look.unfit - len(said)
    return "; ".join([*said, f"{more} more {'is' if more == 1 else 'are'} not ready"] if more > 0 else said)


def _state(other: Other) -> str:
    if other.silent:
        return f"is silent since {_clock(other.last_seen)}"
    if other.draining:
        return "is being drained"
    if other.held:
        return "is ready by its readiness_policy alone"
    return "is not ready"


def _many(number: int) -> str:
    return "1 other replica is" if number == 1 else f"{number} other replicas are"


def _clock(at: float) -> str:
    """The time of day of a moment: what is told stays the same while it is so."""
    try:
        return time.strftime("%H:%M:%S UTC", time.gmtime(at))
    except (ValueError, OverflowError, OSError):
        return "a time that is none"


def shown(text: str) -> str:
    """A text of another agent, on one line and not too long."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_TEXT]).strip()
