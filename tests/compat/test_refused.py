"""Options that were removed, and values of the wrong kind: Pomerium does not start with these."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import pytest

from pomhealth.compat.refused import REMOVED, refused
from pomhealth.compat.vocabulary import vocabulary
from pomhealth.replica.configfile import parse
from pomhealth.replica.model import Problem
from pomhealth.replica.options import merge

ROUTE = "routes:\n  - from: https://a.example.com\n    to: http://a\n"


def found(text: str, environment: Mapping[str, str] | None = None, name: str = "c.yaml") -> list[Problem]:
    return list(refused(merge(parse(name, text.encode()), environment or {}), vocabulary((0, 33))))


def test_a_removed_option_is_told_with_its_line_and_its_explanation() -> None:
    (problem,) = found("address: :443\ntracing_provider: jaeger\n")
    assert problem.where == "c.yaml:2"
    assert "tracing_provider was removed" in problem.text
    assert "https://docs.pomerium.com/docs/overview/upgrading#removed-tracing-options" in problem.fix
    assert problem.cause == REMOVED


def test_a_removed_option_of_many_routes_is_told_once() -> None:
    routes = "".join(
        f"  - from: https://{n}.example.com\n    to: http://a\n    allowed_groups: [x]\n" for n in range(50)
    )
    (problem,) = found(f"routes:\n{routes}")
    assert problem.where == "c.yaml:4"
    assert "allowed_groups was removed" in problem.text
    assert "49 more places" in problem.text
    assert problem.cause == REMOVED


def test_pomerium_looks_for_removed_options_of_routes_under_routes_alone() -> None:
    assert (
        found("policy:\n  - from: https://a.example.com\n    to: http://a\n    allowed_groups: [x]\n") == []
    )


def test_a_removed_option_in_the_environment_is_not_read() -> None:
    assert found("address: :443", {"TRACING_PROVIDER": "jaeger", "IDP_QPS": "5"}) == []


@pytest.mark.parametrize(
    "text",
    [
        "autocert: yes",
        "autocert: maybe",
        "autocert: [true]",
        "insecure_server: {a: b}",
        "timeout_read: 5 minutes",
        "timeout_read: ''",
        "timeout_read: [5s]",
        "cookie_expire: 14d",
        "xff_num_trusted_hops: many",
        "xff_num_trusted_hops: [1]",
        "address: [':443']",
        "idp_client_id: {a: b}",
        "idp_scopes: {a: b}",
        "idp_scopes: [[a]]",
        "set_response_headers: [a]",
        "set_response_headers: true",
        "set_response_headers: {a: {b: c}}",
        "runtime_flags: {mcp: perhaps}",
        "runtime_flags: [mcp]",
        "downstream_mtls: on",
        "downstream_mtls: {ca: [a]}",
        "certificates: [a.pem]",
        "certificates: [{cert: [a.pem], key: k}]",
        "circuit_breaker_thresholds: {max_requests: lots}",
        "routes: 5",
        "routes: [https://a.example.com]",
        ROUTE + "    timeout: soon",
        ROUTE + "    allow_websockets: yes",
        ROUTE + "    allowed_users: {a: b}",
        ROUTE + "    prefix: [/a]",
        ROUTE + "    set_request_headers: [a]",
        ROUTE + "    redirect: https://b.example.com",
        ROUTE + "    redirect: {https_redirect: always}",
        ROUTE + "    rewrite_response_headers: [{header: [a]}]",
        ROUTE + "    response: {status: fine}",
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(text: str) -> None:
    problems = found(text)
    assert problems
    assert all(problem.line == text.count("\n") + 1 or "routes: " in text for problem in problems)
    assert all("cannot take" in problem.text or "must be" in problem.text for problem in problems)
    assert all(problem.fix and problem.cause == "invalid" for problem in problems)


@pytest.mark.parametrize(
    "text",
    [
        "autocert: true",
        "autocert: 'true'",
        "autocert: T",
        "autocert: 1",
        "autocert:",
        "autocert: ''",
        "timeout_read: 0",
        "timeout_read: 1h30m",
        "timeout_read: -1.5s",
        "timeout_read: 100ms",
        "timeout_read: 250µs",
        "timeout_read: 30000000000",
        "xff_num_trusted_hops: '2'",
        "xff_num_trusted_hops: 0x10",
        "address: 443",
        "idp_client_id: 12345",
        "idp_scopes: openid,email",
        "idp_scopes: openid",
        "idp_scopes: []",
        "idp_scopes:\n  - openid\n  - 5",
        "set_response_headers: {a: 1, b: true}",
        "jwt_claims_headers: email,groups",
        "jwt_claims_headers: [email]",
        "jwt_claims_headers: {X-Email: email}",
        "runtime_flags: {mcp: 'true'}",
        "downstream_mtls:",
        "certificates: {cert: a, key: b}",
        "routes: " + base64.b64encode(b"[{from: https://a.example.com, to: http://a}]").decode(),
        "routes:",
        ROUTE + "    to: [http://a, 'http://b,3']",
        ROUTE + "    timeout: 0",
        ROUTE + "    policy: [{allow: {and: [{domain: {is: a.com}}]}}]",
        ROUTE + "    redirect: {https_redirect: true, response_code: 301}",
        ROUTE + "    lb_policy: [whatever]",
        ROUTE + "    nobody_knows: {a: [b]}",
    ],
)
def test_what_pomerium_can_understand_it_takes(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [("c.json", '{"autocert": "yes"}'), ("c.toml", 'autocert = "yes"')],
)
def test_json_and_toml_are_judged_too(name: str, text: str) -> None:
    (problem,) = found(text, name=name)
    assert "autocert" in problem.text


def test_the_environment_is_judged_as_the_text_that_it_is() -> None:
    assert found("", {"AUTOCERT": "true", "TIMEOUT_READ": "5s", "IDP_SCOPES": "a,b"}) == []
    (problem,) = found("", {"AUTOCERT": "yes"})
    assert problem.where == "environment AUTOCERT"


def test_routes_in_the_environment_are_judged_in_either_form() -> None:
    routes = "[{from: https://a.example.com, to: http://a, timeout: soon}]"
    for text in (routes, base64.b64encode(routes.encode()).decode()):
        (problem,) = found("", {"POLICY": text})
        assert problem.where == "environment POLICY"
        assert "timeout" in problem.text


def test_no_value_is_told_since_it_may_be_a_secret() -> None:
    text = (
        "shared_secret: [sesame]\nautocert: sesame\nidp_client_secret: {sesame: sesame}\ntimeout_read: sesame"
    )
    assert len(found(text)) == 4
    assert "sesame" not in repr(found(text))


def test_a_value_that_stands_for_itself_by_an_anchor_is_judged_where_it_is_used() -> None:
    (problem,) = found(
        "x: &all {allow_websockets: yes}\nroutes:\n  - <<: *all\n    from: https://a.com\n    to: http://a\n"
    )
    assert problem.line == 1  # where the value is written
