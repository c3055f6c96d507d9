"""Reads what an agent says of its cluster. Pure.

Nothing in it is trusted: each replica's row was written by another machine, and what answers need be no agent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from pomhealth.cluster.show.model import Cluster, Illness, Told
from pomhealth.watch.reading import harmless

_NAME = 253  # characters of a host's name
_WORD = 120  # of an id, a version, a fingerprint
_LONGEST = 1e10  # seconds
_MOST = 500  # entries of a list or table of one replica
_STATES = ("ready", "not-ready", "draining", "stale", "stopped", "forgotten", "no-agent")
_OUTCOMES = ("fail", "warn")


class NotACluster(Exception):  # noqa: N818  (the answer is right, only another's)
    """What was answered does not tell of a cluster."""


def parse(body: bytes) -> Mapping[str, Any]:
    """The answer to /replicas, or to /replicas/ID, as it is. Raises NotACluster."""
    try:
        document = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise NotACluster from None
    if not isinstance(document, dict) or not isinstance(document.get("enabled"), bool):
        raise NotACluster
    return document


def cluster(document: Mapping[str, Any]) -> Cluster:
    """What the answer to /replicas tells; of the one to /replicas/ID, what stands beside the replica."""
    rollout = _map(document.get("rollout"))
    return Cluster(
        enabled=document["enabled"],
        complete=document.get("complete") is True,
        notice=harmless(document.get("notice")),
        fix=tuple(text for one in _list(document.get("fix")) if (text := harmless(one))),
        at=moment(document.get("at")),
        expected=_count(document.get("expected")),
        hidden=_count(document.get("hidden")),
        turn=harmless(rollout.get("host"), _NAME) or harmless(rollout.get("holder"), _WORD),
        turn_ends=moment(rollout.get("until")),
        replicas=tuple(replica(one) for one in rows(document)),
    )


def rows(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The replicas of an answer, as they are."""
    said = document.get("replicas")
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []


def replica(said: Mapping[str, Any]) -> Told:
    """One replica."""
    state = said.get("state")
    return Told(
        host=harmless(said.get("host"), _NAME) or "(no name)",
        state=state if state in _STATES else "stale",
        id=harmless(said.get("id"), _WORD),
        seen_by=harmless(said.get("seen_by")),
        own=said.get("self") is True,
        said_ready=said.get("sound") is True,
        ailments=tuple(_illness(one) for one in _list(said.get("ailments")) if isinstance(one, dict)),
        pomerium=harmless(said.get("pomerium"), _WORD),
        envoy=harmless(said.get("envoy"), _WORD),
        agent=harmless(said.get("agent_version"), _WORD),
        config=harmless(said.get("config"), _WORD),
        config_since=moment(said.get("config_since")),
        first_seen=moment(said.get("first_seen")),
        last_seen=moment(said.get("last_seen")),
        addresses=_texts(said.get("addresses")),
        clock=_seconds(said.get("clock")),
        peer=harmless(said.get("peer"), _WORD),
        metrics=harmless(said.get("metrics"), _NAME),
        instead_of=harmless(said.get("instead_of"), _WORD),
        checks=_texts(said.get("checks")),
    )


def moment(said: object) -> float:
    """The seconds since the epoch of a time in UTC; 0 where it is none."""
    try:
        return datetime.fromisoformat(str(said).removesuffix("Z")).replace(tzinfo=timezone.utc).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _illness(said: Mapping[str, Any]) -> Illness:
    outcome = said.get("outcome")
    return Illness(
        id=harmless(said.get("id"), _WORD),
        cause=harmless(said.get("cause"), _WORD),
        outcome=outcome if outcome in _OUTCOMES else "fail",
        gate=harmless(said.get("gate"), _WORD),
        summary=harmless(said.get("summary")),
    )


def _texts(said: object) -> Mapping[str, str]:
    known = list(_map(said).items())[:_MOST]
    return {harmless(key, _WORD): harmless(value, _NAME) for key, value in known}


def _seconds(said: object) -> float | None:
    return float(said) if isinstance(said, (int, float)) and abs(said) < _LONGEST else None


def _count(said: object) -> int:
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < 10**9 else 0


def _list(said: object) -> list[Any]:
    return said[:_MOST] if isinstance(said, list) else []


def _map(said: object) -> Mapping[str, Any]:
    return said if isinstance(said, dict) else {}
