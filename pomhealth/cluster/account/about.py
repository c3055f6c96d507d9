"""What this agent says of its replica to the others: its map in short, within bounds. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache, lru_cache

from pomhealth import __version__
from pomhealth.catalogue import catalogue
from pomhealth.catalogue.load import CLUSTER
from pomhealth.cluster.model import Account, Ailment
from pomhealth.replica.goaddress import split_host_port
from pomhealth.replica.model import Replica
from pomhealth.status import Entry, Outcome, StatusMap
from pomhealth.status.finding import Validity

CERTIFICATES = "certificates_current"  # the check that looks at them
AILMENTS = 20  # that are told of
SUMMARY = 200  # characters of an ailment's summary
NAMES = 200  # names of certificates that are told of
CHECKS = 200
_WORD = 100  # characters of an id, a cause, a version, a name
_ADDRESSES = 20
_OWN_MADE = "*"  # the name in the certificate that Pomerium makes itself, anew at each start
_LEFT_OUT = re.compile("[\0-\x1f\x7f\ud800-\udfff]")  # jsonb takes not all of them


def account(
    status: StatusMap,
    replica: Replica | None,
    *,
    host: str,
    ready: bool,
    sound: bool,
    draining: bool = False,
    config: str = "",
    envoy: str = "",
    process: str = "",
    clock: float | None = None,
    clock_error: float = 0.0,
    instead_of: str = "",
) -> Account:
    """The account of a replica with this map, from which every secret has been taken out already.

    `host` is the machine's name; `process` as `process.mark_of` gives it, `config` the fingerprint of what runs. The
    other values are told as they are.
    """
    entries = status.entries
    found = entries[CERTIFICATES].component.measured if CERTIFICATES in entries else None
    serials, digest = _serials(found.certificates if found is not None else ())
    return Account(
        host=text(host),
        addresses=dict(_addresses(replica)),
        pomerium=text(str(replica.version.value)) if replica is not None and replica.version else "",
        envoy=text(envoy),
        agent=__version__,
        config=config,
        ready=ready,
        sound=sound,
        live=status.live,
        draining=draining,
        checks={text(id_): _said(entry) for id_, entry in list(entries.items())[:CHECKS]},
        ailments=tuple(_ailment(entry) for entry in status.alerts()[:AILMENTS]),
        certificates=serials,
        certificates_digest=digest,
        clock=clock,
        clock_error=clock_error,
        process=process,
        metrics=announced(replica, host),
        instead_of=instead_of,
    )


def essence(said: Account) -> object:
    """The part whose change is a change of state: not the words of a summary, and not the clock. Hashable.

    Of a check that compares replicas counts only whether it fails: what one finds all find, and so many writes at once
    would tell nobody anything.
    """
    across = _across()
    ailments = (one for one in said.ailments if one.id not in across or one.outcome == "fail")
    checks = ((id_, says) for id_, says in said.checks.items() if id_ not in across)
    return (
        tuple(sorted(said.addresses.items())),
        tuple(sorted(checks)),
        tuple(replace(one, summary="") for one in ailments),
        tuple(sorted(said.certificates.items())),
        replace(said, addresses=(), checks=(), ailments=(), certificates=(), clock=None, clock_error=0.0),  # type: ignore[arg-type]
    )


@cache
def _across() -> frozenset[str]:
    """The checks that compare replicas."""
    return frozenset(check.id for check in catalogue() if CLUSTER in check.triggers)


def announced(replica: Replica | None, host: str) -> str:
    """Under which HOST:PORT the replica announces its metrics to the others; "" where it does not, or cannot be told.

    Pomerium announces `metrics_address` as it is written, and without a host in it this machine's own name, or an
    address that it finds for it: then `host` stands here.
    """
    if replica is None:
        return ""
    address = str(replica.options.get("metrics_address") or "").strip("\"'")
    try:
        name, port = split_host_port(address)
    except ValueError:
        return ""
    if not port:
        return ""
    name = name or host
    return text(f"[{name}]:{port}" if ":" in name else f"{name}:{port}")


def text(said: str, most: int = _WORD) -> str:
    """On one line, at most so long, and of characters that PostgreSQL keeps."""
    said = _LEFT_OUT.sub(" ", said[: 4 * most]).strip()
    return said if len(said) <= most else f"{said[: most - 1]}…"


def _said(entry: Entry) -> str:
    cause = entry.finding.cause if entry.finding is not None else ""
    return text(f"{entry.outcome.value} {cause}" if cause else entry.outcome.value)


def _ailment(entry: Entry) -> Ailment:
    found = entry.finding
    assert found is not None  # it fails or warns
    outcome = "fail" if entry.outcome is Outcome.FAIL else "warn"
    gate = entry.component.gate.value
    return Ailment(text(entry.id), outcome, text(found.cause), gate, text(found.summary, SUMMARY))


def _addresses(replica: Replica | None) -> Iterator[tuple[str, str]]:
    """Where the replica listens, by role. A second listener of one role (HTTP/3) has the first one's address."""
    if replica is None:
        return
    known = [*replica.endpoints, *([replica.health] if replica.health is not None else [])]
    for one in reversed(known[:_ADDRESSES]):
        yield text(one.role), text(one.where)


@lru_cache(maxsize=1)
def _serials(found: tuple[Validity, ...]) -> tuple[Mapping[str, str], str]:
    """The serial numbers by the names that they are for, in the names' order, as many as are told; and a digest that is
    equal where all of them are.

    Of several certificates for the same names all are told. What could not be read has none.
    """
    serials: dict[str, set[str]] = {}
    for one in found:
        if one.serial and one.name != _OWN_MADE:
            serials.setdefault(text(one.name, SUMMARY), set()).add(text(one.serial))
    told = {name: text(",".join(sorted(serials[name])), SUMMARY) for name in sorted(serials)}
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16] if told else ""
    return dict(list(told.items())[:NAMES]), digest
