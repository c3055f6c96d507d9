"""Clusters and routes that a real Envoy refuses, and takes again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pomhealth.checks import Context, xds_cluster, xds_other, xds_route_configuration
from pomhealth.checks import xds as shared
from pomhealth.status import Finding, Outcome
from tests.bare_envoy import bare_envoy, found, sent
from tests.contexts import context_of
from tests.standin import StandIn

REFUSED: dict[str, tuple[Callable[[Context], Awaitable[Finding]], dict[str, Any]]] = {
    "cluster": (xds_cluster.look, {"health_checks": [{"timeout": "1s", "interval": "-1s"}]}),
    "route": (xds_route_configuration.look, {"regex": "a("}),
}


async def outcome(
    look: Callable[[Context], Awaitable[Finding]], context: Context, wanted: Outcome
) -> Finding:
    """The finding once it has this outcome; looks as often as the checks share an answer."""
    end = asyncio.get_running_loop().time() + 15
    while (finding := await look(context)).outcome is not wanted:
        assert asyncio.get_running_loop().time() < end, finding
        await asyncio.sleep(shared._FRESH / 4)
    return finding


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("cluster", marks=pytest.mark.proves("xds.cluster/rejected")),
        pytest.param("route", marks=pytest.mark.proves("xds.route-configuration/rejected")),
    ],
)
async def test_a_refused_update_fails_until_another_is_taken(standin: StandIn, kind: str) -> None:
    look, mistake = REFUSED[kind]
    replica = standin()
    good = replica.options["routes"]
    async with context_of(replica) as context:
        assert (await look(context)).outcome is Outcome.PASS
        replica.rewrite(
            routes=[*good, {"from": "https://b.demo.localhost", "to": "http://127.0.0.1:1", **mistake}]
        )
        finding = await outcome(look, context, Outcome.FAIL)
        assert (finding.cause, finding.silent) == ("rejected", False)
        assert (await xds_other.look(context)).outcome is Outcome.PASS
        replica.rewrite(routes=[*good, {"from": "https://c.demo.localhost", "to": "http://127.0.0.1:1"}])
        finding = await outcome(look, context, Outcome.UNKNOWN)
        assert "accepted a later one" in finding.summary


async def test_one_question_to_envoy_serves_every_check(standin: StandIn) -> None:
    async with context_of(standin()) as context:
        await asyncio.gather(xds_cluster.look(context), xds_route_configuration.look(context))
        once = context.admin.spent
        await xds_other.look(context)
        assert context.admin.spent == once


@pytest.mark.proves("xds.other/rejected")
async def test_endpoints_that_envoy_refuses_are_neither_a_cluster_nor_a_route(tmp_path: Path) -> None:
    source = sent(tmp_path / "eds.json", "endpoint.v3.ClusterLoadAssignment", {"cluster_name": "another"})
    cluster = {
        "name": "route-1",
        "type": "EDS",
        "eds_cluster_config": {"service_name": "this", "eds_config": source},
    }
    async with bare_envoy({"static_resources": {"clusters": [cluster]}}, 1) as context:
        finding = await found(xds_other.look, context, "rejected")
        clusters = await xds_cluster.look(context)
    assert (finding.silent, clusters.outcome) == (False, Outcome.PASS)
