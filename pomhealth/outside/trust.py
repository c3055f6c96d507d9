"""Whom the replica trusts, and what is wrong with a certificate that it would refuse.

A Go program reads the first of some files (SSL_CERT_FILE names another one instead) and, always, every file of some
directories (SSL_CERT_DIR names others). They are read where the replica reads them: in its mount namespace.
"""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pomhealth.outside.trouble import Trouble, Unjudged
from pomhealth.replica import paths
from pomhealth.replica.unverified import unverified

HTTP1, HTTP2 = "http/1.1", "h2"
_FILES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_DIRECTORIES = ("/etc/ssl/certs", "/etc/pki/tls/certs")
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
_LARGEST = 8 * 1024 * 1024  # bytes of one file

# Results of a verification (x509_vfy.h), by what they mean here.
_TIME = (9, 10)  # not yet valid, has expired
_NAME = (62, 64)  # another host's, another address's
_AUTHORITY = (2, 18, 19, 20, 21)  # signed by itself, or by nobody that is trusted


@dataclass(frozen=True, slots=True)
class Trust:
    """`contexts` verify as the replica does, each offering one protocol (HTTP1, HTTP2) in the handshake.

    `count` is the number of authorities, `named` the variables that say where they are, `denied` a file that the
    replica reads and this process may not, "" for none.
    """

    contexts: Mapping[str, ssl.SSLContext]
    count: int = 0
    named: tuple[str, ...] = ()
    denied: str = ""


def load(environment: Mapping[str, str], resolve: Callable[[str], str]) -> Trust:
    """Blocking. `resolve` gives the path under which a file of the replica's is reached from here."""
    denied: list[str] = []
    certificates: dict[bytes, None] = {}
    for content in _contents(environment, resolve, denied):
        certificates.update(dict.fromkeys(_CERTIFICATE.findall(content)))
    pool = tuple(certificates)
    contexts = {alpn: _context(pool, alpn) for alpn in (HTTP1, HTTP2)}
    named = tuple(name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR") if environment.get(name))
    return Trust(contexts, len(pool), named, next(iter(denied), ""))


def anyone() -> ssl.SSLContext:
    """For a handshake that only learns which certificate is shown, and after which nothing is sent."""
    return unverified()


def _context(pool: tuple[bytes, ...], alpn: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols([alpn])
    context.hostname_checks_common_name = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # Go takes every certificate of its pool for a root
    if not _take(context, b"\n".join(pool)):
        for one in pool:  # one of them is no certificate: take the others
            _take(context, one)
    return context


def _take(context: ssl.SSLContext, certificates: bytes) -> bool:
    try:
        if certificates:
            context.load_verify_locations(cadata=certificates.decode("ascii"))
    except (ssl.SSLError, ValueError):
        return False
    return True


def _contents(
    environment: Mapping[str, str], resolve: Callable[[str], str], denied: list[str]
) -> Iterator[bytes]:
    named = environment.get("SSL_CERT_FILE")
    for path in (named,) if named else _FILES:
        content = _read(resolve(path), path, denied)
        if content is not None:
            yield content
            break
    directories = environment.get("SSL_CERT_DIR", "")
    for directory in directories.split(":") if directories else _DIRECTORIES:
        here = resolve(directory)
        try:
            names = os.listdir(here)  # noqa: PTH208  (names alone)
        except PermissionError:
            denied.append(directory)
            continue
        except OSError:
            continue
        for name in sorted(names):
            path = f"{directory.rstrip('/')}/{name}"
            yield _read(resolve(path), path, denied) or b""


def _read(path: str, named: str, denied: list[str]) -> bytes | None:
    try:
        return paths.read(path, limit=_LARGEST)
    except PermissionError:
        denied.append(named)
    except OSError:
        pass
    return None


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate that a server shows: whose, by whom, from when until when."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime


def read_shown(der: bytes) -> Shown | None:
    """What stands in a certificate; None where it is none."""
    from cryptography import x509  # noqa: PLC0415  (loaded only when a certificate is refused)

    try:
        certificate = x509.load_der_x509_certificate(der)
        names = tuple(_names(certificate))
        issuer = _called(certificate.issuer)
    except ValueError:
        return None
    return Shown(names, issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def refusal(
    where: str, host: str, result: tuple[int, str], shown: Shown | None, *, trust: Trust, now: datetime
) -> Exception:
    """Why a verification with this result fails: Trouble, or Unjudged where it may be for want of a file. Pure."""
    code, said = result
    expected = f"a certificate for {host} from an authority that the replica trusts"
    if shown is None:
        return Trouble("tls", where, f"its certificate is refused: {said}", expected)
    if code in _TIME and (now > shown.ends or now < shown.begins):
        return Trouble("tls", where, _out_of_time(shown, now), expected, clock=True)
    if code in _NAME:
        whose = ", ".join(shown.names[:3]) or "no name at all"
        why = f"it shows a certificate for {whose}, not for {host} (issued by {shown.issuer})"
        return Trouble("tls", where, why, expected)
    if code in _AUTHORITY:
        if trust.denied:
            lack = f"may read {trust.denied}, which the replica trusts and this user may not read"
            return Unjudged(
                where, f"its certificate, issued by {shown.issuer}, can be verified only by one who {lack}"
            )
        named = f" ({' and '.join(trust.named)} set whom it trusts)" if trust.named else ""
        if not trust.count:
            why = f"the replica trusts no authority at all: no file with one was found{named}"
            return Trouble("tls", where, why, expected, authority=shown.issuer)
        why = f"its certificate was issued by {shown.issuer}, which the replica does not trust{named}"
        return Trouble("tls", where, why, expected, authority=shown.issuer, strange=True)
    return Trouble("tls", where, f"its certificate (issued by {shown.issuer}) is refused: {said}", expected)


def _out_of_time(shown: Shown, now: datetime) -> str:
    clock = f"by this machine's clock, which shows {_day(now)}"
    if now > shown.ends:
        return f"its certificate (issued by {shown.issuer}) expired on {_day(shown.ends)} {clock}"
    return f"its certificate (issued by {shown.issuer}) is not valid before {_day(shown.begins)} {clock}"


def _day(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")


def _called(name: Any) -> str:
    """An authority in words: its organisation and common name."""
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    parts = [
        str(one.value)
        for oid in (NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME)
        for one in name.get_attributes_for_oid(oid)[:1]
    ]
    return f'"{", ".join(_plain(part) for part in parts)}"' if parts else "an authority without a name"


def _names(certificate: Any) -> Iterator[str]:
    from cryptography import x509  # noqa: PLC0415

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return
    yield from (_plain(name) for name in found.get_values_for_type(x509.DNSName))
    yield from (str(address) for address in found.get_values_for_type(x509.IPAddress))


def _plain(text: str) -> str:
    """A stranger's text as it may stand in a line."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:100]
