"""The end of a task, played as ECS plays it, with a real agent, a real Envoy and a download that is not over.

With a sidecar: SIGTERM to the container that depends on others, and to those when it has ended (dependencygraph of the
ECS agent). With one image: SIGTERM to its first process.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pomhealth.demo.children import python
from pomhealth.demo.leftovers import free_envoy_memory
from pomhealth.demo.ports import free_ports
from pomhealth.demo.running import RunningReplica
from tests.agent.process import PATIENCE, Agent, agent, until
from tests.drain.traffic import Source, download, source
from tests.ecs.definitions import AGENT, PROGRAM, REPLICA, Object, container, task, variables, with_agent
from tests.replica.apart import needs_root
from tests.standin import NEWEST, StandIn

NOTICE = "0.5"  # seconds
BOX = (
    "unshare",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
)  # processes of its own, as a container has


@pytest.fixture
def users() -> Iterator[Source]:
    with source() as made:
        yield made


def environment(definition: Object, port: str) -> dict[str, str]:
    """What the task definition gives the agent; its port is the test's, and what is to notice notices sooner."""
    given = {name: value for name, value in variables(definition).items() if name.startswith("POMHEALTH_")}
    return {**given, "POMHEALTH_LISTEN": f"127.0.0.1:{port}", "POMHEALTH_DRAIN_NOTICE": NOTICE}


def order(definition: Object) -> list[str]:
    """The names of the containers in the order in which ECS stops them."""
    left = {one["name"]: one for one in definition["containerDefinitions"]}
    done: list[str] = []
    while left:
        waited_for = {on["containerName"] for one in left.values() for on in one.get("dependsOn", ())}
        free = [name for name in left if name not in waited_for]
        done += free
        for name in free:
            del left[name]
    return done


@pytest.mark.parametrize("name", ["task-fargate", pytest.param("task-fargate-apart", marks=needs_root)])
def test_a_download_survives_the_end_of_a_task_with_a_sidecar(
    name: str, standin: StandIn, users: Source, tmp_path: Path
) -> None:
    definition = task(name)
    replica = standin(routes=[users.route])
    with sidecar(definition, replica, tmp_path) as (process, beside):
        until(beside.ready, lambda: beside.text)
        assert ("pidMode" in definition) == (beside.get("/status")[1]["replica"]["pid"] == replica.pid)

        def stop(container_name: str) -> None:
            patience = container(definition, container_name)["stopTimeout"]
            if container_name == AGENT:
                process.terminate()
                beside.process.wait(patience)
            else:
                os.kill(replica.pid, signal.SIGTERM)
                replica.wait(patience)

        with download(replica) as one:
            ending = threading.Thread(target=lambda: list(map(stop, order(definition))))
            ending.start()
            until(lambda: _draining(beside), lambda: beside.text)
            assert beside.get("/readyz")[0] == 503
            assert beside.get("/healthz")[0] == 200
            assert replica.running()
            users.finish.set()
            assert one.whole()
        ending.join(PATIENCE)
        assert not ending.is_alive()
    assert order(definition) == [AGENT, REPLICA]
    assert beside.process.returncode == 0
    assert not replica.running()


@contextmanager
def sidecar(
    definition: Object, replica: RunningReplica, tmp_path: Path
) -> Iterator[tuple[psutil.Process, Agent]]:
    """The agent's process beside this replica, and what it says: seeing the replica's processes, or not."""
    given = environment(container(definition, AGENT), str(free_ports(1)[0]))
    if "pidMode" in definition:
        with agent(tmp_path, *meant(replica), **given) as beside:
            yield psutil.Process(beside.process.pid), beside
        return
    assert replica.admin is not None
    assert replica.health is not None
    given["POMHEALTH_ENVOY_ADMIN"] = "{}:{}".format(*replica.admin)  # on this machine there are others
    given["POMHEALTH_HEALTH_ADDRESS"] = "{}:{}".format(*replica.health)
    log = tmp_path / "apart.log"
    with log.open("wb") as out:
        words = [*BOX, sys.executable, "-m", "pomhealth", "run"]
        outer = subprocess.Popen(words, env={**os.environ, **given}, stdout=out, stderr=out)
    try:
        beside = Agent(outer, log)
        until(lambda: bool(psutil.Process(outer.pid).children()), lambda: beside.text)
        yield psutil.Process(outer.pid).children()[0], beside
    finally:
        outer.kill()
        outer.wait(PATIENCE)


