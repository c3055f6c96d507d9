"""Which options each release of Pomerium reads."""

from __future__ import annotations

import pytest

from pomhealth.compat.kinds import TAKEN
from pomhealth.compat.vocabulary import by_variable, newest, vocabulary, when

EVERY = [(0, 30), (0, 31), (0, 32), (0, 33)]


@pytest.mark.parametrize("release", EVERY)
def test_every_release_reads_what_every_configuration_has(release: tuple[int, int]) -> None:
    words = vocabulary(release)
    assert words.label == f"Pomerium 0.{release[1]}"
    assert {"address", "routes", "policy", "services", "downstream_mtls.ca"} <= words.options.keys()
    assert {"from", "to", "policy", "redirect.https_redirect"} <= words.routes.keys()
    assert set(words.options.values()) | set(words.routes.values()) <= {*TAKEN, "any"}
    assert not words.removed.keys() & words.options.keys()


@pytest.mark.parametrize(
    ("release", "known", "unknown"),
    [
        ((0, 30), "authenticate_callback_path", "health_check_addr"),
        ((0, 31), "health_check_addr", "authenticate_callback_path"),
        ((0, 32), "debug_address", "pomerium_debug"),
        ((0, 33), "merge_slashes", "authenticate_callback_path"),
        ((0, 32), "pass_identity_headers", "merge_slashes"),
        ((0, 33), "runtime_flags.mcp_dynamic_client_registration", "runtime_flags.nonsense"),
        ((0, 31), "runtime_flags.mcp", "runtime_flags.routes_portal"),
    ],
)
def test_options_come_and_go_with_releases(release: tuple[int, int], known: str, unknown: str) -> None:
    words = vocabulary(release)
    assert known in words.options
    assert unknown not in words.options


@pytest.mark.parametrize(
    ("release", "label"),
    [
        ((0, 29), "Pomerium 0.30 (the oldest release that pomhealth knows; it does not know 0.29)"),
        ((0, 34), "Pomerium 0.33 (the newest release that pomhealth knows; it does not know 0.34)"),
        ((1, 0), "Pomerium 0.33 (the newest release that pomhealth knows; it does not know 1.0)"),
        (None, "Pomerium 0.30 to 0.33"),
    ],
)
def test_a_release_that_is_not_known_is_told(release: tuple[int, int] | None, label: str) -> None:
    assert vocabulary(release).label == label


def test_where_the_release_is_not_known_all_of_them_count() -> None:
    words = vocabulary(None)
    assert {"authenticate_callback_path", "merge_slashes"} <= words.options.keys()
    assert newest() == (0, 33)


def test_what_a_route_hands_to_envoy_is_known() -> None:
    assert "lb_policy" in vocabulary((0, 30)).routes


def test_an_option_has_its_variable() -> None:
    names = by_variable()
    assert names["DOWNSTREAM_MTLS_CA_FILE"] == "downstream_mtls.ca_file"
    assert names["HEALTH_CHECK_ADDR"] == "health_check_addr"
    assert "CERTIFICATES_CERT" not in names
    assert "DOWNSTREAM_MTLS" not in names


def test_when_an_option_was_read() -> None:
    assert when("merge_slashes", route=False) == "it came with 0.33"
    assert when("authenticate_callback_path", route=False) == "0.30 was the last to read it"
    assert when("upstream_tunnel", route=True) == "it came with 0.31"
    assert when("runtime_flags.routes_portal", route=False) == "it came with 0.32"
    assert not when("address", route=False)
    assert not when("nonsense", route=False)
