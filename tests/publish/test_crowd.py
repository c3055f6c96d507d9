"""The agent as a process of its own, with far more clients than it has room for."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from bench.load.crowd import APIECE, crowded
from pomhealth.publish import room
from tests.agent.process import PATIENCE, Agent, agent, nothing_runs, until

MANY = 10_000
SPARE = 100  # descriptors that a process of a crowd, or a probe, needs besides


def newcomer(address: str) -> int:
    """The status that somebody gets who comes now."""
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), PATIENCE) as client:
        client.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return int(client.recv(65536).split()[1])


def descriptors(running: Agent) -> int:
    return len(list(Path(f"/proc/{running.process.pid}/fd").iterdir()))


def test_ten_thousand_idle_slow_and_deaf_clients_keep_nobody_from_an_answer(tmp_path: Path) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < APIECE + SPARE:
        pytest.skip(f"a process may have {hard} descriptors here, and a part of the crowd needs {APIECE}")
    with agent(tmp_path, *nothing_runs(tmp_path)) as running, crowded(running.address, MANY):
        for _ in range(50):
            assert newcomer(running.address) == 503  # no replica runs
        assert descriptors(running) < room.MOST + SPARE
        assert running.stop() == 0


def test_where_descriptors_are_few_clients_get_half_and_probes_the_rest(tmp_path: Path) -> None:
    limited = tmp_path / "python"
    limited.write_text(f'#!/bin/sh\nulimit -n 64\nexec {sys.executable} "$@"\n')
    limited.chmod(0o755)
    log = tmp_path / "agent.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(limited), "-m", "pomhealth", "run", "--listen", "127.0.0.1:0", *nothing_runs(tmp_path)],
            stdout=out,
            stderr=out,
        )
    try:
        running = Agent(process, log)
        with crowded(running.address, 300):
            until(lambda: descriptors(running) >= 32)
            for _ in range(50):
                assert newcomer(running.address) == 503
                assert descriptors(running) < 60
        assert running.stop() == 0
        assert "resource" not in running.text
    finally:
        process.kill()
        process.wait(PATIENCE)


@pytest.mark.parametrize(
    ("limits", "clients", "raised"),
    [("-n 64", 32, 64), ("-Sn 100", room.MOST, 4096), ("-n 20000", room.MOST, 20000)],
)
def test_it_asks_for_the_descriptors_that_it_needs_and_leaves_half_of_them(
    limits: str, clients: int, raised: int
) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < raised:
        pytest.skip(f"a process may have {hard} descriptors here")
    code = (
        "import resource; from pomhealth.publish.room import room_for_clients;"
        "print(room_for_clients(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run(
        ["sh", "-c", f'ulimit {limits} && exec "$0" -c "$1"', sys.executable, code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == [str(clients), str(raised)]
