"""Which faults are measured: the demo's, and those that only make sense to measure; in which order, and how fast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults import FAULTS, Fault
from pomhealth.demo.stage import Stage


@dataclass(frozen=True, slots=True)
class Budget:
    """In seconds, as designed: until it is told, and until its end is. `by` is what tells of it, in a word."""

    by: str
    told: float
    healed: float


BUDGETS: Mapping[str, Budget] = {
    "event": Budget("kernel", 0.25, 1.0),
    "silence": Budget("silence", 2.5, 2.5),
    "look": Budget("look", 2.5, 2.5),
    "minute": Budget("minute", 75.0, 75.0),
}


def _stop(stage: Stage) -> str:
    stage.replica.stop()
    return "ended the replica"


def _start(stage: Stage) -> str:
    if not stage.replica.running():
        stage.replica.start()
    return f"started the replica again (pid {stage.replica.pid})"


_OURS = (
    Fault("restart", "the replica is restarted", "pomerium.process", "not-running", True, _stop, _start),
)

# As they are told of in docs/benchmarks.md; what is not named here follows.
_ORDER = (
    "envoy-kill",
    "envoy-hang",
    "envoy-worker-busy",
    "pomerium-kill",
    "pomerium-hang",
    "restart",
    "postgres-crash",
    "postgres-stop",
    "postgres-hang",
    "postgres-read-only",
    "postgres-full-connections",
    "postgres-password-changed",
    "schema-gone",
    "postgres-disk-full",
    "postgres-dropped",
    "port-taken-at-start",
    "port-taken",
    "port-shared",
    "route-rejected",
    "cluster-rejected",
    "listener-rejected",
    "bad-config",
    "bad-route",
    "removed-option",
    "unknown-option",
    "certificate-expired",
    "certificate-expiring",
    "certificate-other-name",
    "certificate-corrupted",
    "certificate-key-mismatch",
    "cache-read-only",
    "cache-full",
    "cache-other-owner",
    "redirect-port-taken",
    "dns-silent",
)


def chosen(names: Iterable[str] = ()) -> list[Fault]:
    """The faults of these names, or all of them, in order. Raises DemoError for a name that is none."""
    known = {**{fault.name: fault for fault in _OURS}, **FAULTS}
    for name in names:
        if name not in known:
            raise DemoError(f"there is no fault {name!r}; there are {', '.join(known)}")
    order = {name: place for place, name in enumerate([*_ORDER, *known][::-1])}
    wanted = set(names) or set(known)
    return sorted((known[name] for name in wanted), key=lambda fault: -order[fault.name])
