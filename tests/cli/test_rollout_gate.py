"""`pomhealth rollout-gate` on a terminal and in a script, and what it says where nothing can be asked."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pomhealth.cluster.rollout.gate import Verdict
from pomhealth.cluster.rollout.passing import told
from pomhealth.orders.control import Asker, Control
from pomhealth.orders.kinds import PASS, RELEASE
from pomhealth.orders.line import Said
from tests.agent.process import PATIENCE, Agent, agent, nothing_runs
from tests.cli.health_server import http, saying, serving

SAFE = Verdict(safe=True, why="safe to restart: 2 other replicas are ready", until=1.0)
NOT_YET = Verdict(safe=False, why="b\x1b[31m is not ready", fix="pomhealth check, run there")


def command(*options: str) -> list[str]:
    return [sys.executable, "-m", "pomhealth", "rollout-gate", *options]


def gate(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*options), capture_output=True, text=True, timeout=2 * PATIENCE, check=False
    )


@contextmanager
def answering(*words: Said) -> Iterator[str]:
    """An agent as far as its answers go: gives the address of one that says these words to every order."""
    loop = asyncio.new_event_loop()

    async def say(said: Said, asker: Asker) -> None:
        del said
        for word in words:
            asker.tell(word)

    control = Control({PASS: say, RELEASE: say}, users=frozenset, log=lambda: pytest.fail("refused"))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(control.open(), loop).result(PATIENCE)
    body = b'{"agent": {"control": "%b"}}' % control.name.encode()
    with serving(saying(http(body))) as server:
        yield server.address
    asyncio.run_coroutine_threadsafe(control.close(), loop).result(PATIENCE)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """An agent that is in no cluster."""
    directory: Path = tmp_path_factory.mktemp("agent")
    with agent(directory, *nothing_runs(directory), POMHEALTH_RELEASE_FEED="off") as running:
        yield running


def test_what_is_safe_is_told_and_the_script_goes_on() -> None:
    with answering(told(SAFE, last=False)) as address:
        done = gate("-a", address)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{SAFE.why}\n", "")


def test_what_is_not_safe_is_told_in_one_line_with_what_to_do() -> None:
    with answering(told(NOT_YET, last=True)) as address:
        done = gate("-a", address)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "not safe to restart: b [31m is not ready. Fix: pomhealth check, run there\n"


def test_each_reason_to_wait_is_told_once() -> None:
    with answering(*[told(NOT_YET, last=False)] * 3, told(SAFE, last=False)) as address:
        done = gate("-a", address, "--wait", "30")
    assert done.returncode == 0
    assert done.stderr == "waiting: b [31m is not ready\n"
    assert done.stdout == f"{SAFE.why}\n"


def test_on_a_terminal_one_line_is_written_anew() -> None:
    main, side = pty.openpty()
    with answering(told(NOT_YET, last=False), told(SAFE, last=False)) as address:
        done = subprocess.run(
            command("-a", address, "--wait", "30"), stderr=side, timeout=2 * PATIENCE, check=False
        )
    os.close(side)
    shown = os.read(main, 65536)
    os.close(main)
    assert done.returncode == 0
    assert shown == b"\r\x1b[Kwaiting: b [31m is not ready\r\x1b[K"


def test_what_is_held_can_be_given_back() -> None:
    for released, says in ((True, "the next one may go"), (False, "this replica held no lease")):
        with answering({"released": released}) as address:
            done = gate("-a", address, "--release")
        assert (done.returncode, done.stdout) == (0, f"{says}\n")


def test_an_agent_without_a_cluster_says_how_to_turn_it_on(alone: Agent) -> None:
    for options in ((), ("--release",)):
        done = gate("-a", alone.address, *options)
        assert done.returncode == 1
        assert "the cluster is off here" in done.stderr
        assert "set cluster = true" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (
            ("-a", "127.0.0.1:1"),
            1,
            "127.0.0.1:1: connection refused, nothing listens there. Fix: start the agent",
        ),
        (("-a", "nonsense"), 64, "is not HOST:PORT"),
        (("--release", "--wait", "5"), 64, "--release: it goes with none of"),
        (("--wait", "nan"), 64, "it is not a number"),
        (("--wait", "-1"), 64, "-1"),
        (("--hold", "5"), 64, "5.0 is not in the range"),
        (("--min-ready", "-1"), 64, "-1"),
        (("--min-ready", "some"), 64, "'some'"),
        (("now",), 64, "unexpected extra argument"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(options: tuple[str, ...], status: int, says: str) -> None:
    done = gate(*options)
    assert done.returncode == status
    assert says in done.stderr
    assert "Traceback" not in done.stderr
