"""Rosters to show: made-up replicas, as an agent would know them."""

from __future__ import annotations

import uuid
from typing import Any

from pomhealth.cluster.model import Account, Agentless, Ailment, Lease, Member, Roster, Trouble
from tests.publish.views import AT

READ_ONLY = Ailment("storage.backend", "fail", "read-only", "ready", "PostgreSQL takes no writes")
EXPIRING = Ailment("certificates_current", "warn", "expiring", "alert", "one ends in 3 days")
DRAINING = Ailment("replica.drain", "fail", "draining", "ready", "draining: 3 connections are left")
HOSTILE = "\x1b[2J\u202eevil\x9b<script>[bold]x[/bold]\n\t"
DAY = 86400.0


def id_of(number: int) -> str:
    return str(uuid.UUID(int=number))


def member(
    number: int,
    host: str,
    *ailments: Ailment,
    silent: float = 4.0,
    stopped: bool = False,
    since: float = AT - 5000,
    **account: Any,
) -> Member:
    """A replica; unless it has ailments that fail, or is said to be otherwise, it is ready."""
    well = not any(one.outcome == "fail" for one in ailments)
    usual = {
        "pomerium": "0.33.1",
        "envoy": "1.36.2",
        "agent": "0.8.0",
        "config": "3f2a9c1e55aa",
        "ready": well,
    }
    said = Account(host, **{**usual, "sound": well, "ailments": ailments, **account})
    return Member(id_of(number), said, AT - DAY, AT - silent, stopped, config_since=since)


def roster(*members: Member, **more: Any) -> Roster:
    """As the first of them knows it."""
    mine = members[0].id if members else ""
    return Roster(**{"wanted": True, "mine": mine, "members": members, "at": AT, **more})


EVERY = (
    member(1, "db1"),
    member(2, "db2", READ_ONLY, EXPIRING),
    member(3, "db3", DRAINING, draining=True),
    member(4, "db4", silent=400),
    member(5, "db5", silent=4000, stopped=True),
    member(6, "db6", silent=3 * DAY),
)
WHOLE = roster(*EVERY, agentless=(Agentless("10.0.0.7:443", "the databroker's services name it"),))
TURN = Lease(id_of(1), AT + 190)
CUT = Trouble(
    "unreachable", "connection refused (127.0.0.1:5432)", ("Start PostgreSQL: `systemctl start postgresql`.",)
)
