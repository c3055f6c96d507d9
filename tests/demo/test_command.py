"""`pomhealth demo` as a user runs it: what it says, what it takes, what it leaves."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from pomhealth.demo.faults import FAULTS
from pomhealth.demo.ports import free_ports
from tests.demo.looking import get, until


@dataclass(frozen=True)
class Shell:
    """Runs `pomhealth demo` with a state directory of its own."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "POMHEALTH_DEMO_DIR": str(self.home / "state")}

    def run(self, *arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "pomhealth", "demo", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def start(self, listen: tuple[str, int]) -> subprocess.Popen[str]:
        """A running demo, once it has said that it is ready."""
        with (self.home / "notices").open("w") as notices:
            return subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "pomhealth",
                    "demo",
                    "--free-ports",
                    "--listen",
                    f"{listen[0]}:{listen[1]}",
                ],
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=notices,
                text=True,
            )

    def processes(self) -> list[psutil.Process]:
        """Everything that works below the state directory."""
        return [process for process in psutil.process_iter() if self._works_here(process)]

    def _works_here(self, process: psutil.Process) -> bool:
        try:
            return Path(process.cwd()).is_relative_to(self.home) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


@pytest.fixture
def shell() -> Iterator[Shell]:
    with tempfile.TemporaryDirectory(prefix="pomhealth-") as home:
        Path(home).chmod(0o711)
        yield Shell(Path(home))


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--break", "envoy-hung"), 64, r"no fault is called 'envoy-hung' \(did you mean envoy-hang"),
        (("--break", "envoy-hang", "--heal", "all"), 64, "one at a time"),
        (("--listen", "nowhere"), 64, "give an address and a port"),
        (("--break", "envoy-hang"), 1, "no demo runs here; start one with: pomhealth demo"),
        (("--heal", "all"), 1, "no demo runs here"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    shell: Shell, arguments: tuple[str, ...], status: int, words: str
) -> None:
    code, out, err = shell.run(*arguments)
    assert (code, out) == (status, "")
    assert re.search(words, err)
    assert len(err.splitlines()) == 1


def test_the_faults_are_listed_with_what_is_found(shell: Shell) -> None:
    code, out, _ = shell.run("--faults")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(FAULTS)
    assert "envoy.server/stopped" in out


def test_a_taken_agent_address_is_said_and_nothing_is_left(shell: Shell) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, out, err = shell.run("--listen", f"127.0.0.1:{other.getsockname()[1]}")
    assert (code, out) == (1, "")
    assert "is taken; choose another with --listen" in err
    assert list(shell.home.iterdir()) == []


def test_it_lives_through_an_end_from_outside_and_leaves_nothing_behind(shell: Shell) -> None:
    listen = ("127.0.0.1", free_ports(1)[0])
    process = shell.start(listen)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert re.fullmatch(
            r"ready: agent http://127\.0\.0\.1:\d+ \(pid \d+\), replica https://.*\n", line
        ), line
        assert get(listen, "/readyz")[0] == 200
        code, _, err = shell.run("--listen", "127.0.0.1:1")
        assert (code, "a demo runs already" in err) == (1, True)
        replica = next(found for found in shell.processes() if found.name() == "pomerium")
        replica.kill()
        until(lambda: get(listen, "/readyz")[0] == 503, "it is noticed")
        until(lambda: "the replica has ended" in (shell.home / "notices").read_text(), "it is said")
        code, out, _ = shell.run("--heal", "replica")
        assert (code, "started the replica again" in out) == (0, True)
        until(lambda: get(listen, "/readyz")[0] == 200, "it recovers")
        shell.run("--break", "postgres-hang")
        shell.run("--break", "envoy-hang")
        shell.run("--break", "cache-read-only")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert process.stdout.read() == ""  # one line, and no more
    process.stdout.close()
    assert shell.processes() == []
    assert [path.name for path in shell.home.iterdir()] == ["notices"]
    assert str(shell.home) not in Path("/proc/self/mountinfo").read_text()


def test_its_parts_end_when_it_is_killed_and_the_next_one_sweeps(shell: Shell) -> None:
    listen = ("127.0.0.1", free_ports(1)[0])
    with shell.start(listen) as killed:
        assert killed.stdout is not None
        assert killed.stdout.readline()
        killed.kill()
    until(lambda: shell.processes() == [], "every part ends with it")
    with shell.start(listen) as following:
        assert following.stdout is not None
        line = following.stdout.readline()
        assert line.startswith("ready: "), (shell.home / "notices").read_text()
        following.send_signal(signal.SIGINT)
    assert following.returncode == 0
    assert [path.name for path in shell.home.iterdir()] == ["notices"]


# Those that hold something: a thread, sessions, mounts, a name server, a firewall's rule, a second replica.
HOLDING = (
    "dns-silent",
    "cache-full",
    "port-shared",
    "envoy-worker-busy",
    "postgres-full-connections",
    "postgres-dropped",
)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_what_faults_hold_ends_with_it_however_it_ends(shell: Shell, ending: signal.Signals) -> None:
    with shell.start(("127.0.0.1", free_ports(1)[0])) as ended:
        assert ended.stdout is not None
        assert ended.stdout.readline()
        try:
            for fault in HOLDING:
                code, _, err = shell.run("--break", fault)
                assert code == 0 or (FAULTS[fault].root and ("only root" in err or "that needs" in err)), err
        finally:
            ended.send_signal(ending)
    until(lambda: shell.processes() == [], "every part ends with it")
    if ending is signal.SIGKILL:  # its files and mounts are left to the next one
        with shell.start(("127.0.0.1", free_ports(1)[0])) as following:
            assert following.stdout is not None
            assert following.stdout.readline().startswith("ready: "), (shell.home / "notices").read_text()
            following.send_signal(signal.SIGINT)
    assert [path.name for path in shell.home.iterdir()] == ["notices"]
    assert str(shell.home) not in Path("/proc/self/mountinfo").read_text()
