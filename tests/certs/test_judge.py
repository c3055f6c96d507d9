"""What is wrong with certificates, and what of it is told first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pomhealth.certs import judge, pem
from pomhealth.certs.judge import Handshake, Sight
from pomhealth.certs.model import AUTOCERT, Certificate, Complaint, Pair, Source
from tests.certs.making import Made, made


def pair(one: Made, *, role: str = "main", age: float = 3600, complaint: Complaint | None = None) -> Pair:
    chain, _ = pem.chain(one.pem)
    source = Source("certificate_file", "c.yaml:1", f"/certs/{one.serial}.pem", "/certs/key.pem", role)
    return Pair(source, chain, complaint, changed=time.time() - age)


def certificate(one: Made) -> Certificate:
    return pem.chain(one.pem)[0][0]


def causes(pairs: Sequence[Pair] = (), **seen: Any) -> list[str]:
    fields: dict[str, Any] = {
        "loaded": None,
        "handshakes": (),
        "refused": (),
        "now": time.time(),
        "days": 10,
        **seen,
    }
    return [fault.cause for fault in judge.faults(Sight(pairs=pairs, **fields))]


def test_the_worst_comes_first_and_the_earliest_of_its_kind() -> None:
    unfit = Complaint("key-mismatch", "the key does not belong to the certificate")
    gone = Complaint("unreadable", "the certificate cannot be read")
    pairs = [
        pair(made("soon", days=3)),
        pair(made("later", begins=5)),
        pair(made("unfit"), complaint=unfit),
        pair(made("gone"), complaint=gone),
        pair(made("ended", days=-1, begins=-9)),
        pair(made("sooner", days=2)),
    ]
    faults = judge.faults(Sight(pairs, None, (), (), time.time(), 10))
    assert [(fault.cause, fault.title) for fault in faults] == [
        ("expired", "ended"),
        ("unreadable", "gone"),
        ("key-mismatch", "unfit"),
        ("not-yet-valid", "later"),
        ("expiring", "sooner"),
        ("expiring", "soon"),
    ]


def test_the_number_of_days_is_a_setting() -> None:
    one = [pair(made("a", days=20))]
    assert causes(one) == []
    assert causes(one, days=30) == ["expiring"]


def test_clocks_that_differ_a_little_make_no_certificate_invalid() -> None:
    assert causes([pair(made("a", begins=60 / 86400))]) == []
    assert causes([pair(made("a", begins=600 / 86400))]) == ["not-yet-valid"]


def test_two_files_that_are_just_being_written_are_left_to_settle() -> None:
    unfit = Complaint("key-mismatch", "the key does not belong to the certificate")
    assert causes([pair(made("a"), age=0.2, complaint=unfit)]) == []


def test_an_issuer_that_ends_is_told_and_a_root_is_not() -> None:
    root = made("root", authority=True, days=-1, begins=-9)
    ended = made("middle", authority=True, issuer=root, days=-1, begins=-9)
    ending = made("middle", authority=True, issuer=root, days=2)
    above = made("lower", authority=True, issuer=ended)
    assert causes([pair(made("a", issuer=ended))]) == ["expired"]
    assert causes([pair(made("a", issuer=ending))]) == ["expiring"]
    assert causes([pair(made("a", issuer=above))]) == ["expiring"], "clients may know another way up"
    assert causes([pair(made("a", issuer=root))]) == []


def test_what_is_newer_on_disk_than_loaded_is_stale_after_a_grace() -> None:
    old, new = made("a.example.com"), made("a.example.com")
    other = certificate(made("b.example.com"))
    assert causes([pair(new)], loaded=[certificate(old)]) == ["served-stale"]
    assert causes([pair(new, age=1)], loaded=[certificate(old)]) == []
    assert causes([pair(new, role=AUTOCERT, age=60)], loaded=[certificate(old)]) == []
    assert causes([pair(new)], loaded=[certificate(new), certificate(old)]) == []
    assert causes([pair(new)], loaded=[other]) == [], "one from a console is none in its place"
    assert causes([pair(new)], loaded=None) == []


def test_what_the_main_listener_presents_is_compared_too() -> None:
    old, new = made("a.example.com"), made("a.example.com")
    shake = Handshake("127.0.0.1:443", "a.example.com", certificate(old))
    assert causes([pair(new)], loaded=[certificate(new)], handshakes=[shake]) == ["served-stale"]
    good = Handshake("127.0.0.1:443", "a.example.com", certificate(new))
    assert causes([pair(new)], loaded=[certificate(new)], handshakes=[good]) == []


def test_what_envoy_has_from_elsewhere_is_judged_by_its_dates() -> None:
    loaded = [
        certificate(made("a", days=-1, begins=-9)),
        certificate(made("b", days=2)),
        certificate(made("c")),
    ]
    assert causes(loaded=loaded) == ["expired", "expiring"]
