"""TLS to PostgreSQL, by real certificates: what the driver would refuse is a tls failure."""

from __future__ import annotations

import datetime as dt
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pomhealth.status import Outcome, Unobservable
from tests.storage.looking import Database, finding
from tests.storage.tls_front import tls_front


@dataclass(frozen=True, slots=True)
class Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls) -> Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an authority")])
        built = _builder(name, name, key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        return cls(key, built.sign(key, hashes.SHA256()))

    def issue(self, name: str) -> tuple[bytes, bytes]:
        """A certificate and its key, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        built = _builder(subject, self.certificate.subject, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False
        )
        certificate = built.sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def write(self, path: Path) -> str:
        path.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))
        return str(path)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority.make()


@pytest.fixture
async def tls_port(database: Database, authority: Authority, tmp_path: Path) -> AsyncIterator[int]:
    """Where the session's server answers with a certificate for localhost."""
    chain = tmp_path / "server.pem"
    chain.write_bytes(b"".join(authority.issue("localhost")))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    async with tls_front(context, database.server.port) as port:
        yield port


@pytest.mark.proves("storage.backend/tls")
async def test_a_server_without_tls_is_refused_by_those_who_ask_for_it(database: Database) -> None:
    for mode in ("require", "verify-ca", "verify-full"):
        found = await finding(database.dsn(sslmode=mode))
        assert (found.cause, found.silent) == ("tls", False), found


async def test_prefer_and_allow_do_without(database: Database) -> None:
    for mode in ("prefer", "allow"):
        assert (await finding(database.dsn(sslmode=mode))).outcome is Outcome.PASS


async def test_every_mode_takes_the_right_certificate(
    database: Database, tls_port: int, authority: Authority, tmp_path: Path
) -> None:
    root = authority.write(tmp_path / "ca.pem")
    for mode in ("allow", "prefer", "require", "verify-ca", "verify-full"):
        found = await finding(database.dsn(host=f"localhost:{tls_port}", sslmode=mode, sslrootcert=root))
        assert found.outcome is Outcome.PASS, (mode, found)


@pytest.mark.proves("storage.backend/tls")
async def test_a_certificate_of_another_authority_is_a_tls_failure(
    database: Database, tls_port: int, tmp_path: Path
) -> None:
    other = Authority.make().write(tmp_path / "other.pem")
    for mode in ("require", "verify-ca", "verify-full"):
        found = await finding(database.dsn(port=tls_port, sslmode=mode, sslrootcert=other))
        assert (found.cause, found.silent) == ("tls", False), (mode, found)


@pytest.mark.proves("storage.backend/tls")
async def test_a_certificate_for_another_name_is_a_tls_failure(
    database: Database, tls_port: int, authority: Authority, tmp_path: Path
) -> None:
    root = authority.write(tmp_path / "ca.pem")
    by_address = f"127.0.0.1:{tls_port}"

    found = await finding(database.dsn(host=by_address, sslmode="verify-full", sslrootcert=root))
    lenient = await finding(database.dsn(host=by_address, sslmode="verify-ca", sslrootcert=root))

    assert (found.cause, found.silent) == ("tls", False), found
    assert lenient.outcome is Outcome.PASS, lenient


async def test_an_unknown_authority_is_one_that_the_system_does_not_know(
    database: Database, tls_port: int
) -> None:
    found = await finding(database.dsn(port=tls_port, sslmode="verify-full"))

    assert found.cause == "tls"


@pytest.mark.proves("storage.backend/authentication")
async def test_a_server_that_takes_only_tls_says_so(own_database: Database) -> None:
    rules = own_database.server.directory / "data" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text("local all all scram-sha-256\nhostssl all all all scram-sha-256\n")
    os.kill(own_database.server.pids()[0], signal.SIGHUP)
    end = time.monotonic() + 5.0
    found = await finding(own_database.dsn(sslmode="disable"))
    while not found.cause and time.monotonic() < end:
        found = await finding(own_database.dsn(sslmode="disable"))
    rules.write_text(before)
    own_database.server.stop()

    assert found.cause == "authentication"
    assert "28000" in found.summary


async def test_a_key_that_others_may_read_is_for_the_operator_not_a_failure(
    database: Database, tls_port: int, authority: Authority, tmp_path: Path
) -> None:
    """Pomerium's driver takes such a key, libpq does not: nothing is proven."""
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    for path, content in zip((certificate, key), authority.issue("client"), strict=True):
        path.write_bytes(content)
    key.chmod(0o644)
    dsn = database.dsn(port=tls_port, sslmode="require", sslcert=str(certificate), sslkey=str(key))

    with pytest.raises(Unobservable, match="chmod 600"):
        await finding(dsn)
    key.chmod(0o600)
    assert (await finding(dsn)).outcome is Outcome.PASS
