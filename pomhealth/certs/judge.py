"""What is wrong with certificates, worst first. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from pomhealth.certs.model import AUTOCERT, DAY, MISMATCH, NOT_ITS_KEY, UNREADABLE, Certificate, Pair
from pomhealth.certs.served import CERTS
from pomhealth.replica.model import Problem

RANK = ("expired", UNREADABLE, MISMATCH, "not-yet-valid", "served-stale", "expiring")
_MARGIN = 300.0  # seconds by which clocks differ; what begins a little later is no fault
_GRACE = 5.0  # seconds that Pomerium has to take over a changed file
_GRACE_AUTOCERT = 900.0  # it hands over what it obtained only when it has tried for every host
_SETTLE = 1.0  # seconds in which the two files of a pair may be written one after the other


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: its cause code, and the observation in the words of an Evidence. `ends` sorts within a cause."""

    cause: str
    source: str
    observed: str
    expected: str
    title: str
    ends: float = 0.0
    file: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Handshake:
    """The certificate that users get who ask the main listener at `where` for `host`."""

    where: str
    host: str
    certificate: Certificate


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything that was seen: the pairs on disk, what Envoy has loaded (None where it cannot be asked), and what
    the main listener presents. `refused` is what Pomerium refuses in the file saved last. `now` in seconds since the
    epoch, `days` before its end from which a certificate is told of.
    """

    pairs: Sequence[Pair]
    loaded: Collection[Certificate] | None
    handshakes: Sequence[Handshake]
    refused: Sequence[Problem]
    now: float
    days: int


def faults(sight: Sight) -> list[Fault]:
    """All of them, the worst cause first and within it what ended or ends first; each certificate once a cause."""
    found: dict[tuple[str, str, str], Fault] = {}
    for fault in (*_of_pairs(sight), *_refused(sight), *_of_loaded(sight), *_stale(sight)):
        found.setdefault((fault.cause, fault.source, fault.title), fault)
    return sorted(found.values(), key=lambda fault: (RANK.index(fault.cause), fault.ends))


def earliest(sight: Sight) -> Certificate | None:
    """The certificate that ends first, of all that are used."""
    leaves = [pair.leaf for pair in sight.pairs if pair.leaf is not None]
    return min((*leaves, *(sight.loaded or ())), key=lambda one: one.not_after, default=None)


def date(moment: float) -> str:
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def left(certificate: Certificate, now: float) -> str:
    """The time left in words, with the date."""
    days = (certificate.not_after - now) / DAY
    if days < 0:
        return f"ended {_days(-days)} ago, on {date(certificate.not_after)}"
    return f"{_days(days)} left, until {date(certificate.not_after)}"


def _days(count: float) -> str:
    if count >= 1:
        return "1 day" if int(count) == 1 else f"{int(count)} days"
    hours = int(count * 24)
    return "less than an hour" if not hours else "1 hour" if hours == 1 else f"{hours} hours"


def described(certificate: Certificate) -> str:
    """Its names, issuer and serial number, as far as they are known."""
    issuer = f", issued by {certificate.issuer}" if certificate.issuer else ""
    return f"{certificate.title}{issuer}, serial {certificate.serial}"


def _of_pairs(sight: Sight) -> Iterator[Fault]:
    for pair in sight.pairs:
        file, key = pair.source.files
        for fault in _of_pair(pair, sight):
            yield replace(fault, file=file, key=key)


def _of_pair(pair: Pair, sight: Sight) -> Iterator[Fault]:
    where = pair.source.where
    settling = sight.now - pair.changed < _SETTLE
    if pair.complaint is not None and not settling:
        title = pair.leaf.title if pair.leaf else where
        expected = (
            "the private key that the certificate was issued for"
            if pair.complaint.cause == MISMATCH
            else "a PEM certificate and its PEM key, both readable for the replica's user"
        )
        told = pair.source.told(pair.complaint.text)
        if pair.leaf is not None:
            told = f"{told}: {described(pair.leaf)}, {left(pair.leaf, sight.now)}"
        yield Fault(pair.complaint.cause, where, told, expected, title)
    if pair.leaf is not None:
        yield from _dates(pair.leaf, where, sight)
        yield from _of_issuers(pair, where, sight)


def _dates(certificate: Certificate, where: str, sight: Sight) -> Iterator[Fault]:
    seen = f"{described(certificate)}: {left(certificate, sight.now)}"
    ends, title = certificate.not_after, certificate.title
    if certificate.not_after <= sight.now:
        yield Fault("expired", where, seen, "a certificate that has not ended", title, ends)
    elif certificate.not_before > sight.now + _MARGIN:
        begins = f"{described(certificate)}: it begins on {date(certificate.not_before)}"
        yield Fault("not-yet-valid", where, begins, f"a beginning before now, {date(sight.now)}", title, ends)
    elif certificate.not_after - sight.now < sight.days * DAY:
        yield Fault("expiring", where, seen, f"more than {sight.days} days left", title, ends)


def _of_issuers(pair: Pair, where: str, sight: Sight) -> Iterator[Fault]:
    """Certificates sent along that clients need.

    The issuer itself is needed; of those above it clients may know others, and a root's dates count for nobody.
    """
    leaf = pair.chain[0]
    for issuer in pair.chain[1:]:
        if issuer.subject == issuer.issuer:
            continue
        for fault in _dates(issuer, where, sight):
            cause = fault.cause if issuer.subject == leaf.issuer else "expiring"
            seen = f"{fault.observed}; it is sent along with the certificate for {leaf.title}"
            yield Fault(cause, where, seen, fault.expected, fault.title, fault.ends)


def _refused(sight: Sight) -> Iterator[Fault]:
    """What Pomerium refuses in the file saved last, where that is not what was read anyhow."""
    known = {pair.source.told(pair.complaint.text) for pair in sight.pairs if pair.complaint is not None}
    for problem in sight.refused:
        if problem.check == "certificates_current" and problem.text not in known:
            cause = MISMATCH if NOT_ITS_KEY in problem.text else UNREADABLE
            yield Fault(cause, problem.where, problem.text, "a pair that Pomerium accepts", problem.where)


def _of_loaded(sight: Sight) -> Iterator[Fault]:
    """What Envoy has loaded besides: from Pomerium Zero, a console or a controller, or no longer on disk."""
    known = {one.serial for pair in sight.pairs for one in pair.chain[:1]}
    for one in sight.loaded or ():
        if one.serial not in known:
            yield from _dates(one, f"Envoy's {CERTS}", sight)


def _stale(sight: Sight) -> Iterator[Fault]:
    """Certificates on disk that are not the ones served, though there was time to take them over.

    Only where another one with a name in common is loaded, which stands nowhere on disk.
    """
    on_disk = {pair.leaf.serial for pair in sight.pairs if pair.leaf is not None}
    loaded = {one.serial for one in sight.loaded or ()}
    orphans = {
        name: one
        for one in sight.loaded or ()
        if one.serial not in on_disk
        for name in (*one.names, *one.addresses)
    }
    for pair in sight.pairs:
        leaf = pair.leaf
        if leaf is None or pair.complaint is not None or not _had_time(pair, sight.now):
            continue
        old = next((orphans[name] for name in (*leaf.names, *leaf.addresses) if name in orphans), None)
        if leaf.serial not in loaded and old is not None:
            seen = f"Envoy has {described(old)} loaded, {left(old, sight.now)}"
            yield _stale_fault(pair, leaf, f"Envoy's {CERTS}", seen)
    yield from _presented(sight, on_disk)


def _presented(sight: Sight, on_disk: Collection[str]) -> Iterator[Fault]:
    """A host for which the main listener presents what stands nowhere on disk, while what should be is there."""
    loaded = {one.serial for one in sight.loaded or ()}
    for shake in sight.handshakes:
        got = shake.certificate
        if got.serial in on_disk or got.serial in loaded:
            continue
        for pair in sight.pairs:
            leaf = pair.leaf
            if leaf is None or pair.complaint or not _had_time(pair, sight.now):
                continue
            if set(leaf.names) & set(got.names) or (set(leaf.addresses) & set(got.addresses)):
                seen = f"users of {shake.host} get {described(got)}, {left(got, sight.now)}"
                yield _stale_fault(pair, leaf, shake.where, seen)


def _stale_fault(pair: Pair, leaf: Certificate, where: str, seen: str) -> Fault:
    expected = f"{described(leaf)}, as in {pair.source.where}, changed on {date(pair.changed)}"
    file, key = pair.source.files
    return Fault("served-stale", where, seen, expected, leaf.title, leaf.not_after, file, key)


def _had_time(pair: Pair, now: float) -> bool:
    grace = _GRACE_AUTOCERT if pair.source.role == AUTOCERT else _GRACE
    return now - pair.changed > grace
