"""PEM texts as certificates and keys, as Go's tls.X509KeyPair takes them: other blocks and junk are passed over. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509.oid import NameOID

from pomhealth.certs.model import MISMATCH, NOT_ITS_KEY, Certificate, Complaint

_MOST = 20  # certificates of one chain; more make no chain that a client takes
_SPKI = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


class NotPem(Exception):  # noqa: N818  (a complaint about a file, told as one)
    """The text holds no certificate or key that Pomerium takes; its text is one clause."""


def chain(content: bytes) -> tuple[tuple[Certificate, ...], bytes]:
    """Every certificate of a PEM text, and the first one's public key (a digest). Raises NotPem.

    Only the first must be a good one: clients judge what is sent after it.
    """
    found: list[Certificate] = []
    public = b""
    for der in _certificates(content):
        try:
            loaded = x509.load_der_x509_certificate(der)
            one = _certificate(loaded, der)
            public = public or _digest(loaded.public_key().public_bytes(*_SPKI))
        except (ValueError, TypeError, UnsupportedAlgorithm):
            if not found:
                break
            continue
        found.append(one)
    if not found or not public:
        raise NotPem("the certificate is not a PEM certificate")
    return tuple(found), public


def certificate(der: bytes) -> Certificate | None:
    """A certificate as a handshake gives it; None for what is none."""
    try:
        return _certificate(x509.load_der_x509_certificate(der), der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def public_of(content: bytes) -> bytes:
    """A digest of the public key that belongs to the private key in a PEM text. Raises NotPem."""
    try:
        key = load_pem_private_key(_key(content), password=None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise NotPem("the key is encrypted with a password, which Pomerium does not take") from None
    except (ValueError, UnsupportedAlgorithm):
        raise NotPem("the key is not a PEM private key") from None
    return _digest(key.public_key().public_bytes(*_SPKI))


def decoded(text: object, what: str) -> bytes:
    """The PEM text of an inline value. Raises NotPem."""
    try:
        return base64.b64decode("".join(str(text).split()), validate=True)
    except (binascii.Error, ValueError):
        raise NotPem(f"the {what} is not base64") from None


def unfit(certificate_key: bytes, key: bytes) -> Complaint | None:
    """The complaint about a certificate and a key, by the digests of both public keys."""
    if certificate_key == key:
        return None
    return Complaint(MISMATCH, NOT_ITS_KEY)


def _certificates(content: bytes) -> Iterator[bytes]:
    """Each certificate block's content, in one pass however the text is made."""
    begin, end = b"-----BEGIN CERTIFICATE-----", b"-----END CERTIFICATE-----"
    at = 0
    for _ in range(_MOST):
        start = content.find(begin, at)
        stop = content.find(end, start) if start >= 0 else -1
        if stop < 0:
            return
        at = stop + len(end)
        try:
            yield binascii.a2b_base64(content[start + len(begin) : stop])
        except binascii.Error:
            yield b""


def _key(content: bytes) -> bytes:
    """The first private key's block, whatever stands before it (parameters, the certificate itself)."""
    mark = b"PRIVATE KEY-----"
    first = content.find(mark)
    start = content.rfind(b"-----BEGIN ", 0, max(first, 0))
    second = content.find(mark, first + len(mark)) if first >= 0 else -1
    if start < 0 or second < 0:
        return content
    return content[start : second + len(mark)] + b"\n"


def _certificate(loaded: x509.Certificate, der: bytes) -> Certificate:
    names, addresses = _alternatives(loaded)
    common = loaded.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Certificate(
        names=names,
        addresses=addresses,
        common_name=str(common[0].value) if common else "",
        subject=loaded.subject.rfc4514_string(),
        issuer=loaded.issuer.rfc4514_string(),
        serial=f"{loaded.serial_number:x}",
        not_before=loaded.not_valid_before_utc.timestamp(),
        not_after=loaded.not_valid_after_utc.timestamp(),
        fingerprint=hashlib.sha256(der).hexdigest(),
    )


def _alternatives(loaded: x509.Certificate) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        found = loaded.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, ValueError):
        return (), ()
    names = tuple(name.lower().rstrip(".") for name in found.get_values_for_type(x509.DNSName))
    return names, tuple(str(address) for address in found.get_values_for_type(x509.IPAddress))


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
