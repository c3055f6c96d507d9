"""The list of certificates: which stand in it, in which order, and how many."""

from __future__ import annotations

from pomhealth.certs.model import Certificate, Complaint, Pair, Source
from pomhealth.certs.validity import MOST, listed


def certificate(name: str, serial: str, ends: float, file: str = "") -> Certificate:
    return Certificate((name,), (), "", "", "", serial, 1.0, ends, file=file)


def pair(file: str, *chain: Certificate, **more: object) -> Pair:
    return Pair(Source("certificates", "/pomerium.yaml:3", file, "key.pem", base="/etc"), chain, **more)  # type: ignore[arg-type]


def test_what_ends_first_stands_first() -> None:
    found = listed([pair("a.pem", certificate("a", "1", 9.0)), pair("b.pem", certificate("b", "2", 5.0))], ())
    assert [(one.name, one.where, one.serial, one.not_before, one.not_after) for one in found] == [
        ("b", "/etc/b.pem", "2", 1.0, 5.0),
        ("a", "/etc/a.pem", "1", 1.0, 9.0),
    ]


def test_what_envoy_has_loaded_from_disk_stands_once_and_the_rest_with_where_it_is_seen() -> None:
    on_disk = certificate("a", "1", 9.0)
    loaded = (on_disk, certificate("b", "2", 8.0), certificate("c", "3", 7.0, "/cache/c.pem"))
    found = listed([pair("a.pem", on_disk)], loaded)
    assert [(one.name, one.where) for one in found] == [
        ("c", "/cache/c.pem"),
        ("b", "Envoy's /certs"),
        ("a", "/etc/a.pem"),
    ]


def test_what_cannot_be_read_stands_before_all_with_the_reason() -> None:
    damaged = pair("x.pem", complaint=Complaint("unreadable", "the certificate is not a PEM certificate"))
    hidden = pair("y.pem", unseen="this user may not read /etc/y.pem")
    found = listed([pair("a.pem", certificate("a", "1", 9.0)), damaged, hidden], ())
    assert [(one.where, one.not_after, one.problem) for one in found] == [
        ("/etc/x.pem", 0.0, "the certificate is not a PEM certificate"),
        ("/etc/y.pem", 0.0, "this user may not read /etc/y.pem"),
        ("/etc/a.pem", 9.0, ""),
    ]


def test_a_certificate_whose_key_is_another_has_its_dates_and_the_reason() -> None:
    complaint = Complaint("key-mismatch", "the key does not belong to the certificate")
    (one,) = listed([pair("a.pem", certificate("a", "1", 9.0), complaint=complaint)], ())
    assert (one.name, one.not_after, one.problem) == ("a", 9.0, complaint.text)


def test_a_pair_that_is_named_twice_stands_once() -> None:
    twice = [pair("a.pem", certificate("a", "1", 9.0))] * 2
    assert len(listed(twice, ())) == 1


def test_of_more_than_are_listed_those_that_end_last_are_left_out() -> None:
    pairs = [
        pair(f"{end}.pem", certificate(f"{end}", f"{end}", float(end))) for end in range(MOST + 5, 0, -1)
    ]
    found = listed(pairs, ())
    assert (len(found), found[0].name, found[-1].name) == (MOST, "1", str(MOST))
