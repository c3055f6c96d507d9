"""A replica that starts is starting, not broken: no alarm, and not ready; what keeps it from starting is told."""

from __future__ import annotations

import socket
from pathlib import Path

from tests.agent.process import Agent, agent, until
from tests.agent.watcher import Record, watched
from tests.standin import RunningReplica, StandIn

HELD_UP = "POMHEALTH_STANDIN_STARTS_AFTER"


def beside(replica: RunningReplica) -> tuple[str, str]:
    return ("--pomerium-config", str(replica.config_path))


def said(one: Agent, id_: str) -> str:
    summary: str = one.get("/status")[1]["statuses"][id_]["summary"]
    return summary


def test_a_slow_start_is_no_fault(tmp_path: Path, standin: StandIn) -> None:
    hindrance = tmp_path / "go"
    replica = standin(storage="file", env={HELD_UP: str(hindrance)}, until_ready=False)
    with agent(tmp_path, *beside(replica)) as one:
        with watched(one) as record:
            until(lambda: "is starting" in said(one, "envoy.server"), lambda: one.get("/readyz?verbose"))
            assert one.get("/healthz")[0] == 200
            assert one.get("/startupz")[0] == 503
            hindrance.touch()
            until(lambda: one.get("/startupz")[0] == 200 and one.ready(), lambda: one.get("/readyz?verbose"))
        assert record == Record([503, 200], set())


def test_a_restart_that_is_slow_is_told_as_the_end_of_the_old_one_alone(
    tmp_path: Path, standin: StandIn
) -> None:
    hindrance = tmp_path / "go"
    hindrance.touch()
    replica = standin(storage="file", env={HELD_UP: str(hindrance)})
    with agent(tmp_path, *beside(replica)) as one:
        until(lambda: one.get("/startupz")[0] == 200 and one.ready(), lambda: one.get("/readyz?verbose"))
        replica.stop()
        hindrance.unlink()
        until(lambda: ("pomerium.process", "not-running") in one.alerts(), lambda: one.get("/alerts"))
        replica.start(until_ready=False)
        until(lambda: not one.alerts(), lambda: one.get("/alerts"))
        with watched(one) as record:
            until(lambda: "is starting" in said(one, "envoy.server"), lambda: one.get("/readyz?verbose"))
            hindrance.touch()
            until(lambda: one.get("/startupz")[0] == 200 and one.ready(), lambda: one.get("/readyz?verbose"))
        assert record == Record([503, 200], set())


def test_a_port_that_is_taken_at_the_start_is_told_all_the_same(tmp_path: Path, standin: StandIn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        address = f"127.0.0.1:{squatter.getsockname()[1]}"
        replica = standin(storage="file", until_ready=False, address=address)
        with agent(tmp_path, *beside(replica)) as one:
            until(lambda: ("xds.listener", "port-taken") in one.alerts(), lambda: one.get("/alerts"))
            assert not one.ready()
