"""The end of a pod, played as the kubelet plays it, with the manifests' hooks, a real agent and a real Envoy.

All preStop hooks run at once; each container gets SIGTERM when its own is over, the sidecar's not before Pomerium has ended.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent.process import PATIENCE, Agent, agent, until
from tests.drain.traffic import Source, download, source
from tests.kubernetes.kubelet import Container, Pod
from tests.kubernetes.test_probes import AGENT, POD, POMERIUM, environment
from tests.standin import RunningReplica, StandIn

NOTICE = "0.5"  # seconds


@pytest.fixture
def users() -> Iterator[Source]:
    with source() as made:
        yield made


@pytest.fixture
def replica(standin: StandIn, users: Source) -> RunningReplica:
    return standin(routes=[users.route])


@pytest.fixture
def beside(replica: RunningReplica, tmp_path: Path) -> Iterator[Agent]:
    more = environment(POMHEALTH_CACHE_DIR=str(tmp_path), POMHEALTH_DRAIN_NOTICE=NOTICE)
    with agent(tmp_path, "--pomerium-config", str(replica.config_path), **more) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        yield one


@pytest.fixture
def pomerium(replica: RunningReplica) -> Container:
    return Container(POMERIUM, replica.running, lambda number: os.kill(replica.pid, number))


@pytest.fixture
def pomhealth(beside: Agent) -> Container:
    port = beside.address.rpartition(":")[2]
    return Container(
        AGENT,
        lambda: beside.process.poll() is None,
        beside.process.send_signal,
        {**environment(), "POMHEALTH_LISTEN": f"0.0.0.0:{port}"},
    )


@pytest.fixture
def pod(beside: Agent, pomhealth: Container, pomerium: Container) -> Pod:
    return Pod(POD["spec"], beside.address, [pomhealth, pomerium])


@contextmanager
def deleted(pod: Pod) -> Iterator[threading.Thread]:
    """The pod's end, under way."""
    thread = threading.Thread(target=pod.delete)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(PATIENCE)


def test_a_download_survives_the_end_of_its_pod_and_the_agent_outlives_pomerium(
    pod: Pod, beside: Agent, users: Source, replica: RunningReplica
) -> None:
    with download(replica) as one, deleted(pod) as ending:
        until(lambda: beside.get("/readyz")[0] == 503, lambda: pod.done)
        assert beside.get("/healthz")[0] == 200
        until(lambda: beside.get("/status")[1]["drain"]["phase"] == "ending", lambda: pod.done)
        assert replica.running()
        users.finish.set()
        assert one.whole()
        one.close()
        ending.join(PATIENCE)
        assert not ending.is_alive(), pod.done
    steps = [step for step in pod.done if "exit" not in step]
    assert set(steps[:2]) == {"pomhealth: preStop", "pomerium: preStop"}
    order = ["pomerium: preStop over", "pomerium: SIGTERM", "pomerium: ended", "pomhealth: SIGTERM"]
    assert [step for step in steps if step in order] == order
    assert steps[-1] == "pomhealth: ended"
    assert "SIGKILL" not in str(steps)
    assert any(step.startswith("pomhealth: exit 0: ") for step in pod.done), pod.done
    assert beside.process.returncode == 0


def test_where_pomerium_alone_is_restarted_its_hook_holds_it_up_no_longer_than_the_probe_says(
    pod: Pod, beside: Agent, pomerium: Container, replica: RunningReplica
) -> None:
    """Nobody has begun a drain, so nobody would ever answer."""
    pomerium.spec = {
        **POMERIUM,
        "livenessProbe": {**POMERIUM["livenessProbe"], "terminationGracePeriodSeconds": 1},
    }
    pod.fails(pomerium, "livenessProbe")
    assert pod.done[:3] == ["pomerium: preStop", "pomerium: preStop cut off", "pomerium: SIGTERM"]
    assert pod.done[-1] == "pomerium: ended"
    replica.start()
    until(beside.ready, lambda: beside.get("/readyz?verbose"))


def test_an_agent_that_hangs_and_is_restarted_for_it_drains_nothing(
    pod: Pod, beside: Agent, pomhealth: Container, replica: RunningReplica
) -> None:
    beside.process.send_signal(signal.SIGSTOP)
    pod.fails(pomhealth, "livenessProbe")
    assert [step for step in pod.done if "exit" not in step] == [
        "pomhealth: preStop",
        "pomhealth: preStop cut off",
        "pomhealth: SIGTERM",
        "pomhealth: SIGKILL",
        "pomhealth: ended",
    ]
    assert replica.answers()


def test_without_an_agent_that_answers_pomerium_is_stopped_at_once(
    pod: Pod, beside: Agent, replica: RunningReplica
) -> None:
    beside.process.kill()
    beside.process.wait(PATIENCE)
    pod.delete()
    assert not replica.running()
    assert any(step.startswith("pomerium: no answer: ") for step in pod.done)
    assert "pomerium: preStop over" in pod.done
