"""A replica of the cluster as a line of JSON. Pure, but for the texts that are kept.

Of 2,000 replicas few change at a time: what a line says of a replica's account is written once for each account, and
put together with what the clock turns. Other agents wrote these accounts: texts are cut, all that is no plain letter is
escaped, and a number or a time that is none is left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pomhealth.cluster.model import Account, Agentless, Ailment, Member, Roster, Standing
from pomhealth.publish.moment import told

NO_AGENT = "no-agent"
STATES = ("ready", "not-ready", "draining", "stale", "stopped", "forgotten", NO_AGENT)

_LONGEST = 300  # characters of a text
_AILMENTS = 16  # of one replica, in the list of all
_ADDRESSES = 24
_TRUTH = ("false", "true")
_ENCODER = json.JSONEncoder(separators=(",", ":"))  # made once: to make it takes longer than a line does


def tight(document: Mapping[str, Any]) -> str:
    """JSON on one line, without a letter that means something to a terminal."""
    return _ENCODER.encode(document)


def state(member: Member, roster: Roster) -> str:
    """One of STATES: how the replica stood at the moment of which the roster tells."""
    standing = roster.standing(member)
    if standing is not Standing.PRESENT:
        return str(standing.value)
    if member.account.draining:
        return "draining"
    return "ready" if member.account.ready else "not-ready"


@dataclass(frozen=True, slots=True)
class _Line:
    """A line as it was last written, and of what: `lasting` is the part that only the replica's agent changes."""

    account: Account
    times: tuple[float, float]
    turning: tuple[float, str, bool]
    lasting: str
    text: str


class Lines:
    """Keeps the lines, for as long as the registry has their replicas."""

    def __init__(self) -> None:
        self._kept: dict[str, _Line] = {}

    def all(self, roster: Roster, shown: Iterable[tuple[Member, str]]) -> list[str]:
        """A line for each of these, which come with their states."""
        if len(self._kept) > len(roster.members):
            there = {member.id for member in roster.members}
            self._kept = {id_: kept for id_, kept in self._kept.items() if id_ in there}
        return [self._line(member, how, own=member.id == roster.mine) for member, how in shown]

    def _line(self, member: Member, how: str, *, own: bool) -> str:
        times, turning = (member.first_seen, member.config_since), (member.last_seen, how, own)
        kept = self._kept.get(member.id)
        same = kept is not None and kept.account is member.account and kept.times == times
        if kept is not None and same and kept.turning == turning:
            return kept.text
        lasting = kept.lasting if kept is not None and same else tight(_account(member))
        turns = f'"state":"{how}","ready":{_TRUTH[how == "ready"]},"self":{_TRUTH[own]}'
        text = f'{lasting[:-1]},{turns},"last_seen":"{told(member.last_seen)}"}}'
        self._kept[member.id] = _Line(member.account, times, turning, lasting, text)
        return text


def whole(member: Member, roster: Roster) -> Mapping[str, Any]:
    """All that is known of a replica: the keys of its line, and more."""
    account, how = member.account, state(member, roster)
    return {
        **_account(member),
        "state": how,
        "ready": how == "ready",
        "self": member.id == roster.mine,
        "last_seen": told(member.last_seen),
        "ailments": [_ailment(one) for one in account.ailments],
        "version_since": told(member.version_since),
        "certificates_since": told(member.certificates_since),
        "peer": _cut(member.peer),
        "metrics": _cut(account.metrics),
        "instead_of": _cut(account.instead_of),
        "checks": _table(account.checks, len(account.checks)),
    }


def agentless(seen: Agentless) -> Mapping[str, Any]:
    """A replica that no agent tells of."""
    return {
        "agent": False,
        "host": _cut(seen.where),
        "state": NO_AGENT,
        "ready": False,
        "seen_by": _cut(seen.by),
    }


def _account(member: Member) -> dict[str, Any]:
    """What lasts until the replica's agent writes its row anew."""
    account = member.account
    clock = account.clock
    return {
        "id": member.id,
        "host": _cut(account.host),
        "agent": True,
        "sound": account.sound,
        "live": account.live,
        "draining": account.draining,
        "worst": _ailment(account.ailments[0]) if account.ailments else None,
        "ailments": [_ailment(one) for one in account.ailments[:_AILMENTS]],
        "pomerium": _cut(account.pomerium),
        "envoy": _cut(account.envoy),
        "agent_version": _cut(account.agent),
        "config": _cut(account.config),
        "config_since": told(member.config_since),
        "addresses": _table(account.addresses, _ADDRESSES),
        "clock": round(clock, 3) if clock is not None and math.isfinite(clock) else None,
        "first_seen": told(member.first_seen),
    }


def _ailment(one: Ailment) -> dict[str, str]:
    return {
        "id": _cut(one.id),
        "cause": _cut(one.cause),
        "outcome": _cut(one.outcome),
        "gate": _cut(one.gate),
        "summary": _cut(one.summary),
    }


def _table(known: Mapping[str, str], most: int) -> dict[str, str]:
    return {_cut(key): _cut(value) for key, value in list(known.items())[:most]}


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
