"""Options: environment first, then file; the last good file where it is broken now."""

from __future__ import annotations

import pytest

from pomhealth.replica.configfile import ConfigFile, parse
from pomhealth.replica.model import Value
from pomhealth.replica.options import merge
from pomhealth.replica.services import services_of


def test_the_environment_goes_before_the_file() -> None:
    file = parse("c.yaml", b"address: :1\ngrpc_address: :2\n")
    options = merge(file, {"ADDRESS": ":3", "PATH": "/bin", "DOWNSTREAM_MTLS_ENFORCEMENT": "policy"})
    assert Value(":3", "environment ADDRESS") == options.values["address"]
    assert options.get("grpc_address") == ":2"
    assert options.get("downstream_mtls.enforcement") == "policy"
    assert "path" not in options.values
    assert options.origin("services") == "default"


def test_an_empty_variable_sets_nothing() -> None:
    assert merge(parse("c.yaml", b"address: :1\n"), {"ADDRESS": ""}).get("address") == ":1"


def test_a_broken_file_keeps_the_options_of_the_last_good_one() -> None:
    good = merge(parse("c.yaml", b"address: :1\nservices: proxy\n"), {"SERVICES": "all"})
    broken = parse("c.yaml", b"address: [\n")
    now = merge(broken, {}, good)
    assert now.get("address") == ":1"
    assert broken.problems == now.problems
    assert broken.digest == now.digest
    assert None is now.get("services"), "what came from the environment of before is not kept"


def test_another_files_options_are_not_kept() -> None:
    good = merge(parse("a.yaml", b"address: :1\n"), {})
    assert None is merge(parse("b.yaml", b"["), {}, good).get("address")


@pytest.mark.parametrize(
    ("content", "environment"),
    [
        (b"address: :1\n", {"POMERIUM_ZERO_TOKEN": "t0ken", "ADDRESS": ":2"}),
        (b"address: :1\npomerium_zero_token: t0ken", {}),
    ],
)
def test_with_a_cluster_token_file_and_environment_count_for_nothing_else(
    content: bytes, environment: dict[str, str]
) -> None:
    options = merge(parse("c.yaml", content), environment)
    assert options.zero
    assert None is options.get("address")


def test_options_do_not_show_values_when_printed() -> None:
    assert "sesame" not in repr(merge(ConfigFile(""), {"SHARED_SECRET": "sesame"}))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"", {"all"}),
        (b"services: proxy, authorize", {"proxy", "authorize"}),
        (b"services: cache", {"databroker"}),
        (b"services: [proxy]", {"proxy"}),
    ],
)
def test_services(text: bytes, expected: set[str]) -> None:
    assert expected == services_of(merge(parse("c.yaml", text), {}))
