"""Small examples of what an agent says."""

from __future__ import annotations

import json
from typing import Any

from pomhealth.status import Outcome
from pomhealth.watch.model import Check, Seen, Snapshot, Turn
from pomhealth.watch.reading import read_status

AT = "2026-11-20T12:00:00.000Z"
LATER = "2026-11-20T12:00:05.000Z"
STEP = "Let it write again: `psql -h db -c 'ALTER SYSTEM RESET x'  -c 'SELECT 1'`."
HOSTILE = "\x1b[2J\x1b]0;gotcha\x07 [bold red]not markup[/] \u202egnp.exe\r\nnext\x9b31m"


def entry(outcome: str = "pass", **values: Any) -> dict[str, Any]:
    """One check, as /status has it."""
    return {
        "status": "RUNNING",
        "outcome": outcome,
        "cause": "",
        "summary": "it works",
        "fix": [],
        "who": "",
        "since": AT,
        "checked": AT,
        "blocked_by": "",
        "docs": "",
        "evidence": [],
        **values,
    }


READ_ONLY = entry(
    "fail",
    cause="read-only",
    error="it takes no writes",
    summary="PostgreSQL takes no writes",
    since=LATER,
    who="database",
    fix=[STEP, "Or connect to the primary."],
    evidence=[{"source": "db:5432", "observed": "read-only", "expected": "a server that takes writes"}],
    reported={"status": "RUNNING"},
)
FOLLOWING = entry("skipped", summary="not judged while storage.backend fails", blocked_by="storage.backend")


def turn(id_: str = "storage.backend", state: str = "fail: read-only", at: str = LATER) -> dict[str, Any]:
    """One change, as /status and its event have it."""
    return {
        "at": at,
        "id": id_,
        "is": state,
        "summary": "PostgreSQL takes no writes",
        "was": "pass",
        "lasted": 5.0,
        "followers": ["storage.backend.cleanup"],
    }


def document(*turns: dict[str, Any], ready: bool = True, **statuses: dict[str, Any]) -> dict[str, Any]:
    """What /status says; in the names of checks "__" stands for a dot. `turns` are the newest first."""
    checks = {id_.replace("__", "."): told for id_, told in statuses.items()}
    return {
        "statuses": checks,
        "checks": list(checks),
        "ready": ready,
        "live": True,
        "started": True,
        "notice": "",
        "replica": {"state": "found", "version": "0.33.1", "pid": 4711, "storage": "postgres"},
        "drain": None,
        "unobserved": {},
        "not_applicable": {},
        "history": list(turns),
    }


WELL = document(envoy__server=entry(), storage__backend=entry(), storage__backend__cleanup=entry())
ILL = document(
    turn(),
    ready=False,
    envoy__server=entry(),
    storage__backend=READ_ONLY,
    storage__backend__cleanup=FOLLOWING,
)


def snapshot(said: dict[str, Any]) -> Snapshot:
    return read_status(json.dumps(said).encode())


def seen(said: dict[str, Any], address: str = "127.0.0.1:28081", at: float = 1763640000.0) -> Seen:
    """An agent that says this."""
    now = snapshot(said)
    return Seen(address, now, contact=at).told(*now.turns)


def check(id_: str = "envoy.server", outcome: Outcome = Outcome.PASS, **values: Any) -> Check:
    return Check(id_, outcome, "it works", **values)


def change(id_: str = "envoy.server", state: str = "pass", at: str = AT, **values: Any) -> Turn:
    return Turn(at, id_, state, "it works", **values)
