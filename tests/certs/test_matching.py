"""Which hosts a set of certificates is good for: by examples, and against a plain reading of the rules."""

from __future__ import annotations

import random

import pytest

from pomhealth.certs import pem
from pomhealth.certs.matching import Index
from pomhealth.certs.model import Certificate
from tests.certs.making import made


def certificate(*names: str) -> Certificate:
    (one,), _ = pem.chain(made(*names).pem)
    return one


@pytest.mark.parametrize(
    ("name", "host", "good"),
    [
        ("a.example.com", "a.example.com", True),
        ("a.example.com", "A.Example.COM.", True),
        ("A.example.com", "a.example.com", True),
        ("a.example.com", "b.example.com", False),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", ".example.com", False),
        ("*.example.com", "*.example.com", True),
        ("*.example.com", "app-*.example.com", True),
        ("*.example.com", "*.b.example.com", False),
        ("a.example.com", "*.example.com", False),
        ("*.*.example.com", "a.b.example.com", False),
        ("a*.example.com", "ab.example.com", False),
        ("*", "a.example.com", False),
        ("*", "localhost", False),
        ("xn--mller-kva.example.com", "müller.example.com", True),
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "[2001:0db8::1]", True),
        ("*.0.2.1", "192.0.2.1", False),
    ],
)
def test_a_name_is_good_for_a_host_by_the_rules_of_the_field(name: str, host: str, good: bool) -> None:
    assert Index([certificate(name)]).covers(host) is good


def test_the_common_name_counts_for_nothing_as_in_every_browser() -> None:
    (one,), _ = pem.chain(made(common_name="a.example.com").pem)
    assert not Index([one]).covers("a.example.com")


def plainly(names: list[str], host: str) -> bool:
    """The rules, label by label."""
    labels = host.split(".")
    return any(
        len(pattern) == len(labels)
        and pattern[1:] == labels[1:]
        and (pattern[0] == labels[0] or (pattern[0] == "*" and "*" not in ".".join(pattern[1:])))
        for pattern in (name.split(".") for name in names)
    )


@pytest.mark.parametrize("seed", range(20))
def test_the_index_answers_as_a_plain_reading_of_the_rules(seed: int) -> None:
    """Any names, any hosts, many of them close to one another."""
    chance = random.Random(seed)

    def some(first: list[str]) -> str:
        middle = [chance.choice(["a", "b", "ab"]) for _ in range(chance.randrange(3))]
        return ".".join([chance.choice(first), *middle, "example", "com"])

    names = [some(["*", "a", "b", "ab"]) for _ in range(20)]
    bare = Certificate(tuple(names), (), "", "", "", "1", 0, 0)
    index = Index([bare])
    for _ in range(300):
        host = some(["a", "b", "ab", "c"])
        assert index.covers(host) == plainly(names, host), (names, host)