def _draining(beside: Agent) -> bool:
    drain = beside.get("/status")[1].get("drain")
    return bool(drain) and drain["phase"] == "ending"


@contextmanager
def one_image(
    replica: RunningReplica, tmp_path: Path, *options: str, box: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[bytes], Agent]]:
    """The container that holds both, as the task definition starts it; `box` precedes its command line."""
    only = with_agent(task("task-one-image"))
    program, *asked = only["entryPoint"]
    assert program == PROGRAM
    assert asked == ["run", "--"]
    command = python("pomhealth.demo.standin", "--config", replica.config_path.name)
    apart = f'exec "$0" "$@" >>{replica.log_path} 2>&1'  # the replica's log, from the agent's
    port = str(free_ports(1)[0])
    log = tmp_path / "both.log"
    words = [*box, sys.executable, "-m", "pomhealth", "run", *options, "--", "sh", "-c", apart, *command]
    with log.open("wb") as out:
        process = subprocess.Popen(
            words,
            cwd=replica.directory,
            env={**os.environ, **replica.env, **environment(only, port)},
            stdout=out,
            stderr=out,
        )
    try:
        yield process, Agent(process, log)
    finally:
        left = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.kill()
        process.wait(PATIENCE)
        for one in left:
            one.kill()
        psutil.wait_procs(left, timeout=PATIENCE)
        free_envoy_memory(replica.tmpdir / "pomerium-envoy-base-id")


@pytest.fixture
def replica(users: Source) -> Iterator[RunningReplica]:
    """Its files, in a place of a short name, as sockets need; the container starts it."""
    root = Path(tempfile.mkdtemp(prefix="pomhealth-"))
    yield RunningReplica(root, release=NEWEST, options={"routes": [users.route]})
    shutil.rmtree(root)


def meant(replica: RunningReplica) -> tuple[str, str]:
    """The option that tells one of the replicas of this machine; in a container there is one."""
    return ("--pomerium-config", str(replica.config_path))


@needs_root
def test_a_download_survives_the_end_of_one_image_in_which_the_agent_finds_the_replica_by_itself(
    replica: RunningReplica, users: Source, tmp_path: Path
) -> None:
    with one_image(replica, tmp_path, box=BOX) as (process, beside):
        until(beside.ready, lambda: beside.text)
        assert beside.get("/status")[1]["replica"]["config"] == str(replica.config_path)
        (init,) = psutil.Process(process.pid).children()
        assert {one.name() for one in init.children()} > {"pomerium"}
        with download(replica) as one:
            init.terminate()
            until(lambda: _draining(beside), lambda: beside.text)
            assert beside.get("/readyz")[0] == 503
            assert replica.answers()
            users.finish.set()
            assert one.whole()
        assert process.wait(PATIENCE) == 0
    assert not replica.answers()


def test_an_agent_that_is_killed_leaves_the_replica_alone_and_finds_it_again(
    replica: RunningReplica, tmp_path: Path
) -> None:
    with one_image(replica, tmp_path, *meant(replica)) as (process, beside):
        until(beside.ready, lambda: beside.text)
        before = {one.pid: one.name() for one in psutil.Process(process.pid).children(recursive=True)}
        (killed,) = [line["pid"] for line in beside.events("pomhealth starts")]
        os.kill(killed, signal.SIGKILL)
        until(lambda: len(beside.events("listening")) == 2, lambda: beside.text)
        until(beside.ready, lambda: beside.text)
        after = {one.pid: one.name() for one in psutil.Process(process.pid).children(recursive=True)}
        assert before.keys() - {killed} <= after.keys()
        os.kill(next(pid for pid, name in after.items() if name == "pomerium"), signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert len(beside.events("the agent ended and is started again")) == 1
