"""Rosters as a test wants them: what would be read of a registry in which these rows are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.cluster.model import Account, Member, Roster
from pomhealth.replica.model import Replica
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings

NOW = 1_800_000_000.0  # by the database's clock
DAY = 86400.0


def member(
    host: str,
    *,
    id_: str = "",
    seen: float = 1.0,
    first: float = DAY,
    since: float | None = None,
    stopped: bool = False,
    ready: bool = True,
    **account: Any,
) -> Member:
    """A row. Times are in seconds before NOW: its last and its first sign of life, and since when it has what it has."""
    has_since = NOW - (first if since is None else since)
    return Member(
        id=id_ or f"id-of-{host}",
        account=Account(host=host, ready=ready, **account),
        first_seen=NOW - first,
        last_seen=NOW - seen,
        stopped=stopped,
        config_since=has_since,
        version_since=has_since,
        certificates_since=has_since,
    )


def roster(*members: Member, mine: str = "", **values: Any) -> Roster:
    """What an agent knows that is on the host `mine`."""
    ordered = tuple(sorted(members, key=lambda one: (one.account.host, one.id)))
    return replace(Roster(True, f"id-of-{mine}" if mine else "", ordered, at=NOW), **values)


def context(known: Roster, settings: Settings = Settings(), **values: Any) -> Context:  # noqa: B008
    """What a probe gets where the cluster is this."""
    base = Context(Replica(), settings, Workers(), SocketTable(), roster=lambda: known)
    return replace(base, **values)
