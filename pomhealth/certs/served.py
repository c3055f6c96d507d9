"""The certificates that Envoy has loaded, as its admin interface lists them. Pure.

The list keeps those of listeners that are replaced and still drain, for ten minutes and more (seen with Envoy 1.40):
which ones are presented, its listeners tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from pomhealth.certs.model import Certificate

CERTS = "/certs"


def listed(answer: Any) -> tuple[Certificate, ...]:
    """Each certificate that Envoy presents, once; the authorities that it trusts are not among them.

    It tells neither common name nor issuer nor fingerprint. Raises ValueError for what is no such list.
    """
    if not isinstance(answer, Mapping):
        raise ValueError("it is no list of certificates")  # noqa: TRY004  (what came over a socket)
    found: dict[tuple[str, float], Certificate] = {}
    for entry in answer.get("certificates") or ():
        for one in entry.get("cert_chain") or () if isinstance(entry, Mapping) else ():
            if isinstance(one, Mapping) and one.get("serial_number"):
                made = _certificate(one)
                found.setdefault((made.serial, made.not_after), made)
    return tuple(found.values())


def presented_files(dump: Any) -> frozenset[str] | None:
    """The certificate files of Envoy's listeners, from a dump of them; None where one is inline and has no name."""
    found: set[str] = set()
    ahead: list[Any] = [
        entry.get("active_state") for entry in dump.get("configs", []) if isinstance(entry, dict)
    ]
    while ahead:
        one = ahead.pop()
        if isinstance(one, list):
            ahead.extend(one)
        elif isinstance(one, dict):
            chain = one.get("certificate_chain")
            if isinstance(chain, dict):
                if not chain.get("filename"):
                    return None
                found.add(str(chain["filename"]))
            ahead.extend(inner for inner in one.values() if isinstance(inner, (dict, list)))
    return frozenset(found)


def current(certificates: Sequence[Certificate], files: frozenset[str] | None) -> tuple[Certificate, ...]:
    """Those that are presented: from one of these files; where the files are not known, those that no other replaces.

    One is replaced by a later one that has all its names.
    """
    if files is not None:
        return tuple(one for one in certificates if one.file in files)
    latest: dict[str, float] = {}
    for one in certificates:
        for name in (*one.names, *one.addresses):
            latest[name] = max(latest.get(name, 0.0), one.not_before)
    return tuple(
        one
        for one in certificates
        if not (one.names or one.addresses)
        or any(latest[name] <= one.not_before for name in (*one.names, *one.addresses))
    )


def _certificate(entry: Mapping[str, Any]) -> Certificate:
    alternatives = [one for one in entry.get("subject_alt_names") or () if isinstance(one, Mapping)]
    return Certificate(
        names=tuple(_texts(alternatives, "dns")),
        addresses=tuple(_texts(alternatives, "ip_address")),
        common_name="",
        subject="",
        issuer="",
        serial=str(entry["serial_number"]).lower().lstrip("0") or "0",
        not_before=_time(entry.get("valid_from")),
        not_after=_time(entry.get("expiration_time")),
        file=str(entry.get("path") or ""),
    )


def _texts(alternatives: list[Mapping[str, Any]], kind: str) -> Iterator[str]:
    return (str(one[kind]).lower().rstrip(".") for one in alternatives if one.get(kind))


def _time(text: object) -> float:
    """Seconds since the epoch of "2026-11-20T14:28:20Z"."""
    moment = datetime.fromisoformat(str(text)[:19])
    return moment.replace(tzinfo=timezone.utc).timestamp()
