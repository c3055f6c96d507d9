"""Pairs on disk: what this user, and the replica's, can make of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pomhealth.certs.model import Pair, Source
from pomhealth.certs.reading import Eyes, autocert, read
from pomhealth.replica.configfile import parse
from pomhealth.replica.options import merge
from pomhealth.storage.access import Credentials
from tests.certs.making import made

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="looks at files of another user")


def look(directory: Path, who: Credentials | None = None, *, sure: bool = True) -> Pair:
    source = Source("certificate_file", "c.yaml:1", str(directory / "cert.pem"), str(directory / "key.pem"))
    return read(source, Eyes(lambda path: path, who, lambda _: sure))


def test_a_file_is_read_again_when_it_was_replaced_and_only_then(tmp_path: Path) -> None:
    first = made("a.example.com").into(tmp_path)
    before = look(tmp_path)
    assert before.leaf is not None
    assert (before.leaf.serial, before.complaint) == (first.serial, None)
    assert look(tmp_path).leaf is before.leaf
    second = made("a.example.com").into(tmp_path)
    after = look(tmp_path)
    assert after.leaf is not None
    assert after.leaf.serial == second.serial


def test_a_pair_of_two_requests_does_not_fit(tmp_path: Path) -> None:
    made("a").into(tmp_path)
    (tmp_path / "key.pem").write_bytes(made("a").key)
    pair = look(tmp_path)
    assert pair.complaint is not None
    assert pair.complaint.cause == "key-mismatch"
    assert pair.leaf is not None


@pytest.mark.parametrize("kind", ["missing", "pipe", "directory", "der", "empty", "5 MB"])
def test_hostile_files_are_unreadable_at_once(tmp_path: Path, kind: str) -> None:
    one = made("a").into(tmp_path)
    path = tmp_path / "cert.pem"
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes({"der": one.der, "empty": b"", "5 MB": b"-----BEGIN " * 500_000}[kind])
    pair = look(tmp_path)
    assert pair.complaint is not None
    assert (pair.complaint.cause, pair.leaf) == ("unreadable", None)


def test_a_file_that_may_stand_elsewhere_is_unknown_where_it_is_not_found(tmp_path: Path) -> None:
    pair = look(tmp_path, sure=False)
    assert (pair.complaint, "not to be found from here" in pair.unseen) == (None, True)


@needs_root
def test_a_file_that_the_replicas_user_may_not_read_is_unreadable(tmp_path: Path) -> None:
    made("a").into(tmp_path)
    (tmp_path / "key.pem").chmod(0o600)
    nobody = Credentials(65534, 65534)
    pair = look(tmp_path, nobody)
    assert pair.complaint is not None
    assert pair.complaint.cause == "unreadable"
    assert "the replica's user may not read" in pair.complaint.text
    assert pair.leaf is not None, "what it says is known all the same"
    assert look(tmp_path, Credentials(0, 0, overrides=True)).complaint is None
    assert look(tmp_path, Credentials(65534, 65534, searches=True)).complaint is None, "CAP_DAC_READ_SEARCH"


@needs_root
def test_a_key_that_we_may_not_read_is_unknown_and_the_certificate_is_judged(tmp_path: Path) -> None:
    made("a").into(tmp_path)
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_mode & 0o005 != 0o005 and str(parent).startswith("/tmp/"):
            parent.chmod(0o755)
    (tmp_path / "key.pem").chmod(0o600)
    os.seteuid(65534)
    try:
        pair = look(tmp_path)
    finally:
        os.seteuid(0)
    assert (pair.complaint, pair.leaf is not None, "may not read" in pair.unseen) == (None, True, True)


def test_autocerts_files_are_those_of_the_authority_in_use_and_of_hosts_that_are_served(
    tmp_path: Path,
) -> None:
    issuer = tmp_path / "certificates" / "acme-v02.api.letsencrypt.org-directory"
    staging = tmp_path / "certificates" / "acme-staging-v02.api.letsencrypt.org-directory"
    for directory in (issuer, staging):
        for host in ("a.example.com", "gone.example.com"):
            made(host).into(directory / host, host)
    hosts = ("a.example.com", "*.example.com", "new.example.com")

    def found(text: str) -> list[str]:
        options = merge(parse("c.yaml", text.encode()), {})
        return [one.certificate for one in autocert(options, str(tmp_path), hosts, lambda path: path)]

    assert found("autocert: true") == [str(issuer / "a.example.com" / "a.example.com.crt")]
    assert found("autocert: true\nautocert_use_staging: true") == [
        str(staging / "a.example.com" / "a.example.com.crt")
    ]
    assert found("autocert: true\nautocert_ca: https://ca.example.com:14000/dir") == []
