"""Views that a page is made of: the catalogue's checks, made-up findings."""

from __future__ import annotations

from typing import Any

from pomhealth.catalogue import catalogue
from pomhealth.history.model import Past, Turn, Watch
from pomhealth.publish.view import View
from pomhealth.report.origins import Line, Section
from pomhealth.status import (
    Change,
    Evidence,
    Finding,
    Outcome,
    Report,
    Validity,
    failed,
    not_applicable,
    passed,
    unseen,
    warned,
)
from tests.publish.views import AT, view

NOW = AT + 90  # 2027-01-15T08:01:30Z
DAY = 86400
READ_ONLY = failed(
    "read-only",
    "PostgreSQL takes no writes",
    Evidence("10.0.0.9:5432/pomerium as pomerium", "it runs read-only", "a server that takes writes"),
    steps=("Let it write again: `psql -c 'ALTER SYSTEM RESET default_transaction_read_only'`.",),
)
CERTIFICATES = (
    Validity("old.example.com", "/etc/tls/old.pem", problem="it is no certificate"),
    Validity("soon.example.com", "/etc/tls/soon.pem", "02", NOW - 80 * DAY, NOW + 3.5 * DAY),
    Validity("long.example.com", "/etc/tls/long.pem", "03", NOW - 80 * DAY, NOW + 60.5 * DAY),
)
REPLICA = {
    "state": "found",
    "version": "0.33.1",
    "pid": 812,
    "envoy_pids": [830],
    "addresses": {"address": "0.0.0.0:443", "grpc_address": "127.0.0.1:5443"},
    "services": ["all"],
    "storage": "postgres",
    "config": "/etc/pomerium/config.yaml",
    "platform": "linux",
    "not_seen": {"environment": "reading it needs the replica's user or root"},
}
SECTIONS = (
    Section("settings", (Line("listen", "127.0.0.1:28081", "default"), Line("history", True, "default"))),
    Section("options", (Line("idp_scopes", ["openid", "email"], "/etc/pomerium/config.yaml:9"),)),
)


def every(finding: Finding) -> dict[str, Finding | None]:
    """This finding for each check that is not of a family."""
    return {check.id: finding for check in catalogue() if not check.id.endswith(">")}


def past(id_: str, *turns: tuple[float, Outcome, str]) -> Past:
    """A past of one check, watched for a day; each turn so many seconds before NOW."""
    made = tuple(Turn(NOW - ago, id_, outcome, cause) for ago, outcome, cause in turns)
    return Past({id_: made}, (Watch(NOW - 2 * DAY, NOW),))


def healthy(**more: Any) -> View:
    known: dict[str, Any] = {"started": True, "replica": REPLICA, "sections": SECTIONS, "now": NOW}
    findings = {
        id_: finding for id_, finding in every(passed("all is well")).items() if id_ != "replica.drain"
    }
    return view({**findings, "zero.connect": not_applicable("not in Zero mode")}, **{**known, **more})


def failing(**more: Any) -> View:
    """One fault with its followers, a warning, something unseen, something that the replica sees otherwise."""
    findings = {
        id_: finding for id_, finding in every(passed("all is well")).items() if id_ != "replica.drain"
    }
    found = {
        **findings,
        "storage.backend": READ_ONLY,
        "storage.backend.notifications": None,
        "storage.backend.cleanup": None,
        "certificates_current": Finding(
            Outcome.WARN,
            "one of 3 ends soon",
            "expiring",
            (Evidence("/etc/tls/soon.pem", "3 days left", "more than 10 days left"),),
            certificates=CERTIFICATES,
        ),
        "config.databroker.build": unseen("the file cannot be read: reading it needs the group pomerium"),
        "cluster_version_current": warned(
            "outdated", "0.33.1 runs, 0.34.0 is out", Evidence("GitHub", "0.34.0", "0.33.1")
        ),
        "zero.connect": not_applicable("this replica is not in Pomerium Zero mode"),
    }
    was = past(
        "storage.backend",
        (2 * DAY - 60, Outcome.PASS, ""),
        (1800, Outcome.FAIL, "timeout"),
        (1600, Outcome.PASS, ""),
        (90, Outcome.FAIL, "read-only"),
    )
    turned = (
        Change(AT - 600, "envoy.server", Outcome.PASS, "", "fine"),
        Change(
            AT, "storage.backend", Outcome.FAIL, "read-only", "no writes", "pass", 4000.0, ("proxy.service",)
        ),
    )
    known: dict[str, Any] = {
        "started": True,
        "replica": REPLICA,
        "sections": SECTIONS,
        "now": NOW,
        "past": was,
        "history": turned,
        "late": 0.34,
        "notice": "the settings cannot be read",
    }
    return view(found, {"storage.backend": Report("RUNNING")}, **{**known, **more})
