"""Certificates made on the spot: RSA or EC, by an authority or by themselves, for any names and dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Made:
    """A certificate, its key, and what signed it."""

    certificate: x509.Certificate
    private: Key
    issuer: Made | None = None

    @property
    def pem(self) -> bytes:
        """The chain, the certificate first and without the root."""
        further = self.issuer.pem if self.issuer is not None and self.issuer.issuer is not None else b""
        return self.certificate.public_bytes(serialization.Encoding.PEM) + further

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key(self) -> bytes:
        return self.private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def serial(self) -> str:
        return f"{self.certificate.serial_number:x}"

    def into(self, directory: Path, name: str = "") -> Made:
        """Writes both files, each by a rename; as `cert.pem` and `key.pem` where no name is given."""
        directory.mkdir(parents=True, exist_ok=True)
        files = {
            f"{name}.key" if name else "key.pem": self.key,
            f"{name}.crt" if name else "cert.pem": self.pem,
        }
        for file, content in files.items():
            new = directory / f".{file}.new"
            new.write_bytes(content)
            new.replace(directory / file)
        return self


def made(
    *names: str,
    days: float = 90,
    begins: float = -1,
    rsa_key: bool = False,
    issuer: Made | None = None,
    common_name: str = "",
    authority: bool = False,
    alternatives: bool = True,
) -> Made:
    """A certificate for these names and addresses; `begins` and `days` are its dates in days from now."""
    now = datetime.now(timezone.utc)
    key: Key = _rsa() if rsa_key else ec.generate_private_key(ec.SECP256R1())
    subject = _name(common_name or (names[0] if names else "nobody"))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=begins))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if names and alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(_general(names)), critical=False)
    signed = builder.sign(issuer.private if issuer else key, hashes.SHA256())
    return Made(signed, key, issuer)


def _general(names: Sequence[str]) -> list[x509.GeneralName]:
    return [_alternative(name) for name in names]


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


@cache
def _rsa() -> rsa.RSAPrivateKey:
    """One for all: making it takes long."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
