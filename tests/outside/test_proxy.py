"""Which proxy a Go program takes, by its environment."""

from __future__ import annotations

import pytest

from pomhealth.outside.proxy import Proxy, proxy_for

HOST = "connect.pomerium.app"


def chosen(environment: dict[str, str], host: str = HOST, port: int = 443, scheme: str = "https") -> str:
    found = proxy_for(environment, scheme, host, port)
    return found.where if found else ""


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://proxy:3128", Proxy("http", "proxy", 3128, "environment HTTPS_PROXY")),
        ("proxy:3128", Proxy("http", "proxy", 3128, "environment HTTPS_PROXY")),
        ("proxy", Proxy("http", "proxy", 80, "environment HTTPS_PROXY")),
        ("user:pa:ss@proxy:3128", Proxy("http", "proxy", 3128, "environment HTTPS_PROXY")),
        (
            "http://user:pass@[2001:db8::1]:8080",
            Proxy("http", "2001:db8::1", 8080, "environment HTTPS_PROXY"),
        ),
        ("https://proxy", Proxy("https", "proxy", 443, "environment HTTPS_PROXY")),
        ("socks5://proxy", Proxy("socks5", "proxy", 1080, "environment HTTPS_PROXY")),
        ("http://proxy:no", None),
    ],
)
def test_an_address_is_read_as_go_reads_it_and_its_credentials_are_left_out(
    text: str, proxy: Proxy | None
) -> None:
    assert proxy_for({"HTTPS_PROXY": text}, "https", HOST, 443) == proxy
    assert "pass" not in repr(proxy)


def test_upper_case_comes_before_lower_case_and_each_scheme_has_its_own() -> None:
    environment = {"HTTPS_PROXY": "upper:1", "https_proxy": "lower:2", "http_proxy": "plain:3"}
    assert chosen(environment) == "upper:1"
    assert chosen({"HTTPS_PROXY": "", "https_proxy": "lower:2"}) == "lower:2"
    assert chosen(environment, scheme="http") == "plain:3"
    assert chosen({"HTTP_PROXY": "plain:3", "ALL_PROXY": "all:4"}) == ""


@pytest.mark.parametrize(
    ("exceptions", "host", "straight"),
    [
        ("", HOST, False),
        ("*", HOST, True),
        (f"other.example, {HOST}", HOST, True),
        ("pomerium.app", HOST, True),
        ("POMERIUM.APP", HOST, True),
        (".pomerium.app", HOST, True),
        (".pomerium.app", "pomerium.app", False),
        ("*.pomerium.app", HOST, True),
        ("*.pomerium.app", "pomerium.app", False),
        ("merium.app", HOST, False),
        ("pomerium.app:443", HOST, True),
        ("pomerium.app:8443", HOST, False),
        ("192.0.2.0/24", "192.0.2.9", True),
        ("192.0.2.0/24", HOST, False),
        ("192.0.2.9", "192.0.2.9", True),
        ("192.0.2.9:80", "192.0.2.9", False),
        ("2001:db8::/32", "2001:db8::1", True),
        ("[2001:db8::1]:443", "2001:db8::1", True),
        ("2001:db8::1", "2001:db8::1", True),
        (":443", HOST, False),
        ("no/network", HOST, False),
        ("", "localhost", True),
        ("", "127.0.0.8", True),
        ("", "::1", True),
    ],
)
def test_no_proxy_excepts_as_in_go(exceptions: str, host: str, straight: bool) -> None:
    assert chosen({"HTTPS_PROXY": "proxy:3128", "NO_PROXY": exceptions}, host) == (
        "" if straight else "proxy:3128"
    )
    assert chosen({"HTTPS_PROXY": "proxy:3128", "no_proxy": exceptions}, host) == (
        "" if straight else "proxy:3128"
    )
