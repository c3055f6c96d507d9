"""What happened survives the end of a real agent, however it ends."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from pomhealth.history.batch import Kept
from pomhealth.history.file import Place
from pomhealth.history.store import Store
from pomhealth.history.strip import Span, strip
from pomhealth.status import Outcome
from pomhealth.status.changes import state
from tests.agent.process import PATIENCE, Agent, agent, nothing_runs, until
from tests.standin import StandIn
from tests.stuck import stuck

NAME = "history-127.0.0.1-0.sqlite3"
_WRITER = """
import itertools, sys
from pathlib import Path
from pomhealth.history.batch import Waiting
from pomhealth.history.file import Place
from pomhealth.history.model import Turn
from pomhealth.history.store import Store
from pomhealth.status import Outcome
from pomhealth.status.changes import state

store = Store(Place(Path(sys.argv[1]), True))
store.open(1000.0)
waiting = Waiting(1000.0)
waiting.begin(1000.0)
for number in itertools.count():
    waiting.turned((Turn(1000.0 + number, f"check.{number % 7}", Outcome.PASS, "", "in words " * 20),))
    batch = waiting.batch(1001.0 + number)
    store.write(batch, 1001.0 + number)
    waiting.written(batch)
    print(number, flush=True)
"""


@contextmanager
def keeping(place: Path, *options: str, directory: Path, **environment: str) -> Iterator[Agent]:
    """A real agent that keeps its history in `directory`; its log is in `place`."""
    place.mkdir(exist_ok=True)
    chosen = {"POMHEALTH_HISTORY": "true", "POMHEALTH_STATE_DIR": str(directory), **environment}
    with agent(place, *options, **chosen) as one:
        yield one


def kept(directory: Path, scratch: Path) -> Kept:
    """What the file tells now, from a copy: the agent has it locked."""
    copy = scratch / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for ending in ("", "-wal"):
        source = directory / f"{NAME}{ending}"
        if source.exists():
            shutil.copy(source, copy / source.name)
    store = Store(Place(copy / NAME, meant=True))
    try:
        return store.open(time.time()).kept
    finally:
        store.close()


def states(found: Kept, id_: str) -> list[Outcome]:
    return [turn.outcome for turn in found.past.turns.get(id_, ())]


def changes(found: Kept) -> list[tuple[str, str, str]]:
    return [(one.id, state(one.outcome, one.cause), one.was) for one in found.changes]


def history(one: Agent) -> list[tuple[str, str, str]]:
    """The changes that it tells of, oldest first."""
    told = [(change["id"], change["is"], change["was"] or "") for change in one.get("/status")[1]["history"]]
    return told[::-1]


def test_a_killed_agent_loses_nothing_and_the_time_until_the_next_one_is_a_gap(
    tmp_path: Path, standin: StandIn
) -> None:
    replica = standin(storage="file")
    directory = tmp_path / "state"
    options = ("--pomerium-config", str(replica.config_path))
    with keeping(tmp_path / "first", *options, directory=directory) as first:
        until(first.ready, lambda: first.text)
        replica.stop()
        until(lambda: Outcome.FAIL in states(kept(directory, tmp_path), "pomerium.process"))
        until(lambda: len(kept(directory, tmp_path).changes) == len(history(first)))
        told = history(first)
        first.stop(signal.SIGKILL)
    ended = time.time()
    until(lambda: time.time() - ended > 2.0)
    with keeping(tmp_path / "second", *options, directory=directory) as second:
        until(lambda: bool(second.alerts()), lambda: second.get("/status"))
        until(lambda: history(second)[: len(told)] == told, lambda: history(second))
        replica.start()
        until(second.ready, lambda: second.get("/readyz?verbose"))
        now = history(second)
        assert ("pomerium.process", "fail: not-running", "") not in now
        assert ("pomerium.process", "pass", "fail: not-running") in now
        second.stop(signal.SIGTERM)
    found = kept(directory, tmp_path)
    assert states(found, "pomerium.process") == [Outcome.PASS, Outcome.FAIL, Outcome.FAIL, Outcome.PASS]
    first_watch, second_watch = found.past.watches
    assert first_watch.end <= ended < ended + 2.0 <= second_watch.begin
    seconds = Span(seconds=120, cells=240)
    cells = strip(found.past, "pomerium.process", seconds, second_watch.end)
    between = [cell for cell in cells if first_watch.end < cell.begin and cell.end < second_watch.begin]
    assert between
    assert {cell.outcome for cell in between} == {None}


def test_an_agent_that_is_told_to_stop_notes_until_when_it_watched(tmp_path: Path) -> None:
    with keeping(tmp_path / "log", *nothing_runs(tmp_path), directory=tmp_path / "state") as one:
        until(lambda: bool(one.alerts()))
        before = time.time()
        assert one.stop() == 0
    (watch,) = kept(tmp_path / "state", tmp_path).past.watches
    assert watch.end >= before


def test_a_writer_that_is_killed_at_any_moment_leaves_a_file_that_is_whole(tmp_path: Path) -> None:
    written = 0
    for _ in range(8):
        command = [sys.executable, "-c", _WRITER, str(tmp_path / NAME)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(random.randint(1, 200)):
                last = writer.stdout.readline()
            writer.kill()
            said = [last, *writer.stdout.read().split("\n")]
        written += 1 + max(int(line) for line in said if line.strip())
    store = Store(Place(tmp_path / NAME, meant=True))
    opened = store.open(2000.0)
    store.close()
    assert opened.damaged == ""
    turns = sum(map(len, opened.kept.past.turns.values()))
    assert written <= turns <= written + 8


def test_switched_off_a_real_agent_leaves_its_directory_empty(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    directory.mkdir()
    with keeping(
        tmp_path / "log", *nothing_runs(tmp_path), directory=directory, POMHEALTH_HISTORY="false"
    ) as one:
        until(lambda: bool(one.alerts()))
        assert one.stop() == 0
    assert list(directory.iterdir()) == []


def test_a_second_real_agent_says_why_it_keeps_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "state"
    with (
        keeping(tmp_path / "first", *nothing_runs(tmp_path), directory=directory) as first,
        keeping(tmp_path / "second", *nothing_runs(tmp_path), directory=directory) as second,
    ):
        until(lambda: bool(first.alerts()))
        until(lambda: any(one.events("what happened is kept in memory alone") for one in (first, second)))
        (line,) = [
            line for one in (first, second) for line in one.events("what happened is kept in memory alone")
        ]
        assert line["level"] == "warning"
        assert "another agent" in line["why"]
        assert "its own address" in line["cure"]


@pytest.mark.parametrize("when", ["before it starts", "while it runs"])
def test_an_agent_whose_file_system_hangs_answers_and_stops_as_ever(tmp_path: Path, when: str) -> None:
    directory = tmp_path / "state"
    directory.mkdir()
    early = when == "before it starts"
    with (
        stuck(directory) if early else nullcontext(),
        keeping(tmp_path / "log", *nothing_runs(tmp_path), directory=directory) as one,
    ):
        until(lambda: bool(one.alerts()))
        if not early:
            until(lambda: bool(kept(directory, tmp_path).past.turns))
        with nullcontext() if early else stuck(directory):
            if early:
                until(lambda: bool(one.events("what happened is kept in memory alone")))
            for _ in range(20):
                assert one.get("/readyz")[0] == 503
            began = time.monotonic()
            assert one.stop() == 0
            assert time.monotonic() - began < PATIENCE / 2
