"""A drain on real parts: an agent beside a stand-in replica with a real Envoy, and users of it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.agent.process import PATIENCE, Agent, agent, until
from tests.drain.traffic import Source, download
from tests.standin import RunningReplica

pytestmark = pytest.mark.usefixtures("_downloads_last")


@pytest.fixture(scope="module")
def running(replica: RunningReplica, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with started(replica, tmp_path_factory.mktemp("agent")) as one:
        yield one


@pytest.fixture
def beside(running: Agent) -> Iterator[Agent]:
    """An agent beside the replica that is ready, as it is again afterwards."""
    yield running
    end(drain(running, "--cancel"))
    until(running.ready, lambda: running.text)


@contextmanager
def started(
    replica: RunningReplica, tmp_path: Path, *options: str, ready: bool = True, **environment: str
) -> Iterator[Agent]:
    """An agent beside this replica, once it says ready, or at once."""
    environment = {"POMHEALTH_DRAIN_NOTICE": "0.5", "POMHEALTH_RELEASE_FEED": "off", **environment}
    with agent(tmp_path, "--pomerium-config", str(replica.config_path), *options, **environment) as running:
        if ready:
            until(running.ready, lambda: running.text)
        yield running


def drain(beside: Agent, *options: str) -> subprocess.Popen[str]:
    """`pomhealth drain`, begun."""
    command = [sys.executable, "-m", "pomhealth", "drain", "-a", beside.address, *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def end(command: subprocess.Popen[str]) -> tuple[int, str]:
    """Its exit status and what it said."""
    said, _ = command.communicate(timeout=PATIENCE)
    return command.returncode, said


def phase(beside: Agent) -> str:
    drain = beside.get("/status")[1]["drain"]
    return drain["phase"] if drain else ""


@pytest.mark.proves("replica.drain/draining")
def test_a_download_under_way_comes_to_its_end(replica: RunningReplica, users: Source, beside: Agent) -> None:
    with download(replica) as one:
        command = drain(beside)
        until(lambda: phase(beside) == "ending")
        status, flat = beside.get("/readyz")
        assert status == 503
        assert flat["replica.drain"]["status"] == "TERMINATING"
        assert flat["replica.drain"]["cause"] == "draining"
        assert {id_ for id_, entry in flat.items() if "error" in entry} == {"replica.drain"}
        assert beside.get("/healthz")[0] == 200
        assert command.poll() is None
        users.finish.set()
        assert one.whole()
        one.close()
        status, said = end(command)
    assert status == 0, said
    assert "1 connection open, 1 request under way" in said
    assert re.search(r"drained after [\d.]+ s: every connection has ended; it can be stopped", said)
    assert not beside.ready()


def test_what_is_still_open_at_the_limit_is_told_and_the_replica_stays_out(
    replica: RunningReplica, beside: Agent
) -> None:
    with download(replica):
        status, said = end(drain(beside, "--timeout", "1"))
        assert status == 1
        assert "not drained after 1." in said
        assert "1 connection open, 1 request under way" in said
        assert "pomhealth drain --cancel puts it back" in said
        assert not beside.ready()
        status, said = end(drain(beside, "--cancel"))
        assert (status, said) == (0, "back in rotation\n")
        assert beside.ready()
        assert end(drain(beside, "--cancel")) == (0, "the replica was not being drained\n")


def test_whoever_waits_for_it_is_told_when_it_is_undone(replica: RunningReplica, beside: Agent) -> None:
    with download(replica):
        waiting = drain(beside)
        until(lambda: phase(beside) != "")
        end(drain(beside, "--cancel"))
        status, said = end(waiting)
    assert status == 1
    assert said.endswith("not drained: it was put back into rotation\n")


def test_a_second_command_waits_for_the_same_drain(
    replica: RunningReplica, users: Source, beside: Agent
) -> None:
    with download(replica) as one:
        commands = [drain(beside), drain(beside)]
        until(lambda: phase(beside) == "ending")
        users.finish.set()
        one.whole()
        one.close()
        assert [end(command)[0] for command in commands] == [0, 0]


def test_sigterm_drains_where_the_agents_end_is_the_replicas(
    replica: RunningReplica, users: Source, tmp_path: Path
) -> None:
    with started(replica, tmp_path, POMHEALTH_DRAIN_ON_STOP="true") as beside, download(replica) as one:
        beside.process.send_signal(signal.SIGTERM)
        until(lambda: phase(beside) == "ending")
        assert beside.get("/readyz")[0] == 503
        assert beside.get("/healthz")[0] == 200
        assert beside.process.poll() is None
        users.finish.set()
        assert one.whole()
        one.close()
        assert beside.process.wait(PATIENCE) == 0
        assert beside.events("drained: every connection has ended; it can be stopped")


@pytest.mark.parametrize(
    ("setting", "number", "status"),
    [("false", signal.SIGTERM, 0), ("true", signal.SIGINT, -signal.SIGINT)],
)
def test_another_stop_takes_nothing_out_of_rotation(
    replica: RunningReplica, tmp_path: Path, setting: str, number: signal.Signals, status: int
) -> None:
    with started(replica, tmp_path, POMHEALTH_DRAIN_ON_STOP=setting) as beside, download(replica):
        assert beside.stop(number) == status
        assert not beside.events("the replica is taken out of rotation")


def test_a_second_sigterm_ends_an_agent_that_drains(replica: RunningReplica, tmp_path: Path) -> None:
    with started(replica, tmp_path, POMHEALTH_DRAIN_ON_STOP="true") as beside, download(replica):
        beside.process.send_signal(signal.SIGTERM)
        until(lambda: phase(beside) != "")
        assert beside.stop() == 128 + signal.SIGTERM


def test_the_next_replica_is_in_rotation_again(replica: RunningReplica, beside: Agent) -> None:
    assert end(drain(beside))[0] == 0
    assert not beside.ready()
    replica.restart()
    until(beside.ready, lambda: beside.text)
    assert beside.events("the replica is back in rotation")


def test_the_end_of_the_replica_is_the_end_of_its_drain(replica: RunningReplica, beside: Agent) -> None:
    with download(replica):
        command = drain(beside)
        until(lambda: phase(beside) == "ending")
        replica.stop()
        status, said = end(command)
    replica.start()
    assert status == 0
    assert re.search("the replica has ended|every connection has ended", said)  # whichever is seen first


def test_an_agent_that_is_started_anew_gets_the_order_again(
    replica: RunningReplica, users: Source, tmp_path: Path
) -> None:
    with started(replica, tmp_path) as first, download(replica) as one:
        address = first.address
        command = drain(first)
        until(lambda: phase(first) == "ending")
        first.process.kill()
        first.process.wait()
        with started(replica, tmp_path, "--listen", address, ready=False) as second:
            until(lambda: phase(second) == "ending", lambda: second.text)
            users.finish.set()
            one.whole()
            one.close()
            status, said = end(command)
    assert status == 0, said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as another user")
def test_another_user_may_not_take_the_replica_out_of_rotation(beside: Agent) -> None:
    name = beside.get("/status")[1]["agent"]["control"]
    script = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX);"
        " s.connect('\\0' + sys.argv[1][1:]); s.sendall(b'{\"do\": \"drain\"}\\n'); print(s.recv(4096).decode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, name], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert "user 65534 may not" in json.loads(done.stdout)["error"]
    assert beside.ready()
    assert beside.events("an order to drain was refused")


def test_what_is_no_order_is_answered_with_what_is_wrong(beside: Agent) -> None:
    name = beside.get("/status")[1]["agent"]["control"]
    for sent, answer in ((b"hello\n", "it is not JSON"), (b"x" * 10000, "this is no order")):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect("\0" + name[1:])
            connection.sendall(sent)
            assert answer in json.loads(connection.recv(4096))["error"]
    assert beside.ready()


def test_who_asks_whether_it_is_drained_is_answered_when_it_is(
    replica: RunningReplica, users: Source, beside: Agent
) -> None:
    answers: list[int] = []
    asking = threading.Thread(target=lambda: answers.append(beside.get("/drained")[0]))
    with download(replica) as one:
        asking.start()
        command = drain(beside)
        until(lambda: phase(beside) == "ending")
        assert answers == []
        users.finish.set()
        one.whole()
        one.close()
        assert end(command)[0] == 0
    asking.join(PATIENCE)
    assert answers == [200]
    assert beside.get("/drained")[0] == 200


def test_who_asks_whether_it_is_drained_learns_that_it_was_not_in_time(
    replica: RunningReplica, beside: Agent
) -> None:
    with download(replica):
        assert end(drain(beside, "--timeout", "0.6"))[0] == 1
        assert beside.get("/drained")[0] == 503


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (
            ("-a", "127.0.0.1:1"),
            1,
            "127.0.0.1:1: connection refused, nothing listens there. Fix: start the agent",
        ),
        (("-a", "nonsense"), 64, "is not HOST:PORT"),
        (("--cancel", "--timeout", "5"), 64, "--cancel: it takes no time"),
        (("--timeout", "-1"), 64, "-1"),
        (("--notice", "soon"), 64, "'soon'"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(options: tuple[str, ...], status: int, says: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pomhealth", "drain", *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr
