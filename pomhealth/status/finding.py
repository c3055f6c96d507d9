"""What one look at one component found. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

DRAINING = "draining"  # the cause code of what comes to its end in good order; Pomerium's word is TERMINATING


class Outcome(str, Enum):
    """What a finding says of its component."""

    PASS = "pass"  # noqa: S105  (an outcome, not a password)
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class Gate(str, Enum):
    """What a failing check stops: LIVE stops /healthz and /readyz, READY stops /readyz, ALERT nothing."""

    LIVE = "live"
    READY = "ready"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One observation: where it was made (an address, a file and line, a query), what was seen, what should be."""

    source: str
    observed: str
    expected: str


@dataclass(frozen=True, slots=True)
class Validity:
    """One certificate that was looked at: the names that a person knows it by, and where it is (a file, an option).

    Times are seconds since the epoch, 0 where it could not be read; `problem` then tells why, in one clause.
    """

    name: str
    where: str
    serial: str = ""
    not_before: float = 0.0
    not_after: float = 0.0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one look at one check.

    `cause` is one of the catalogue's codes for the check, and empty unless the outcome is FAIL or WARN.
    `steps` stand before the catalogue's own steps: what to do in just this case, with its names filled in.
    `names` is what the words in capitals in the catalogue's steps stand for in this case: ("PID", "812").
    `silent` marks a failure of which only the lack of an answer tells: it must repeat before it counts.
    `blocked_by` names the check whose failure made this look pointless (outcome SKIPPED).
    `applies` is false where the check has no meaning for this replica; it is then left out of the map.
    `cost` is the time, in seconds, that the look took on Envoy's main thread (measured as the wait for it).
    `void` marks a look that says nothing, because pomhealth itself was late (outcome UNKNOWN): it must repeat before
    it counts, and it never takes back a failure.
    `again` is the seconds after which it is worth looking again, however seldom the check is looked at (0: as usual).
    `certificates` are those that were looked at, the first to end first.
    `early` marks what a replica that is starting has not got yet (outcome UNKNOWN): it counts as not looked at yet.
    `unfinished` marks a pass of what the replica still has time to take over (outcome PASS).
    """

    outcome: Outcome
    summary: str
    cause: str = ""
    evidence: tuple[Evidence, ...] = ()
    steps: tuple[str, ...] = ()
    attributes: tuple[tuple[str, str], ...] = ()
    silent: bool = False
    blocked_by: str = ""
    applies: bool = True
    cost: float = 0.0
    names: tuple[tuple[str, str], ...] = ()
    void: bool = False
    early: bool = False
    again: float = 0.0
    certificates: tuple[Validity, ...] = ()
    unfinished: bool = False


def passed(summary: str, *evidence: Evidence, attributes: tuple[tuple[str, str], ...] = ()) -> Finding:
    return Finding(Outcome.PASS, summary, evidence=evidence, attributes=attributes)


def failed(
    cause: str,
    summary: str,
    evidence: Evidence,
    *more: Evidence,
    steps: tuple[str, ...] = (),
    attributes: tuple[tuple[str, str], ...] = (),
    silent: bool = False,
    names: tuple[tuple[str, str], ...] = (),
) -> Finding:
    return Finding(Outcome.FAIL, summary, cause, (evidence, *more), steps, attributes, silent, names=names)


def warned(
    cause: str,
    summary: str,
    evidence: Evidence,
    *more: Evidence,
    steps: tuple[str, ...] = (),
    attributes: tuple[tuple[str, str], ...] = (),
    names: tuple[tuple[str, str], ...] = (),
) -> Finding:
    return Finding(Outcome.WARN, summary, cause, (evidence, *more), steps, attributes, names=names)


def unseen(reason: str, *evidence: Evidence, steps: tuple[str, ...] = ()) -> Finding:
    """What cannot be observed here, with the right, version or namespace that is lacking."""
    return Finding(Outcome.UNKNOWN, reason, evidence=evidence, steps=steps)


def void(reason: str, *, steps: tuple[str, ...] = ()) -> Finding:
    """What a look comes to that got no answer while pomhealth itself was late."""
    return Finding(Outcome.UNKNOWN, reason, steps=steps, void=True)


def blocked(by: str, summary: str) -> Finding:
    return Finding(Outcome.SKIPPED, summary, blocked_by=by)


def not_applicable(reason: str) -> Finding:
    return Finding(Outcome.SKIPPED, reason, applies=False)


class Unobservable(Exception):  # noqa: N818  (it is not an error: the truth is "unknown")
    """Raised by whatever looks, when a right, a version or a namespace is lacking; becomes an UNKNOWN finding."""

    def __init__(self, reason: str, right: str = "") -> None:
        super().__init__(f"{reason}: {right}" if right else reason)
