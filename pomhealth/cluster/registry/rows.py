"""An account as the registry keeps it, and a row as it is read. Pure.

A row was written by another agent, perhaps of another release, or by anybody with the right to: what does not fit is
left out, what is too long is cut, and the rest is told.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from pomhealth.cluster.model import Account, Ailment, Lease, Member
from pomhealth.cluster.registry.sql import Row

LONGEST = 300  # characters of a text
MOST = 200  # entries of a list or a table


def written(account: Account) -> str:
    """The account as JSON, without the certificates: they have a column of their own."""
    return _json({**asdict(account), "certificates": {}})


def certificates_written(account: Account) -> str:
    return _json(dict(account.certificates))


def read(row: Row) -> Member:
    """The member in a row of `statements.load`. Raises ValueError where it is no row of this table."""
    id_, account, first, last, stopped, revision, config, version, certificates, peer = row
    if id_ is None or last is None:
        raise ValueError("it has no id")
    return Member(
        id=id_,
        account=account_of(_object(account)),
        first_seen=moment(first),
        last_seen=moment(last),
        stopped=stopped == "t",
        revision=int(revision or 0),
        config_since=moment(config),
        version_since=moment(version),
        certificates_since=moment(certificates),
        peer=peer or "",
    )


def moment(text: str | None) -> float:
    """A time as PostgreSQL writes it, in seconds since the epoch; 0 for none, and for `infinity`."""
    seconds = float(text or 0.0)
    return seconds if math.isfinite(seconds) else 0.0


def with_certificates(member: Member, text: str | None) -> Member:
    """The member with the certificates of its row."""
    known = _table(_object(text))
    return replace(member, account=replace(member.account, certificates=known))


def lease(row: Row) -> Lease:
    """The lease in a row of `statements.LEASE`."""
    holder, until, process = row
    return Lease(_text(holder), float(until or 0.0), _text(process))


def account_of(said: Mapping[str, Any]) -> Account:
    """The account in what an agent wrote."""
    ailments = said.get("ailments")
    return Account(
        host=_text(said.get("host")),
        addresses=_table(said.get("addresses")),
        pomerium=_text(said.get("pomerium")),
        envoy=_text(said.get("envoy")),
        agent=_text(said.get("agent")),
        config=_text(said.get("config")),
        ready=said.get("ready") is True,
        sound=said.get("sound") is True,
        live=said.get("live") is True,
        draining=said.get("draining") is True,
        checks=_table(said.get("checks")),
        ailments=tuple(map(_ailment, ailments[:MOST])) if isinstance(ailments, list) else (),
        certificates_digest=_text(said.get("certificates_digest")),
        clock=_number(said.get("clock")),
        clock_error=_number(said.get("clock_error")) or 0.0,
        process=_text(said.get("process")),
        metrics=_text(said.get("metrics")),
        instead_of=_text(said.get("instead_of")),
    )


def _ailment(said: Any) -> Ailment:
    known = said if isinstance(said, dict) else {}
    return Ailment(*(_text(known.get(name)) for name in ("id", "outcome", "cause", "gate", "summary")))


def _object(text: str | None) -> Mapping[str, Any]:
    try:
        said = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _table(said: Any) -> Mapping[str, str]:
    if not isinstance(said, dict):
        return {}
    return {_text(key): _text(value) for key, value in list(said.items())[:MOST]}


def _text(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    try:
        number = float(value)
    except OverflowError:  # jsonb holds numbers of any length
        return None
    return number if math.isfinite(number) else None


def _json(value: Any) -> str:
    return json.dumps(_storable(value), ensure_ascii=False, separators=(",", ":"))


def _storable(value: Any) -> Any:
    """Without the one character that PostgreSQL's texts cannot hold."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {_storable(key): _storable(one) for key, one in value.items()}
    return [_storable(one) for one in value] if isinstance(value, (list, tuple)) else value
