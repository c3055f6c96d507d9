"""The replica, the agent and what changed last: the facts beside the checks. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pomhealth import __version__
from pomhealth.catalogue import PLATFORMS
from pomhealth.publish.page.words import span
from pomhealth.publish.view import View
from pomhealth.report.origins import shown
from pomhealth.status import Outcome
from pomhealth.status.changes import state

LATEST = 25  # changes that are shown; /status has more


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and a value."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Turned:
    """One change. `lasted` is how long the state before did, in words."""

    at: float
    id: str
    css: str
    now: str
    was: str
    lasted: str
    followers: int


def facts(view: View) -> tuple[Fact, ...]:
    """The replica, and the agent beside it."""
    return tuple(Fact(name, shown(value)) for name, value in _facts(view) if value not in (None, "", []))


def changes(view: View) -> tuple[Turned, ...]:
    """What turned last, the newest first. That a check passed at the first look is no news."""
    told = [one for one in reversed(view.history) if one.was or one.outcome is not Outcome.PASS]
    return tuple(
        Turned(
            one.at,
            one.id,
            one.outcome.value,
            state(one.outcome, one.cause),
            one.was,
            span(one.lasted) if one.was else "",
            len(one.followers),
        )
        for one in told[:LATEST]
    )


def lag(view: View) -> str:
    """For how long the agent itself did not get to run."""
    if view.late < 0.1:
        return "less than 0.1 s"
    return f"{view.late:.1f} s"


def _facts(view: View) -> Iterator[tuple[str, object]]:
    replica = view.replica
    version = replica.get("version")
    yield "Replica", f"Pomerium {version}" if version else replica.get("state")
    yield "Process", f"pid {replica['pid']}" if replica.get("pid") else None
    yield "Envoy", ", ".join(f"pid {pid}" for pid in replica.get("envoy_pids") or ())
    yield "Envoy's admin", replica.get("envoy_admin")
    yield "Configuration", replica.get("config") or ("from Pomerium Zero" if replica.get("zero") else None)
    yield from (replica.get("addresses") or {}).items()
    yield "Services", ", ".join(replica.get("services") or ())
    yield "Storage", replica.get("storage")
    yield "Runs on", PLATFORMS.get(replica.get("platform") or "")
    for what, lack in (replica.get("not_seen") or {}).items():
        yield f"{what}, not seen", lack
    yield "History", view.unkept
    if view.drain is not None:
        yield "Drain", view.drain["state"]
        yield "Connections left", view.drain["connections"]
        yield "Requests left", view.drain["requests"]
    yield "Agent", f"pomhealth {__version__}"
    yield "Orders to drain", view.control
