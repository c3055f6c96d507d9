"""Envoy's own list of certificates, and which of them its listeners present."""

from __future__ import annotations

from typing import Any

import pytest

from pomhealth.certs.model import Certificate
from pomhealth.certs.served import current, listed, presented_files


def entry(serial: str, path: str = "/a.pem", begins: str = "2026-11-20T14:28:20Z") -> dict[str, Any]:
    return {
        "ca_cert": [{"serial_number": "99", "valid_from": begins, "expiration_time": begins}],
        "cert_chain": [
            {
                "path": path,
                "serial_number": serial,
                "subject_alt_names": [
                    {"dns": "A.example.com"},
                    {"ip_address": "192.0.2.1"},
                    {"uri": "spiffe://x"},
                ],
                "valid_from": begins,
                "expiration_time": "2027-02-19T14:28:20Z",
            }
        ],
    }


def test_each_certificate_is_listed_once_and_no_authority() -> None:
    (one,) = listed({"certificates": [entry("0aBc"), entry("0aBc"), {"cert_chain": []}]})
    assert (one.serial, one.names, one.addresses) == ("abc", ("a.example.com",), ("192.0.2.1",))
    assert one.file == "/a.pem"


@pytest.mark.parametrize("answer", [[], "x", {"certificates": [entry("1", begins="soon")]}])
def test_what_is_no_such_list_is_said_to_be_none(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"no list of certificates|isoformat"):
        listed(answer)


def dump(*chains: dict[str, str]) -> dict[str, Any]:
    certificates = [{"certificate_chain": chain, "private_key": {}} for chain in chains]
    state = {
        "listener": {"filter_chains": [{"transport_socket": {"common": {"tls_certificates": certificates}}}]}
    }
    old = {"listener": {"x": {"certificate_chain": {"filename": "/old.pem"}}}}
    return {
        "configs": [
            {"name": "https-ingress", "active_state": state, "draining_state": old},
            {"name": "plain"},
        ]
    }


def test_what_drains_is_presented_no_more() -> None:
    files = presented_files(dump({"filename": "/a.pem"}))
    assert files == frozenset({"/a.pem"})
    assert [
        one.serial for one in current(listed({"certificates": [entry("1"), entry("2", "/old.pem")]}), files)
    ] == ["1"]


def certificate(serial: str, begins: float, *names: str) -> Certificate:
    return Certificate(names, (), "", "", "", serial, begins, 9e9)


def test_where_files_have_no_names_a_later_certificate_replaces_one_whose_names_it_has() -> None:
    assert presented_files(dump({"filename": "/a.pem"}, {"inline_bytes": "x"})) is None
    found = (
        certificate("old", 1, "a", "b"),
        certificate("new", 2, "a", "b"),
        certificate("part", 1, "b", "c"),
        certificate("alone", 1, "d"),
        certificate("bare", 1),
    )
    assert [one.serial for one in current(found, None)] == ["new", "part", "alone", "bare"]
