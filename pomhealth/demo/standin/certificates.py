"""The certificates as Envoy gets them: as files in the cache directory, inline where that cannot be written."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from datetime import datetime, timezone
from functools import cache
from pathlib import Path

from pomhealth.demo.standin.pairs import Pair


class CertificateFiles:
    """The directory `<cache>/envoy/files`, emptied at start."""

    def __init__(self, cache: Path) -> None:
        self._directory = cache / "envoy" / "files"
        with contextlib.suppress(OSError):
            for path in self._directory.iterdir():
                path.unlink()

    def sources(self, pairs: tuple[Pair, ...]) -> list[tuple[dict[str, str], dict[str, str]]]:
        """Each pair as Envoy's data sources; the fallback certificate when there is none."""
        return [
            (self._source("tls-crt", pair.certificate), self._source("tls-key", pair.key))
            for pair in pairs or (fallback(),)
        ]

    def _source(self, kind: str, content: bytes) -> dict[str, str]:
        name = f"{kind}-{hashlib.blake2b(content, digest_size=13).hexdigest()}.pem"
        path = self._directory / name
        try:
            if not path.exists():
                self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
                new = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(new, "wb") as file:
                    file.write(content)
        except OSError:
            return {"inline_bytes": base64.b64encode(content).decode()}
        return {"filename": str(path)}


@cache
def fallback() -> Pair:
    """The certificate that Pomerium makes when it is given none: for every name, from its own authority."""
    from cryptography import x509  # noqa: PLC0415  slow to import, and most replicas have certificates
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    from cryptography.x509.oid import NameOID  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Pomerium")
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([organization]))
        .issuer_name(x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, "Pomerium PSK CA")]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2022, 12, 1, tzinfo=timezone.utc))
        .not_valid_after(datetime(2050, 12, 1, tzinfo=timezone.utc))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("*")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
