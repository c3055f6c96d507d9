"""URLs and addresses as Go reads them."""

from __future__ import annotations

import pytest

from pomhealth.replica.goaddress import Url, listen_address, parse_url, split_host_port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://a.example.com", Url("https", "a.example.com", "", "")),
        ("https://*.example.com:8443/x", Url("https", "*.example.com", "8443", "/x")),
        ("tcp+https://db.example.com:5432", Url("tcp+https", "db.example.com", "5432", "")),
        ("http://user:p%40ss@10.0.0.1:80/?q#f", Url("http", "10.0.0.1", "80", "/")),
        ("http://[::1]:80", Url("http", "::1", "80", "")),
        ("ssh://name", Url("ssh", "name", "", "")),
        ("unix:///run/app.sock", Url("unix", "", "", "/run/app.sock")),
        ("https://a:", Url("https", "a", "", "")),
    ],
)
def test_what_pomerium_takes(text: str, expected: Url) -> None:
    assert expected == parse_url(text)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("a.example.com", "scheme"),
        ("10.0.0.1:80", "scheme"),
        ("://a", "scheme"),
        ("a.example.com:80", "continue with //"),
        ("https:a", "continue with //"),
        ("https://", "host is missing"),
        ("https:///path", "host is missing"),
        ("https://a b", "character that no host has"),
        ("https://a{b}", "character that no host has"),
        ("https://a:port", "port is no number"),
        ("https://[::1", "missing in its host"),
        ("https://a/%zz", "begins no escape"),
        ("https://a\nb", "control character"),
    ],
)
def test_what_pomerium_refuses(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_url(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (":443", ("", 443)),
        ("127.0.0.1:8443", ("127.0.0.1", 8443)),
        ("[::1]:8443", ("::1", 8443)),
        ("10.0.0.1", ("10.0.0.1", 9)),
        ("10.0.0.1:", ("10.0.0.1", 9)),
        (":0", ("", 9)),
    ],
)
def test_a_listener_may_leave_out_its_port(text: str, expected: tuple[str, int]) -> None:
    assert expected == listen_address(text, default_port=9)


@pytest.mark.parametrize("text", ["a:b", ":99999", ":-1"])
def test_a_port_is_a_number_below_65536(text: str) -> None:
    with pytest.raises(ValueError, match="no port number"):
        listen_address(text, default_port=9)


@pytest.mark.parametrize("text", ["a", "::1:80", "[::1]"])
def test_split_host_port_wants_both(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|colons"):
        split_host_port(text)
