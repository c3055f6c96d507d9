"""The way to a host: what can be had without a network of one's own."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pomhealth.outside import cloud, dial, speak, trust
from pomhealth.outside.dial import Way
from pomhealth.outside.names import Resolver
from pomhealth.outside.proxy import Proxy
from pomhealth.outside.trouble import Trouble
from pomhealth.outside.trust import HTTP2
from tests.outside.world import Authority, serving, web


def end(seconds: float = 20.0) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_another_address_is_tried_beside_one_that_is_refused(tmp_path: Path) -> None:
    authority = Authority("Own", tmp_path)
    trusted = trust.load({"SSL_CERT_FILE": str(authority.path), "SSL_CERT_DIR": "/none"}, lambda path: path)
    async with serving(web(), host="127.0.0.2", tls=authority.serving("localhost")) as server:
        way = Way("localhost", server.port, alpn=HTTP2)
        async with dial.line(way, ("127.0.0.3", "127.0.0.2"), trusted, end=end()) as line:
            assert line.chosen == "h2"
            assert await speak.http2(way, line, end=end()) == "answers over HTTP/2"


async def test_no_address_that_answers_is_told_with_all_that_were_tried() -> None:
    trusted = trust.load({"SSL_CERT_FILE": "/none", "SSL_CERT_DIR": "/none"}, lambda path: path)
    way = Way("two.example", 1)
    with pytest.raises(Trouble, match=r"127\.0\.0\.3:1, \[::1\]:1 refuses") as caught:
        async with dial.line(way, ("127.0.0.3", "::1"), trusted, end=end()):
            pass
    assert caught.value.cause == "refused"


async def test_what_fails_on_the_way_to_a_proxy_is_the_proxys() -> None:
    way = Way("two.example", 443, proxy=Proxy("http", "no..such", 3128, "environment HTTPS_PROXY"))
    with pytest.raises(Trouble, match="the name of the proxy") as caught:
        await dial.find(way, Resolver(), end=end())
    assert caught.value.cause == "proxy"


def test_the_clouds_hosts_and_what_overrides_them() -> None:
    console, connect, telemetry = cloud.hosts({})
    assert (console.where, connect.where, telemetry.where) == (
        "console.pomerium.app:443",
        "connect.pomerium.app:443",
        "telemetry.pomerium.app:443",
    )
    assert [one.grpc for one in (console, connect, telemetry)] == [False, True, True]
    own = cloud.hosts(
        {
            "CLUSTER_API_ENDPOINT": "http://own.example:8080/cluster/v1",
            "CONNECT_SERVER_ENDPOINT": "https://own.example/path",
            "POMERIUM_OTEL_ENDPOINT": "own.example:443",
            "HTTPS_PROXY": "proxy:3128",
        }
    )
    assert own[0].way == Way("own.example", 8080, tls=False)
    assert [one.wrong for one in own] == [
        "",
        "an address of a gRPC server has no path",
        "it is no http or https address",
    ]
    assert own[1].variable == "environment CONNECT_SERVER_ENDPOINT"


def test_a_grpc_host_goes_through_the_proxy_for_https_whatever_its_own_scheme() -> None:
    environment = {"POMERIUM_OTEL_ENDPOINT": "http://own.example", "HTTPS_PROXY": "proxy:3128"}
    way = cloud.hosts(environment)[2].way
    assert way is not None
    assert way.door == ("proxy", 3128)
    assert way.where == "own.example:80 (through the proxy proxy:3128)"
