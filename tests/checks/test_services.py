"""A request through the main listener: answered, refused by the authorization check, or lost."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace
from typing import Any

import pytest

from pomhealth.checks import authorize_service, proxy_service
from pomhealth.checks.request import ping
from pomhealth.demo.ports import free_ports
from pomhealth.demo.running import RunningReplica
from pomhealth.replica.budget import Haste
from pomhealth.status import Outcome
from tests.bare_envoy import bare_envoy
from tests.contexts import context_of
from tests.standin import StandIn

DEAD = 1  # a port that nobody listens on


@pytest.fixture(scope="module")
def replica(module_standin: StandIn) -> RunningReplica:
    return module_standin()


async def test_a_request_that_is_answered_passes_both_services(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        findings = await asyncio.gather(proxy_service.look(context), authorize_service.look(context))
    assert [finding.outcome for finding in findings] == [Outcome.PASS, Outcome.PASS]


async def test_both_services_learn_from_one_request(replica: RunningReplica) -> None:
    lines = replica.log().count("authorize check")
    async with context_of(replica) as context:
        await asyncio.gather(proxy_service.look(context), authorize_service.look(context))
    assert replica.log().count("authorize check") == lines + 1


async def test_a_reload_leaves_no_line_in_the_log_and_what_the_replica_tells_leaves_one(
    replica: RunningReplica,
) -> None:
    async with context_of(replica) as context:
        await proxy_service.look(context)
        lines = replica.log().count("authorize check")
        for haste in (Haste.NONE, Haste.CHANGED, Haste.SETTLED):
            kept = await proxy_service.look(replace(context, haste=haste))
            assert (kept.outcome, kept.again > 0) == (Outcome.PASS, True)
        assert replica.log().count("authorize check") == lines
        end = asyncio.get_running_loop().time() + 30
        while replica.log().count("authorize check") == lines:
            assert asyncio.get_running_loop().time() < end
            await proxy_service.look(replace(context, haste=Haste.TOLD))
            await asyncio.sleep(0.05)


async def test_a_refusal_at_the_address_of_before_is_no_answer_at_this_one(replica: RunningReplica) -> None:
    async with context_of(replica) as context:
        endpoints = tuple(
            replace(one, port=DEAD) if one.role == "address" else one for one in context.replica.endpoints
        )
        before = replace(context, replica=replace(context.replica, endpoints=endpoints))
        assert (await ping(before)).status == 0
        assert (await ping(context)).status == 200


@pytest.mark.proves("proxy.service/no-answer")
async def test_a_hung_main_process_gives_no_answer_and_authorize_is_not_judged(
    replica: RunningReplica,
) -> None:
    async with context_of(replica) as context:
        os.kill(replica.pid, signal.SIGSTOP)
        try:
            proxy, authorize = await asyncio.gather(
                proxy_service.look(context), authorize_service.look(context)
            )
        finally:
            os.kill(replica.pid, signal.SIGCONT)
    assert (proxy.cause, proxy.silent) == ("no-answer", True)
    assert (authorize.outcome, authorize.blocked_by) == (Outcome.SKIPPED, "proxy.service")


def plain_listener(port: int, authorize_port: int) -> dict[str, Any]:
    """An Envoy that asks an authorization server on `authorize_port` about every request."""
    server = {
        "endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": authorize_port}}}
    }
    cluster = {
        "name": "pomerium-authorize",
        "type": "STATIC",
        "load_assignment": {"cluster_name": "pomerium-authorize", "endpoints": [{"lb_endpoints": [server]}]},
    }
    authorize = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "status_on_error": {"code": "ServiceUnavailable"},
        "http_service": {"server_uri": {"uri": "http://a", "cluster": "pomerium-authorize", "timeout": "1s"}},
    }
    router = {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}
    answer = {"match": {"prefix": "/"}, "direct_response": {"status": 503}}
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [answer]}]},
        "http_filters": [
            *([{"name": "ext_authz", "typed_config": authorize}] if authorize_port else []),
            {"name": "router", "typed_config": router},
        ],
    }
    listener = {
        "name": "http-ingress",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }
    return {"static_resources": {"clusters": [cluster], "listeners": [listener]}}


@pytest.mark.parametrize(
    ("authorize_port", "told"),
    [(DEAD, ("", "no-answer")), (0, ("unexpected-status", ""))],
    ids=["the authorization check fails", "the upstream fails"],
)
@pytest.mark.proves("proxy.service/unexpected-status")
@pytest.mark.proves("authorize.service/no-answer")
async def test_a_503_is_laid_at_the_right_door(authorize_port: int, told: tuple[str, str]) -> None:
    (port,) = free_ports(1)
    bootstrap = plain_listener(port, authorize_port)
    async with bare_envoy(bootstrap, port, options={"insecure_server": True}) as context:
        end = asyncio.get_running_loop().time() + 15
        while (await ping(context)).status == 0:
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.1)
        proxy, authorize = await asyncio.gather(proxy_service.look(context), authorize_service.look(context))
    assert (proxy.cause, authorize.cause) == told
    assert proxy.blocked_by or authorize.blocked_by
