"""The agent beside a real replica: faults and recoveries as a supervisor sees them."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.agent.process import agent, until
from tests.standin import StandIn


def test_a_life_beside_a_replica(tmp_path: Path, standin: StandIn) -> None:
    """One agent sees a replica well, hung, with a wrong configuration, gone, and back, and tells each once."""
    replica = standin()
    secret = str(replica.options["shared_secret"])
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        assert one.get("/startupz")[0] == 200
        status = one.get("/status")[1]
        assert (status["replica"]["pid"], status["replica"]["envoy_pids"]) == (
            replica.pid,
            [replica.envoy_pid()],
        )
        assert status["statuses"]["databroker.sync.initial"]["status"] == "RUNNING"

        os.kill(replica.envoy_pid(), signal.SIGSTOP)
        hung = until(lambda: not one.ready())
        until(lambda: "envoy.server" in {id_ for id_, _ in one.alerts()}, lambda: one.get("/alerts"))
        assert one.get("/healthz")[0] == 503
        os.kill(replica.envoy_pid(), signal.SIGCONT)
        until(one.ready, lambda: one.get("/readyz?verbose"))

        replica.write_config("routes: [\n")
        until(lambda: ("cluster_config_current", "rejected") in one.alerts(), lambda: one.get("/alerts"))
        assert one.ready()
        replica.rewrite()
        until(lambda: not {id_ for id_, _ in one.alerts()} & {"cluster_config_current"})

        envoy = replica.envoy_pid()
        os.kill(envoy, signal.SIGKILL)
        killed = until(lambda: not one.ready())
        gone = {("envoy.server", "not-running"), ("pomerium.process", "not-running")}
        until(lambda: bool(one.alerts() & gone), lambda: one.get("/alerts"))
        replica.wait()
        until(lambda: ("pomerium.process", "not-running") in one.alerts())
        until(lambda: one.get("/startupz")[0] == 503)
        before = replica.pid
        replica.restart()
        until(one.ready, lambda: one.get("/readyz?verbose"))
        assert replica.pid != before
        until(lambda: one.get("/startupz")[0] == 200)
        assert one.get("/status")[1]["replica"]["pid"] == replica.pid

        assert one.stop() == 0
        assert (hung < 5, killed < 5) == (True, True)
        told = [(line["check"], line["outcome"]) for line in one.events("check changed")]
        assert told.count(("cluster_config_current", "fail")) == 1
        assert not any(id_.startswith("xds.") and outcome == "fail" for id_, outcome in told)
        assert secret not in one.text


def test_a_replica_that_starts_after_the_agent_is_found(tmp_path: Path, standin: StandIn) -> None:
    replica = standin()
    replica.stop()
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(lambda: ("pomerium.process", "not-running") in one.alerts(), lambda: one.get("/alerts"))
        replica.start()
        until(one.ready, lambda: one.get("/readyz?verbose"))
        assert one.get("/status")[1]["notice"] == ""
        assert one.stop() == 0
