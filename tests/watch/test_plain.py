"""`pomhealth watch` without a terminal, as a process beside real agents."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pomhealth.demo.ports import free_ports
from tests.agent.process import PATIENCE, agent, nothing_runs

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


class Watch:
    """A running watch, whose lines are read as they come."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.lines: list[str] = []
        self._rest = b""

    def until(self, pattern: str) -> str:
        """The first line, of those that came or come, in which the pattern is found."""
        end = time.monotonic() + PATIENCE
        while True:
            found = next((line for line in self.lines if re.search(pattern, line)), None)
            if found is not None:
                return found
            assert time.monotonic() < end, f"{pattern} is not in {self.lines}"
            self._read()

    def _read(self) -> None:
        assert self.process.stdout is not None
        if select.select([self.process.stdout], [], [], 0.1)[0]:
            self._rest += os.read(self.process.stdout.fileno(), 65536)
            *whole, self._rest = self._rest.split(b"\n")
            self.lines += [line.decode() for line in whole]

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Its exit status, and what it complained of."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE), self._complaints()

    def _complaints(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.read().decode()


@contextmanager
def watching(*arguments: str, **environment: str) -> Iterator[Watch]:
    process = subprocess.Popen(
        [sys.executable, "-m", "pomhealth", "watch", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    with process:
        try:
            yield Watch(process)
        finally:
            if process.poll() is None:
                process.kill()


def test_the_state_comes_first_then_that_the_agent_is_away_and_back(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as running, watching("-a", running.address) as watch:
        assert re.match(rf"{TIME} . not ready: pomerium\.process \(not-running\)", watch.until("not ready"))
        assert re.match(rf"{TIME} . pomerium\.process: not-running: ", watch.until("pomerium.process:"))
        running.stop()
        watch.until(f"no answer: connection refused, nothing listens there; what was told is old, of {TIME}")
        with agent(tmp_path, *nothing_runs(tmp_path), "--listen", running.address):
            watch.until("it answers")
        assert watch.end() == (0, "")


def test_an_agent_that_is_not_there_yet_is_told_of_and_waited_for(tmp_path: Path) -> None:
    where = f"127.0.0.1:{free_ports(1)[0]}"
    with watching(POMHEALTH_ADDRESS=where) as watch:
        line = watch.until("no answer: connection refused")
        assert "start the agent (pomhealth run)" in line
        with agent(tmp_path, *nothing_runs(tmp_path), "--listen", where):
            watch.until("not ready: pomerium.process")
        assert watch.end(signal.SIGINT) == (0, "")


def test_of_several_agents_each_line_names_its_own(tmp_path: Path) -> None:
    with (
        agent(tmp_path, *nothing_runs(tmp_path)) as running,
        watching("-a", running.address, "-a", "127.0.0.1:1", "-a", running.address) as watch,
    ):
        assert running.address in watch.until("not ready")
        assert "127.0.0.1:1 " in watch.until("no answer")
        assert sum("not ready" in line for line in watch.lines) == 1  # named twice, watched once


def test_each_line_is_an_object_where_a_program_reads(tmp_path: Path) -> None:
    with (
        agent(tmp_path, *nothing_runs(tmp_path)) as running,
        watching("-a", running.address, "-o", "json") as watch,
    ):
        state = json.loads(watch.until('"state"'))
        check = json.loads(watch.until('"check"'))
    assert (state["event"], state["agent"], state["ready"]) == ("state", running.address, False)
    assert re.fullmatch(TIME, state["at"])
    assert (check["id"], check["cause"], check["stops"]) == ("pomerium.process", "not-running", True)


def test_only_the_checks_that_are_asked_for_are_told(tmp_path: Path) -> None:
    with (
        agent(tmp_path, *nothing_runs(tmp_path)) as running,
        watching("-a", running.address, "--filter", "STORAGE.backend cleanup") as watch,
    ):
        watch.until("storage.backend.cleanup")
        assert len(watch.lines) == 2  # the verdict, and that


def test_it_ends_at_once_when_nobody_reads_any_more(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as running, watching("-a", running.address) as watch:
        watch.until("not ready")
        assert watch.process.stdout is not None
        watch.process.stdout.close()
        assert watch.process.wait(PATIENCE) == 0
        assert watch._complaints() == ""


def test_it_ends_also_while_whoever_reads_has_stopped(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as running:
        read, write = os.pipe()
        os.set_blocking(write, False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(write, b"x" * 4096)
        os.set_blocking(write, True)
        process = subprocess.Popen(
            [sys.executable, "-m", "pomhealth", "watch", "-a", running.address], stdout=write, stdin=read
        )
        try:
            status = Path(f"/proc/{process.pid}/wchan")
            end = time.monotonic() + PATIENCE
            while "pipe" not in status.read_text() and time.monotonic() < end:
                time.sleep(0.05)
            process.terminate()
            assert process.wait(PATIENCE) == 0
        finally:
            process.kill()
            process.wait()
            os.close(read)
            os.close(write)


def test_signs_and_text_fit_a_reader_that_knows_ascii_alone(tmp_path: Path) -> None:
    with (
        agent(tmp_path, *nothing_runs(tmp_path)) as running,
        watching("-a", running.address, PYTHONIOENCODING="ascii") as watch,
    ):
        assert " x not ready" in watch.until("not ready")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-a", "nowhere"), "is not HOST:PORT"),
        (("-a", "https://a:1"), "plain HTTP"),
        (("--nope",), "--nope"),
        (("-o", "yaml"), "yaml"),
        (("unexpected",), "unexpected"),
    ],
)
def test_wrong_usage_is_said_and_the_status_is_64(arguments: tuple[str, ...], words: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pomhealth", "watch", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (run.returncode, run.stdout) == (64, "")
    assert words in run.stderr
    assert "Traceback" not in run.stderr


def test_without_a_terminal_the_view_is_not_even_loaded() -> None:
    code = (
        "import os, signal, sys, threading; from pomhealth.cli.main import run;"
        "import pomhealth.watch.plain as plain;"
        "plain.watch_plainly = lambda *_, **__: None; run(['watch']);"
        "sys.exit('textual' in sys.modules or 'rich' in sys.modules)"
    )
    assert (
        subprocess.run(
            [sys.executable, "-c", code], stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False
        ).returncode
        == 0
    )
