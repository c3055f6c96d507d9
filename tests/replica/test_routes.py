"""Host names and mistakes of routes."""

from __future__ import annotations

import base64
from collections.abc import Callable

import pytest

from pomhealth.replica import routes
from pomhealth.replica.configfile import parse
from pomhealth.replica.model import Options, Value
from pomhealth.replica.options import merge

CONFIG = b"""authenticate_service_url: https://auth.example.com
policy:
  - from: https://Old.example.com
    to: http://a
routes:
  - from: https://app.example.com
    to: http://a
  - from: https://app.example.com
    prefix: /two
    to: http://b
  - from: tcp+https://db.example.com:5432
    to: tcp://db:5432
  - from: ssh://box
    to: ssh://box
  - from: https://*.wild.example.com:8443
    to: [http://a, "http://b,5"]
"""


def _options(text: bytes) -> Options:
    return merge(parse("c.yaml", text), {})


def test_hosts_are_those_of_https_routes_each_once_with_its_line() -> None:
    assert [(host.name, host.line) for host in routes.hosts(_options(CONFIG))] == [
        ("old.example.com", 3),
        ("app.example.com", 6),
        ("db.example.com", 11),
        ("*.wild.example.com", 15),
        ("auth.example.com", 1),
    ]


def test_a_replica_without_proxy_serves_no_routes() -> None:
    assert [h.name for h in routes.hosts(_options(b"services: authenticate\n" + CONFIG))] == [
        "auth.example.com"
    ]


def test_a_replica_without_authenticate_does_not_serve_the_sign_in_host() -> None:
    options = _options(b"services: proxy,authorize\n" + CONFIG)
    assert "auth.example.com" not in [host.name for host in routes.hosts(options)]


def test_pomeriums_hosted_sign_in_is_not_ours_to_serve() -> None:
    assert routes.hosts(_options(b"authenticate_service_url: https://authenticate.pomerium.app\n")) == ()


@pytest.mark.parametrize("encode", [bytes, base64.b64encode])
def test_routes_may_stand_in_the_environment_plain_or_in_base64(encode: Callable[[bytes], bytes]) -> None:
    text = encode(b"- from: https://env.example.com\n  to: http://a\n").decode()
    (host,) = routes.hosts(
        merge(parse("c.yaml", CONFIG), {"ROUTES": text, "SERVICES": "proxy", "POLICY": text})
    )
    assert (host.name, host.line, host.origin) == ("env.example.com", 0, "environment POLICY")


def test_good_routes_have_no_problems() -> None:
    assert list(routes.problems(_options(CONFIG))) == []


@pytest.mark.parametrize(
    ("route", "line", "text"),
    [
        ("from: app.example.com, to: http://a", 2, "scheme"),
        ("from: https://a.example.com/path, to: http://a", 2, "has a path"),
        ("from: https://a.example.com", 2, "leads nowhere"),
        ("from: https://a.example.com, to: 'a:80'", 2, "the route's to is no URL"),
        ("from: https://a.example.com, to: 'http://a,heavy'", 2, "weight"),
        ("to: http://a", 2, "is no URL that Pomerium takes (empty)"),
        (
            "from: https://a.example.com, to: http://a, allow_public_unauthenticated_access: true, allowed_users: [x]",
            2,
            "open to everybody and restricted",
        ),
    ],
)
def test_what_pomerium_refuses_of_a_route(route: str, line: int, text: str) -> None:
    (problem,) = routes.problems(_options(f"routes:\n  - {{{route}}}\n".encode()))
    assert ("c.yaml", line) == (problem.path, problem.line)
    assert text in problem.text
    assert problem.fix


@pytest.mark.parametrize("action", ["redirect: {https_redirect: true}", "response: {status: 200}"])
def test_a_route_may_redirect_or_answer_instead(action: str) -> None:
    assert list(routes.problems(_options(f"routes:\n- from: https://a.b\n  {action}\n".encode()))) == []


def test_a_password_in_a_routes_url_is_not_repeated() -> None:
    (problem,) = routes.problems(_options(b"routes:\n- from: https://a.b\n  to: http://u:sesame@a:x\n"))
    assert "sesame" not in problem.text


def test_ten_thousand_routes_have_ten_thousand_hosts_and_no_problem() -> None:
    entries = [{"from": f"https://a{n}.example.com", "to": f"http://10.0.0.1:{n}"} for n in range(10_000)]
    options = Options({"routes": Value(entries, "c.json")}, "c.json")
    assert list(routes.problems(options)) == []
    assert len(routes.hosts(options)) == 10_000
