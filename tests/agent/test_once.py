"""Measuring once, without an agent."""

from __future__ import annotations

import os
import signal
import time

from pomhealth.agent.once import measure
from pomhealth.settings import Settings
from tests.standin import StandIn


async def test_a_healthy_replica_is_measured_at_once_with_its_own_report(standin: StandIn) -> None:
    replica = standin()
    began = time.monotonic()
    status, found = await measure(Settings(pid=replica.pid))
    assert time.monotonic() - began < 4
    assert found.main is not None
    assert found.main.pid == replica.pid
    assert status.ready
    assert status.entries["databroker.sync.initial"].outcome.value == "pass"


async def test_only_what_is_named_and_what_it_needs_is_measured(standin: StandIn) -> None:
    status, _ = await measure(Settings(pid=standin().pid), ["xds.listener"])
    assert set(status.components) - {"databroker.sync.initial"} >= {"xds.listener", "envoy.server"}
    assert "storage.backend" not in {id_ for id_, one in status.components.items() if one.measures}


async def test_with_everything_hanging_it_still_ends_in_time_and_names_the_root(standin: StandIn) -> None:
    replica = standin()
    envoy = replica.envoy_pid()
    for pid in (envoy, replica.pid):
        os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        status, _ = await measure(Settings(pid=replica.pid))
        assert time.monotonic() - began < 5.5
    finally:
        for pid in (envoy, replica.pid):
            os.kill(pid, signal.SIGCONT)
    assert [(entry.id, entry.finding and entry.finding.cause) for entry in status.alerts()][:1] == [
        ("pomerium.process", "stopped")
    ]
    assert not status.ready


async def test_where_no_replica_runs_that_is_the_root_of_it_all(standin: StandIn) -> None:
    replica = standin()
    settings = Settings(pomerium_config=str(replica.config_path))
    replica.stop()
    status, found = await measure(settings)
    assert found.awaited is True
    assert [entry.id for entry in status.alerts()][:1] == ["pomerium.process"]
