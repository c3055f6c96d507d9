"""The manifests' probes, asked as the kubelet asks them, of a real agent: each tells the fault that it is for."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent.process import Agent, agent, nothing_runs, until
from tests.kubernetes.kubelet import passes
from tests.kubernetes.manifests import ROOT, build, container, pod_of
from tests.standin import OwnPostgres, RunningReplica, StandIn

POD = pod_of(build(ROOT))
AGENT, POMERIUM = container(POD, "pomhealth"), container(POD, "pomerium")


def environment(**more: str) -> dict[str, str]:
    """What the manifest says to the agent, but for its address: a test has one of its own."""
    said = {one["name"]: one["value"] for one in AGENT["env"]}
    return {name: value for name, value in {**said, **more}.items() if name != "POMHEALTH_LISTEN"}


@contextmanager
def beside(replica: RunningReplica, tmp_path: Path) -> Iterator[Agent]:
    """The manifest's agent beside a replica, once the replica's start-up probe has passed."""
    more = environment(POMHEALTH_CACHE_DIR=str(tmp_path))
    with agent(tmp_path, "--pomerium-config", str(replica.config_path), **more) as one:
        until(lambda: passes(POMERIUM["startupProbe"], one.address), lambda: one.text)
        until(lambda: passes(POMERIUM["readinessProbe"], one.address), lambda: one.get("/readyz?verbose"))
        yield one


def ready(one: Agent) -> bool:
    return passes(POMERIUM["readinessProbe"], one.address)


def live(one: Agent) -> bool:
    return passes(POMERIUM["livenessProbe"], one.address)


def test_the_agent_starts_before_there_is_a_pomerium_which_waits_for_it_and_is_looked_at_then(
    tmp_path: Path,
) -> None:
    """Were /startupz the agent's own start-up probe, neither would ever start."""
    with agent(tmp_path, *nothing_runs(tmp_path), **environment(POMHEALTH_CACHE_DIR=str(tmp_path))) as one:
        until(lambda: passes(AGENT["startupProbe"], one.address))
        until(lambda: bool(one.alerts()))
        assert passes(AGENT["livenessProbe"], one.address)
        assert not passes(POMERIUM["startupProbe"], one.address)
        assert not ready(one)


def test_an_envoy_that_hangs_fails_readiness_and_liveness_and_not_the_agents_own(
    tmp_path: Path, standin: StandIn
) -> None:
    with beside(standin(), tmp_path) as one:
        assert live(one)
        (envoy,) = one.get("/status")[1]["replica"]["envoy_pids"]
        os.kill(envoy, signal.SIGSTOP)
        try:
            until(lambda: not ready(one) and not live(one), lambda: one.get("/readyz?verbose"))
            assert passes(AGENT["livenessProbe"], one.address)
            until(lambda: passes(POMERIUM["startupProbe"], one.address))
        finally:
            os.kill(envoy, signal.SIGCONT)
        until(lambda: ready(one) and live(one), lambda: one.get("/readyz?verbose"))


def test_a_postgresql_that_hangs_fails_readiness_and_restarts_nobody(
    tmp_path: Path, standin: StandIn, own_postgres: OwnPostgres
) -> None:
    server = own_postgres()
    with beside(standin(storage="postgres", dsn=server.dsn()), tmp_path) as one:
        server.hang()
        until(lambda: not ready(one), lambda: one.get("/readyz?verbose"))
        assert live(one)
        assert passes(AGENT["livenessProbe"], one.address)


def test_an_agent_that_hangs_fails_its_own_liveness_though_the_kernel_still_accepts_for_it(
    tmp_path: Path,
) -> None:
    """A tcpSocket probe would not see it."""
    with agent(tmp_path, *nothing_runs(tmp_path), **environment(POMHEALTH_CACHE_DIR=str(tmp_path))) as one:
        until(lambda: passes(AGENT["livenessProbe"], one.address))
        one.process.send_signal(signal.SIGSTOP)
        host, _, port = one.address.rpartition(":")
        socket.create_connection((host, int(port)), 5).close()
        assert not passes({**AGENT["livenessProbe"], "timeoutSeconds": 0.5}, one.address)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl")
def test_kubectl_shows_the_reasons_of_a_replica_that_is_not_ready_by_alerts_and_not_by_readyz(
    tmp_path: Path,
) -> None:
    def raw(path: str) -> subprocess.CompletedProcess[str]:
        command = [
            "kubectl",
            "--kubeconfig=/dev/null",
            f"--server=http://{one.address}",
            "get",
            "--raw",
            path,
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    with agent(tmp_path, *nothing_runs(tmp_path)) as one:
        until(lambda: bool(one.alerts()))
        readyz, alerts = raw("/readyz?verbose"), raw("/alerts")
    assert readyz.returncode == 1
    assert "not-running" not in readyz.stdout + readyz.stderr
    assert alerts.returncode == 0
    assert '"cause": "not-running"' in alerts.stdout
