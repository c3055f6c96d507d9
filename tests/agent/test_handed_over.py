"""The agent on a socket that its supervisor keeps open: a restart fails no probe, and each answer is true."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agent.process import PATIENCE, nothing_runs, until
from tests.agent.supervisor import Supervisor, supervisor
from tests.standin import StandIn

ASK = b"GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


class Client:
    """One connection."""

    def __init__(self, to: socket.socket) -> None:
        self._socket = socket.create_connection(to.getsockname(), timeout=PATIENCE)

    def ask(self, path: str = "/readyz") -> None:
        self._socket.sendall(ASK % path.encode())

    def answer(self) -> tuple[int, Any]:
        """Status and body, once the server has closed the connection."""
        raw = b""
        while part := self._socket.recv(65536):
            raw += part
        head, _, body = raw.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    def close(self) -> None:
        self._socket.close()


@contextmanager
def client(to: socket.socket) -> Iterator[Client]:
    one = Client(to)
    try:
        yield one
    finally:
        one.close()


def asked(to: socket.socket, path: str = "/readyz") -> tuple[int, Any]:
    with client(to) as one:
        one.ask(path)
        return one.answer()


@pytest.fixture
def port() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as opened:
        yield opened


@pytest.fixture
def systemd(tmp_path: Path, port: socket.socket) -> Iterator[Supervisor]:
    with supervisor(tmp_path, port) as one:
        yield one


def test_who_asks_before_it_starts_gets_the_truth_and_not_an_empty_map(
    systemd: Supervisor, port: socket.socket, standin: StandIn
) -> None:
    replica = standin()
    with client(port) as early:
        early.ask("/status")
        systemd.start("--pid", str(replica.pid))
        _, said = early.answer()
    assert said["ready"]
    assert said["replica"]["state"] == "found"
    assert {entry["outcome"] for entry in said["statuses"].values()} <= {"pass", "warn"}


def test_where_no_replica_runs_that_is_the_first_answer(
    systemd: Supervisor, port: socket.socket, tmp_path: Path
) -> None:
    with client(port) as early:
        early.ask()
        systemd.start(*nothing_runs(tmp_path))
        status, said = early.answer()
    assert status == 503
    assert said["pomerium.process"]["cause"] == "not-running"


def test_a_stop_accepts_nobody_and_closes_nothing_so_the_next_agent_answers(
    systemd: Supervisor, port: socket.socket, tmp_path: Path
) -> None:
    first = systemd.start(*nothing_runs(tmp_path))
    assert asked(port)[0] == 503
    assert first.stop() == 0
    with client(port) as between:
        between.ask()
        systemd.start(*nothing_runs(tmp_path))
        assert between.answer()[0] == 503


def test_who_was_accepted_before_the_stop_and_asks_after_it_is_answered(
    systemd: Supervisor, port: socket.socket, tmp_path: Path
) -> None:
    agent = systemd.start(*nothing_runs(tmp_path))
    assert asked(port)[0] == 503
    with client(port) as late:
        assert asked(port)[0] == 503  # it came later, so the first one has been accepted
        agent.process.send_signal(signal.SIGTERM)
        systemd.told.until(lambda told: any("STOPPING" in one for one in told.messages))
        late.ask()
        assert late.answer()[0] == 503
        assert agent.process.wait(PATIENCE) == 0


def test_who_keeps_an_idle_connection_holds_up_no_restart(
    systemd: Supervisor, port: socket.socket, tmp_path: Path
) -> None:
    agent = systemd.start(*nothing_runs(tmp_path))
    with socket.create_connection(port.getsockname(), timeout=PATIENCE) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(12) == b"HTTP/1.1 503"
        assert agent.stop() == 0
        while idle.recv(65536):
            pass  # the rest of the answer, and then the end of the connection


def test_a_setting_that_names_another_address_is_told_that_the_socket_counts(
    systemd: Supervisor, port: socket.socket, tmp_path: Path
) -> None:
    settings = tmp_path / "pomhealth.toml"
    settings.write_text("")
    agent = systemd.start(*nothing_runs(tmp_path), "--settings", str(settings))
    where = "{}:{}".format(*port.getsockname())
    assert agent.address == where
    assert "counts" not in agent.text

    settings.write_text('listen = "127.0.0.1:1"\n')
    agent.process.send_signal(signal.SIGHUP)
    until(lambda: bool(agent.events("settings reloaded")), lambda: agent.text)
    told = next(line["event"] for line in agent.lines if "counts" in line["event"])
    assert where in told
    assert "127.0.0.1:1 " in told
    assert str(settings) in told
    assert asked(port)[0] == 503

    settings.write_text(f'listen = "{where}"\n')
    again = systemd.start(*nothing_runs(tmp_path), "--settings", str(settings))
    assert again.address == where
    assert "counts" not in again.text


def test_a_socket_that_cannot_be_used_is_one_line_and_status_64(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        supervisor(tmp_path, datagrams) as systemd,
    ):
        agent = systemd.start(*nothing_runs(tmp_path))
        assert agent.process.wait(PATIENCE) == 64
    assert "pomhealth.socket" in agent.text
    assert "not a TCP socket" in agent.text
    assert "Traceback" not in agent.text


class Probe(threading.Thread):
    """Asks /readyz every 50 ms for as long as it is told to, each time on a new connection, as load balancers do."""

    def __init__(self, to: socket.socket) -> None:
        super().__init__(daemon=True)
        self._to = to
        self._over = threading.Event()
        self.answers: list[tuple[int, frozenset[str]]] = []
        self.failed: list[str] = []

    def run(self) -> None:
        while not self._over.wait(0.05):
            self._ask()

    def _ask(self) -> None:
        try:
            status, said = asked(self._to)
        except (OSError, ValueError, IndexError) as error:
            self.failed.append(repr(error))
        else:
            self.answers.append((status, frozenset(entry["outcome"] for entry in said.values())))

    def end(self) -> None:
        self._over.set()
        self.join(PATIENCE)


def test_restarts_fail_no_probe_and_every_answer_is_what_was_measured(
    systemd: Supervisor, port: socket.socket, standin: StandIn
) -> None:
    replica = standin()
    agent = systemd.start("--pid", str(replica.pid))
    assert asked(port)[0] == 200
    probe = Probe(port)
    probe.start()
    try:
        for _ in range(3):
            before = len(probe.answers)
            assert agent.stop() == 0
            agent = systemd.start("--pid", str(replica.pid))
            until(lambda before=before: len(probe.answers) > before + 2)  # type: ignore[misc]
    finally:
        probe.end()
    assert probe.failed == []
    assert {status for status, _ in probe.answers} == {200}
    assert all(outcomes <= {"pass", "warn"} for _, outcomes in probe.answers)
