"""Views of a cluster: made-up rosters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pomhealth.cluster.model import Account, Agentless, Ailment, Lease, Member, Roster, Trouble
from pomhealth.publish.view import View
from pomhealth.replica.model import Platform
from pomhealth.status import Evidence, failed, observe, warned
from tests.page.example import NOW, healthy

DAY = 86400.0
NEW, OLD = "9f2c41d07ab1e55c", "11aa22bb33cc44dd"
SEEN = Evidence("the registry", "this", "that")
READ_ONLY = Ailment("storage.backend", "fail", "read-only", "ready", "PostgreSQL takes no writes")
EXPIRING = Ailment("certificates_current", "warn", "expiring", "alert", "one of 3 ends in 3 days")
AWAY = Trouble(
    "refused",
    "10.0.0.9:5432 refuses connections",
    ("See that PostgreSQL runs: `systemctl status postgresql`.",),
)


def uuid(number: int) -> str:
    return f"5b1f0000-0000-4000-8000-{number:012d}"


def account(host: str, *ailments: Ailment, ready: bool = True, **more: Any) -> Account:
    known: dict[str, Any] = {
        "addresses": {"address": "10.0.0.5:443", "grpc_address": "127.0.0.1:5443"},
        "pomerium": "0.33.1",
        "envoy": "1.36.2",
        "agent": "1.0.0",
        "config": NEW,
        "sound": ready,
        "clock": 0.021,
        "clock_error": 0.004,
    }
    return Account(host, ready=ready, ailments=ailments, **{**known, **more})


def member(number: int, told: Account, *, ago: float = 3.0, **more: Any) -> Member:
    """A row of which the last sign of life came so many seconds before NOW."""
    known: dict[str, Any] = {
        "first_seen": NOW - 9 * DAY,
        "last_seen": NOW - ago,
        "config_since": NOW - (3600 if told.config == NEW else 9 * DAY),
        "version_since": NOW - 9 * DAY,
        "peer": "10.0.0.5",
    }
    return Member(uuid(number), told, **{**known, **more})


def roster(*members: Member, **more: Any) -> Roster:
    """The first one is the own."""
    known: dict[str, Any] = {"wanted": True, "mine": members[0].id if members else "", "at": NOW}
    return Roster(members=members, **{**known, **more})


def well(*, hosts: int = 3, **more: Any) -> View:
    """So many replicas, all of them ready."""
    members = (member(number, account(f"web-{number}")) for number in range(1, hosts + 1))
    return healthy(roster=roster(*members), **more)


def ill(**more: Any) -> View:
    """One of everything, and two findings of the whole cluster."""
    members = (
        member(1, account("web-1", EXPIRING)),
        member(2, account("web-2", READ_ONLY, EXPIRING, ready=False)),
        member(3, account("web-3", pomerium="0.32.0", config=OLD)),
        member(4, account("web-4"), ago=600),
        member(5, account("web-5", ready=False, draining=True)),
        member(6, account("web-6"), ago=3600, stopped=True),
        member(7, account("web-7"), ago=2 * DAY),
    )
    agentless = (Agentless("10.0.0.8:443", "the table of services"),)
    lease = Lease(uuid(5), NOW + 60)
    shown = healthy(roster=roster(*members, agentless=agentless, lease=lease), **{"expected": 8, **more})
    status = shown.status
    for id_, finding in {
        "cluster_active_replicas": warned("fewer", "5 of 8 replicas are there", SEEN),
        "cluster_version_current": warned("outdated", "0.33.1 runs, 0.34.0 is out", SEEN),
    }.items():
        status = observe(status, id_, finding, at=NOW - 90)
    return replace(shown, status=status)


def rollout() -> View:
    """A roll-out that is half done, and has gone wrong on one replica: the picture in the docs."""
    members = (
        member(1, account("pomerium-1", EXPIRING)),
        member(2, account("pomerium-2", READ_ONLY, ready=False)),
        member(3, account("pomerium-3", config=OLD)),
        member(4, account("pomerium-4", config=OLD, ready=False, draining=True)),
        member(5, account("pomerium-5"), ago=40),
    )
    shown = healthy(
        roster=roster(
            *members,
            agentless=(Agentless("10.0.0.8:443", "the table of services"),),
            lease=Lease(uuid(4), NOW + 45),
        ),
        platform=Platform("linux"),
    )
    differs = warned(
        "differs",
        "pomerium-3 and pomerium-4 run an older configuration than the one that pomerium-1, pomerium-2 and pomerium-5"
        " took over at 07:01:30 UTC",
        Evidence(
            "the registry's rows of pomerium-3 and pomerium-4",
            f"configuration {OLD[:12]}",
            f"{NEW[:12]}, the newest",
        ),
    )
    return replace(shown, status=observe(shown.status, "cluster_config_current", differs, at=NOW - 90))


def incomplete(**more: Any) -> View:
    """The registry is away since five minutes."""
    members = (member(number, account(f"web-{number}"), ago=303) for number in (1, 2, 3))
    return healthy(roster=roster(*members, at=NOW - 300, trouble=AWAY), **more)


def many(number: int, told: Account | None = None, **more: Any) -> View:
    """So many replicas that are as this one, or ready."""
    made = told or account("")
    members = (member(one, replace(made, host=f"web-{one:05d}")) for one in range(number))
    return healthy(roster=roster(*members), **more)


def fallen() -> View:
    """Every replica that is there is not ready."""
    members = (member(number, account(f"web-{number}", READ_ONLY, ready=False)) for number in (1, 2, 3))
    shown = healthy(roster=roster(*members))
    none = failed("none", "none of 3 replicas is ready", SEEN)
    return replace(shown, status=observe(shown.status, "cluster_active_replicas", none, at=NOW - 90))
