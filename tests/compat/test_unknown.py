"""Options that a release does not know: it goes on without them."""

from __future__ import annotations

import pytest

from pomhealth.compat.unknown import unknown
from pomhealth.compat.vocabulary import vocabulary
from pomhealth.replica.configfile import parse
from pomhealth.replica.model import Problem
from pomhealth.replica.options import merge

ROUTE = "routes:\n  - from: https://a.example.com\n    to: http://a\n"


def found(text: str, release: tuple[int, int] | None = (0, 32)) -> tuple[Problem, ...]:
    return unknown(merge(parse("c.yaml", text.encode()), {}), vocabulary(release))


@pytest.mark.parametrize(
    ("text", "says", "advice"),
    [
        ("adress: :443", "the option adress", "address perhaps"),
        ("\n\nmerge_slashes: true", "the option merge_slashes", "it came with 0.33"),
        ("pomerium_debug: true", "the option pomerium_debug", "0.31 was the last to read it"),
        ("allow_websockets: true", "the option allow_websockets", "it is an option of a route"),
        ("completely_different: 1", "the option completely_different", "take it out, or correct its name"),
        (
            "runtime_flags: {config_hot_relod: false}",
            "the runtime flag config_hot_relod",
            "config_hot_reload perhaps",
        ),
        (
            "downstream_mtls:\n  enforcment: policy",
            "the option downstream_mtls.enforcment",
            "enforcement perhaps",
        ),
        ("certificates: [{cert: a, keyy: b}]", "the option certificates.keyy", "certificates.key perhaps"),
        (ROUTE + "    allow_websocket: true", "the route option allow_websocket", "allow_websockets perhaps"),
        (ROUTE + "    allow_upgrades: [a]", "the route option allow_upgrades", "it came with 0.33"),
        (ROUTE + "    insecure_server: true", "the route option insecure_server", "of the whole replica"),
        (ROUTE + "    redirect: {http_redirect: true}", "redirect.http_redirect", "https_redirect perhaps"),
        (ROUTE + "    mcp: {server: {pathh: /}}", "mcp.server.pathh", "mcp.server.path perhaps"),
        (
            ROUTE.replace("routes", "policy") + "    allowed_groups: [a]",
            "allowed_groups",
            "#idp-groups-policy",
        ),
    ],
)
def test_an_unknown_option_is_told_with_its_line_and_what_was_perhaps_meant(
    text: str, says: str, advice: str
) -> None:
    (problem,) = found(text)
    assert problem.line == text.count("\n") + 1
    assert problem.text.startswith("Pomerium 0.32 does not know")
    assert says in problem.text
    assert advice in problem.fix


@pytest.mark.parametrize(
    "text",
    [
        "pomerium_zero_token: x",
        "set_response_headers: {X-Anything: a}",
        "idp_request_params: {anything: a}",
        "runtime_flags: {mcp: true}",
        "tracing_provider: jaeger",
        "jwt_claims_headers: {X-Anything: email}",
        ROUTE + "    allowed_groups: [a]",
        ROUTE + "    lb_policy: RING_HASH\n    ring_hash_lb_config: {minimum_ring_size: 5}",
        ROUTE + "    health_checks: [{timeout: 1s, anything: {a: b}}]",
        ROUTE + "    outlier_detection: {anything: 5}",
        ROUTE + "    set_request_headers: {X-Anything: a}",
        ROUTE + "    policy: {allow: {and: [{anything: {is: a}}]}}",
        ROUTE + "    allowed_idp_claims: {anything: [a]}",
    ],
)
def test_what_takes_any_key_or_is_told_otherwise_is_not_told(text: str) -> None:
    assert found(text) == ()


def test_names_are_read_in_any_case_as_pomerium_reads_them() -> None:
    assert found("ADDRESS: :443\nRoutes: [{From: https://a.example.com, TO: http://a}]") == ()


def test_where_the_release_is_not_known_only_what_no_release_knows_is_told() -> None:
    assert found("merge_slashes: true\nauthenticate_callback_path: /a", None) == ()
    assert len(found("adress: :443", None)) == 1


def test_the_same_name_in_many_routes_is_told_once() -> None:
    routes = "".join(
        f"  - {{from: 'https://{n}.com', to: http://a, allow_websocket: true}}\n" for n in range(10_000)
    )
    (problem,) = found(f"routes:\n{routes}")
    assert (problem.line, "9999 more places" in problem.text) == (2, True)


def test_a_thousand_unknown_names_are_not_a_thousand_lines() -> None:
    problems = found("".join(f"name_{n}: 1\n" for n in range(1000)))
    assert len(problems) == 21
    assert "980 more" in problems[-1].text


def test_a_name_as_long_as_a_file_is_cut() -> None:
    (problem,) = found(f"? {'x' * 1_000_000}\n: 1\n")
    assert len(problem.text) < 200
