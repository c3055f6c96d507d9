"""What counts as a certificate and as its key."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization

from pomhealth.certs import pem
from tests.certs.making import made


@pytest.mark.parametrize("rsa_key", [False, True], ids=["ec", "rsa"])
def test_a_pair_is_read_with_all_that_a_person_asks_of_it(rsa_key: bool) -> None:
    one = made("a.example.com", "*.b.example.com", "192.0.2.1", "2001:db8::1", rsa_key=rsa_key)
    (read,), public = pem.chain(one.pem)
    assert (read.names, read.addresses) == (
        ("a.example.com", "*.b.example.com"),
        ("192.0.2.1", "2001:db8::1"),
    )
    assert (read.serial, read.issuer, read.common_name) == (one.serial, "CN=a.example.com", "a.example.com")
    assert 89 < (read.not_after - read.not_before) / 86400 < 92
    assert public == pem.public_of(one.key)
    assert pem.certificate(one.der) == read


def test_a_chain_keeps_its_order_and_passes_over_what_is_no_certificate_after_the_first() -> None:
    root = made("root", authority=True)
    middle = made("middle", authority=True, issuer=root)
    leaf = made("a.example.com", issuer=middle)
    broken = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    text = b"a comment\n" + leaf.key + leaf.pem + broken + b"\x00junk -----BEGIN CERTIFICATE-----"
    found, _ = pem.chain(text)
    assert [one.common_name for one in found] == ["a.example.com", "middle"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        made("a").der,
        made("a").key,
        b"-----BEGIN CERTIFICATE-----\n" * 1000,
        b"-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n" + made("a").pem,
        b"x" * 5_000_000,
        b"-----BEGIN CERTIFICATE-----" * 200_000,
    ],
    ids=["empty", "zeros", "der", "key", "no end", "broken first", "5 MB", "5 MB of beginnings"],
)
def test_what_is_no_pem_certificate_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(pem.NotPem, match="not a PEM certificate"):
        pem.chain(content)


def test_a_key_is_found_behind_what_stands_before_it() -> None:
    one = made("a")
    old_form = one.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    parameters = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
    assert pem.public_of(parameters + old_form) == pem.public_of(one.pem + one.key) == pem.public_of(one.key)


def test_an_encrypted_key_and_one_that_is_none_are_told_apart() -> None:
    encrypted = made("a").private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"sesame"),
    )
    with pytest.raises(pem.NotPem, match="encrypted"):
        pem.public_of(encrypted)
    with pytest.raises(pem.NotPem, match="not a PEM private key"):
        pem.public_of(b"nothing")


def test_a_certificate_without_names_is_read() -> None:
    (read,), _ = pem.chain(made(common_name="only.example.com").pem)
    assert (read.names, read.addresses, read.title) == ((), (), "only.example.com")
