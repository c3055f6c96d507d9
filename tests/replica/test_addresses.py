"""Addresses by option and release, and those learnt from Envoy."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pomhealth.replica.addresses import asked_for, health, learnt
from pomhealth.replica.configfile import parse
from pomhealth.replica.model import Holder, Options
from pomhealth.replica.options import merge


def options(text: str) -> Options:
    return merge(parse("c.yaml", text.encode()), {})


def asked(text: str, release: tuple[int, int] | None = None) -> set[tuple[str, str, bool]]:
    return {(one.role, one.where, one.udp) for one in asked_for(options(text), release)}


def test_by_default_there_are_the_main_and_the_grpc_listener() -> None:
    assert {("address", "*:443", False), ("grpc_address", "*:5443", False)} == asked("")
    assert {"default"} == {one.origin for one in asked_for(options(""), None)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("address: :5443", {("address", "*:5443", False), ("grpc_address", "*:5444", False)}),
        ("services: proxy", {("address", "*:443", False)}),
        ("services: databroker", {("grpc_address", "*:443", False)}),
        ("services: authorize\ngrpc_address: 10.0.0.1:7", {("grpc_address", "10.0.0.1:7", False)}),
        (
            "services: proxy\naddress: '[::1]:8443'\ncodec_type: HTTP3",
            {("address", "[::1]:8443", False), ("address", "[::1]:8443", True)},
        ),
        (
            "services: proxy\nmetrics_address: :9\nssh_address: :22\nenvoy_admin_address: :1\nhttp_redirect_addr: '\":80\"'",
            {
                ("address", "*:443", False),
                ("metrics_address", "*:9", False),
                ("ssh_address", "*:22", False),
                ("envoy_admin_address", "*:1", False),
                ("http_redirect_addr", "*:80", False),
            },
        ),
    ],
)
def test_what_the_options_ask_for(text: str, expected: set[tuple[str, str, bool]]) -> None:
    assert expected == asked(text)


def test_the_redirect_listener_is_pomeriums_own_and_the_rest_envoys() -> None:
    holders = {one.role: one.holder for one in asked_for(options("http_redirect_addr: :80"), None)}
    assert holders == {
        "address": Holder.ENVOY,
        "grpc_address": Holder.ENVOY,
        "http_redirect_addr": Holder.POMERIUM,
    }


def test_the_debug_listener_came_with_0_32() -> None:
    assert "debug_address" not in {role for role, _, _ in asked("debug_address: :7", (0, 31))}
    assert "debug_address" in {role for role, _, _ in asked("debug_address: :7", (0, 32))}


def test_the_health_server_came_with_0_31() -> None:
    assert None is health(options(""), (0, 30))
    found = health(options(""), (0, 31))
    assert found is not None
    assert found.where == "127.0.0.1:28080"
    moved = health(options("health_check_addr: localhost:1"), None)
    assert moved is not None
    assert (moved.where, moved.origin) == ("127.0.0.1:1", "c.yaml:1")


@pytest.mark.parametrize("state", ["healthy-v0.33.1", "healthy-v0.30.8", "listener-port-taken"])
def test_addresses_are_learnt_from_recorded_listeners(
    state: str, recording: Callable[[str, str], bytes]
) -> None:
    found = learnt(json.loads(recording(state, "envoy_listeners.json")), "Envoy's listeners")
    assert {one.role: one.where for one in found} == {
        "address": "127.0.0.1:8443",
        "grpc_address": "127.0.0.1:5443",
        "metrics_address": "127.0.0.1:9090",
        "envoy_admin_address": "127.0.0.1:9901",
    }


def test_other_answers_teach_nothing() -> None:
    assert learnt([], "x") == ()
    assert learnt({"listener_statuses": [{"name": "grpc-egress"}, {}]}, "x") == ()
    quic = {"name": "quic-ingress", "local_address": {"socket_address": {"address": "::", "port_value": 443}}}
    (endpoint,) = learnt({"listener_statuses": [quic]}, "x")
    assert (endpoint.role, endpoint.udp) == ("address", True)
