"""Whom the replica trusts, and what a certificate that it refuses says."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone
from pathlib import Path

import pytest

from pomhealth.outside import trust
from pomhealth.outside.trouble import Trouble, Unjudged
from pomhealth.outside.trust import HTTP1, HTTP2, Shown, Trust
from tests.outside.world import DAY, Authority

NOW = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
SOME = Trust({}, 144)
SHOWN = Shown(("a.example", "b.example"), '"Corp, Corp CA"', NOW - DAY, NOW + DAY)


def organisation(der: bytes) -> str:
    shown = trust.read_shown(der)
    assert shown is not None
    return shown.issuer.strip('"').partition(",")[0]


def trusted(root: Path, environment: dict[str, str]) -> set[str]:
    """Whose certificates are trusted by a replica with this root and environment."""
    found = trust.load(environment, lambda path: f"{root}{path}")
    names = [
        {organisation(der) for der in found.contexts[alpn].get_ca_certs(binary_form=True)}
        for alpn in (HTTP1, HTTP2)
    ]
    assert names[0] == names[1]
    return names[0]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A replica's root with one authority in each place where Go looks for some."""
    places = {
        "Bundle": "etc/ssl/certs/ca-certificates.crt",
        "Fedora": "etc/pki/tls/certs/ca-bundle.crt",
        "Single": "etc/ssl/certs/single.pem",
        "Own": "own.pem",
        "First": "first/first.pem",
        "Second": "second/second.pem",
    }
    for name, place in places.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Authority(name, tmp_path).path.replace(tmp_path / place)
    return tmp_path


def test_the_first_file_and_every_file_of_each_directory_are_trusted(root: Path) -> None:
    assert trusted(root, {}) == {"Bundle", "Single", "Fedora"}


def test_a_file_or_a_directory_of_ones_own_replaces_only_its_kind(root: Path) -> None:
    assert trusted(root, {"SSL_CERT_FILE": "/own.pem"}) == {"Own", "Bundle", "Single", "Fedora"}
    assert trusted(root, {"SSL_CERT_DIR": "/first:/second"}) == {"Bundle", "First", "Second"}
    assert trusted(root, {"SSL_CERT_FILE": "/none", "SSL_CERT_DIR": "/first"}) == {"First"}
    assert trusted(root, {"SSL_CERT_FILE": "/none", "SSL_CERT_DIR": "/none"}) == set()


def test_a_directory_among_the_files_leaves_nothing_open(root: Path) -> None:
    (root / "first" / "java").mkdir()
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert trusted(root, {"SSL_CERT_DIR": "/first"}) == {"Bundle", "First"}
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_is_no_certificate_is_passed_over(root: Path) -> None:
    broken = b"-----BEGIN CERTIFICATE-----\nMIIBwrong\n-----END CERTIFICATE-----\n"
    own = root / "own.pem"
    own.write_bytes(broken + own.read_bytes() + b"\xff\xfe")
    assert trusted(root, {"SSL_CERT_FILE": "/own.pem", "SSL_CERT_DIR": "/none"}) == {"Own"}


def refused(code: int, shown: Shown | None = SHOWN, *, whom: Trust = SOME, now: datetime = NOW) -> Exception:
    return trust.refusal("host:443", "host.example", (code, "some reason"), shown, trust=whom, now=now)


def test_an_unknown_authority_is_no_failure_while_a_file_of_authorities_cannot_be_read() -> None:
    assert isinstance(refused(20), Trouble)
    denied = refused(20, whom=Trust({}, 144, denied="/etc/corp.pem"))
    assert isinstance(denied, Unjudged)
    assert "/etc/corp.pem" in denied.why


def test_a_refusal_says_what_is_wrong_with_the_certificate() -> None:
    assert "not for host.example" in str(refused(62))
    assert "a.example, b.example" in str(refused(62))
    assert "expired on 2026-11-22 12:00 UTC" in str(refused(10, now=NOW + 2 * DAY))
    assert "not valid before 2026-11-20 12:00 UTC" in str(refused(9, now=NOW - 2 * DAY))
    assert "which the replica does not trust" in str(refused(19))
    assert "(SSL_CERT_FILE set whom it trusts)" in str(refused(19, whom=Trust({}, 1, ("SSL_CERT_FILE",))))
    assert "trusts no authority at all" in str(refused(20, whom=Trust({}, 0)))
    assert "some reason" in str(refused(7))
    assert "some reason" in str(refused(20, None))


def test_what_a_stranger_writes_into_a_certificate_cannot_break_a_line(tmp_path: Path) -> None:
    authority = Authority("Two\nLines", tmp_path)
    shown = trust.read_shown(ssl.PEM_cert_to_DER_cert(authority.path.read_text()))
    assert shown is not None
    assert shown.issuer == '"Two?Lines, Two?Lines CA"'
    assert trust.read_shown(b"no certificate") is None
