"""The keeper: memory and file together, beside a board that knows of neither."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pomhealth.agent import keeper as module
from pomhealth.agent.board import Board
from pomhealth.agent.keeper import Keeper
from pomhealth.history.model import Past
from pomhealth.history.strip import HOUR, strip
from pomhealth.replica.model import Process, Replica
from pomhealth.settings import Settings
from pomhealth.status import Finding, Gate, Outcome
from tests.agent.little import BAD, GOOD, Probe, check, plan, until
from tests.storage.mounts import fill, small_disk
from tests.stuck import stuck

REPLICA = Replica(main=Process(1, 1, 0, 0))
NAME = "history-127.0.0.1-28081.sqlite3"


class Clock:
    """A clock that the test moves."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Lines:
    """A log that keeps what is said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, dict[str, Any]]] = []

    def __getattr__(self, level: str) -> Callable[..., None]:
        return lambda event, **values: self.said.append((level, event, values))


class Agent:
    """A board and its keeper, as one run of the agent has them."""

    def __init__(self, directory: Path, clock: Clock, **settings: Any) -> None:
        self.clock = clock
        self.log: Any = Lines()
        self.settings = Settings(state_dir=str(directory), **settings)
        made = plan((check("root", gate=Gate.LIVE), Probe()), (check("below"), Probe()))
        self.board = Board(made, clock=clock)
        self.keeper = Keeper(self.board, lambda: self.log, {})

    async def start(self) -> Agent:
        await self.keeper.open(self.settings)
        self.board.found(REPLICA, another=True)
        return self

    def look(self, seconds: float, **findings: Finding) -> None:
        self.clock.now += seconds
        for id_, finding in findings.items():
            self.board.observe(id_, finding, at=self.clock.now)

    async def beat(self) -> None:
        """One beat, and all that it started."""
        self.keeper.beat()
        await self.keeper.idle()

    @property
    def told(self) -> list[tuple[str, str, str]]:
        return [(one.id, one.outcome.value, one.was) for one in self.board.history]


def files(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def outcomes(past: Past, id_: str) -> list[str]:
    return [turn.outcome.value for turn in past.turns.get(id_, ())]


async def test_what_happened_survives_a_clean_restart(tmp_path: Path) -> None:
    clock = Clock()
    one = await Agent(tmp_path, clock).start()
    one.look(1, root=GOOD, below=GOOD)
    one.look(60, root=BAD)
    one.look(5, root=GOOD)
    await one.keeper.close()
    clock.now += 600
    two = await Agent(tmp_path, clock).start()
    assert outcomes(two.keeper.past, "root") == ["pass", "fail", "pass"]
    assert two.told == one.told
    cells = strip(two.keeper.past, "root", HOUR, clock.now)
    assert [cell.outcome for cell in cells[-11:-1]].count(None) >= 8
    await two.keeper.close()


async def test_a_first_look_that_finds_what_was_so_before_is_no_change_in_the_history(tmp_path: Path) -> None:
    clock = Clock()
    one = await Agent(tmp_path, clock).start()
    one.look(1, root=BAD, below=GOOD)
    await one.keeper.close()
    two = await Agent(tmp_path, clock).start()
    two.look(100, root=BAD, below=GOOD)
    assert two.told == [("root", "fail", ""), ("below", "pass", "")]
    two.look(50, root=GOOD)
    assert two.told[-1] == ("root", "pass", "fail: refused")
    assert two.board.history[-1].lasted == 150
    await two.keeper.close()


async def test_what_turned_between_two_runs_is_told_with_what_it_was(tmp_path: Path) -> None:
    clock = Clock()
    one = await Agent(tmp_path, clock).start()
    one.look(1, root=GOOD, below=GOOD)
    await one.keeper.close()
    two = await Agent(tmp_path, clock).start()
    two.look(100, root=BAD, below=GOOD)
    assert two.told[2:] == [("root", "fail", "pass")]
    await two.keeper.close()
    three = await Agent(tmp_path, clock).start()
    three.look(1, root=BAD)
    assert three.told == two.told
    await three.keeper.close()


async def test_every_listener_hears_of_a_first_look_all_the_same(tmp_path: Path) -> None:
    clock = Clock()
    one = await Agent(tmp_path, clock).start()
    one.look(1, root=BAD)
    await one.keeper.close()
    two = await Agent(tmp_path, clock).start()
    heard: list[str] = []
    two.board.subscribe(lambda turned: heard.extend(change.was or "first look" for change in turned))
    two.look(1, root=BAD)
    assert heard == ["first look"]
    await two.keeper.close()


async def test_a_turn_is_in_the_file_after_the_next_beat(tmp_path: Path) -> None:
    one = await Agent(tmp_path, Clock()).start()
    one.look(1, root=GOOD)
    await one.beat()
    one.look(0.5, root=BAD)
    await one.beat()
    two = await Agent(tmp_path / "copy", one.clock).start()
    await two.keeper.close()
    for ending in ("", "-wal"):
        (tmp_path / "copy" / f"{NAME}{ending}").write_bytes((tmp_path / f"{NAME}{ending}").read_bytes())
    three = await Agent(tmp_path / "copy", one.clock).start()
    assert outcomes(three.keeper.past, "root") == ["pass", "fail"]
    await three.keeper.close()
    await one.keeper.close()


async def test_at_rest_nothing_is_written_between_the_notes_of_the_watch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await Agent(tmp_path, Clock()).start()
    one.look(1, root=GOOD, below=GOOD)
    await one.beat()
    size = (tmp_path / f"{NAME}-wal").stat().st_size
    for _ in range(20):
        one.look(1, root=GOOD)
        await one.beat()
    assert (tmp_path / f"{NAME}-wal").stat().st_size == size
    monkeypatch.setattr(module, "EVERY", 0.0)
    await one.beat()
    assert 0 < (tmp_path / f"{NAME}-wal").stat().st_size - size < 3000
    await one.keeper.close()


async def test_a_step_of_the_clock_moves_memory_and_file(tmp_path: Path) -> None:
    clock = Clock()
    one = await Agent(tmp_path, clock).start()
    one.look(1, root=GOOD)
    await one.beat()
    clock.now += 7200
    one.board.shift(7200)
    one.keeper.shift(7200)
    await one.beat()
    at = one.keeper.past.turns["root"][0].at
    assert at == 1_700_000_001.0 + 7200
    await one.keeper.close()
    two = await Agent(tmp_path, clock).start()
    assert two.keeper.past.turns["root"][0].at == at
    assert two.board.history[0].at == at
    await two.keeper.close()


async def test_a_time_in_which_the_agent_did_not_run_is_a_gap_in_memory_and_file(tmp_path: Path) -> None:
    clock = Clock()
    one = await Agent(tmp_path, clock).start()
    one.look(1, root=GOOD)
    clock.now += 1800
    one.keeper.away(1790.0)
    await one.beat()
    assert len(one.keeper.past.watches) == 2
    await one.keeper.close()
    two = await Agent(tmp_path, clock).start()
    first, second, _ = two.keeper.past.watches
    assert (first.end, second.begin) == (1_700_000_011.0, 1_700_001_801.0)
    assert outcomes(two.keeper.past, "root") == ["pass", "pass"]
    await two.keeper.close()


async def test_a_moment_away_is_no_gap(tmp_path: Path) -> None:
    one = await Agent(tmp_path, Clock()).start()
    one.keeper.away(3.0)
    assert len(one.keeper.past.watches) == 1
    await one.keeper.close()


async def test_switched_off_it_writes_nothing_and_remembers_all_the_same(tmp_path: Path) -> None:
    one = await Agent(tmp_path, Clock(), history=False).start()
    one.look(1, root=GOOD)
    one.look(1, root=BAD)
    await one.beat()
    await one.keeper.close()
    assert files(tmp_path) == []
    assert outcomes(one.keeper.past, "root") == ["pass", "fail"]
    assert (one.log.said, one.keeper.notice) == ([], "")


async def test_a_reload_switches_it_on_and_off(tmp_path: Path) -> None:
    one = await Agent(tmp_path, Clock(), history=False).start()
    one.look(1, root=BAD)
    await one.keeper.reload(Settings(state_dir=str(tmp_path)))
    await one.beat()
    one.look(1, root=GOOD)
    await one.keeper.reload(Settings(state_dir=str(tmp_path), history=False))
    one.look(1, root=BAD)
    await one.beat()
    two = await Agent(tmp_path, one.clock).start()
    assert outcomes(two.keeper.past, "root") == ["fail", "pass"]
    await two.keeper.close()


async def test_what_is_recalled_late_counts_as_if_it_had_been_known_from_the_start(tmp_path: Path) -> None:
    clock = Clock()
    one = await Agent(tmp_path, clock).start()
    one.look(1, root=BAD, below=BAD)
    await one.keeper.close()
    two = await Agent(tmp_path, clock, history=False).start()
    two.look(100, root=BAD, below=GOOD)
    assert two.told == [("root", "fail", ""), ("below", "pass", "")]
    await two.keeper.reload(Settings(state_dir=str(tmp_path)))
    await two.beat()
    two.look(50, root=GOOD, below=BAD)
    assert two.told[2:] == [
        ("below", "pass", "fail: refused"),
        ("root", "pass", "fail: refused"),
        ("below", "fail", "pass"),
    ]
    assert [change.lasted for change in two.board.history][2:] == [100, 150, 50]
    await two.keeper.close()


async def test_a_reload_to_another_directory_begins_there_with_all_as_it_is(tmp_path: Path) -> None:
    one = await Agent(tmp_path / "a", Clock()).start()
    one.look(1, root=BAD)
    await one.beat()
    await one.keeper.reload(Settings(state_dir=str(tmp_path / "b")))
    one.look(1, below=GOOD)
    await one.beat()
    await one.keeper.close()
    two = await Agent(tmp_path / "b", one.clock).start()
    assert outcomes(two.keeper.past, "root") == ["fail"]
    assert outcomes(two.keeper.past, "below") == ["pass"]
    await two.keeper.close()


async def test_a_second_agent_on_the_same_file_goes_on_with_memory_and_says_why_once(tmp_path: Path) -> None:
    clock = Clock()
    one = await Agent(tmp_path, clock).start()
    two = await Agent(tmp_path, clock).start()
    two.look(1, root=BAD)
    two.keeper._again = 0.0
    await two.beat()
    ((level, event, values),) = two.log.said
    assert (level, event) == ("warning", "what happened is kept in memory alone")
    assert values["why"] == f"another agent keeps its history in {tmp_path / NAME}"
    assert values["cure"] in two.keeper.notice
    assert outcomes(two.keeper.past, "root") == ["fail"]
    await one.keeper.close()
    two.keeper._again = 0.0
    await two.beat()
    assert two.log.said[-1][:2] == ("info", "what happened is kept in the file again")
    assert two.keeper.notice == ""
    await two.keeper.close()
    three = await Agent(tmp_path, clock).start()
    assert outcomes(three.keeper.past, "root") == ["fail"]
    await three.keeper.close()


async def test_a_damaged_file_is_said_in_the_log_and_the_notice(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"no database, and longer than the head of one is" * 10)
    one = await Agent(tmp_path, Clock()).start()
    ((level, event, values),) = one.log.said
    assert (level, event) == ("warning", "what happened before is lost")
    assert "damaged-20231114T" in values["why"]
    assert one.keeper.notice == values["why"]
    one.look(1, root=GOOD)
    await one.keeper.close()
    two = await Agent(tmp_path, one.clock).start()
    assert outcomes(two.keeper.past, "root") == ["pass"]
    assert two.log.said == []
    await two.keeper.close()


async def test_a_file_that_is_removed_while_the_agent_runs_is_begun_anew_at_once(tmp_path: Path) -> None:
    one = await Agent(tmp_path, Clock()).start()
    one.look(1, root=BAD, below=GOOD)
    await one.beat()
    for path in files(tmp_path):
        path.unlink()
    one.look(1, root=GOOD)
    await one.beat()
    await one.beat()
    await one.keeper.close()
    two = await Agent(tmp_path, one.clock).start()
    assert (outcomes(two.keeper.past, "root"), outcomes(two.keeper.past, "below")) == (["pass"], ["pass"])
    await two.keeper.close()


async def test_a_full_disk_is_told_once_and_what_waited_is_written_when_there_is_room(tmp_path: Path) -> None:
    with small_disk(tmp_path, "size=160k"):
        one = await Agent(tmp_path, Clock()).start()
        one.look(1, root=GOOD)
        await one.beat()
        fill(tmp_path / "ballast")
        for _ in range(300):
            one.look(1, root=BAD)
            one.look(1, root=GOOD)
            one.keeper._again = 0.0
            await one.beat()
        assert [said[0] for said in one.log.said] == ["warning"]
        assert "no space left" in one.keeper.notice.lower()
        (tmp_path / "ballast").unlink()
        one.keeper._again = 0.0
        await one.beat()
        assert one.keeper.notice == ""
        await one.keeper.close()
        two = await Agent(tmp_path, one.clock).start()
        assert outcomes(two.keeper.past, "root") == outcomes(one.keeper.past, "root")[-500:]
        await two.keeper.close()


async def test_where_too_much_waits_there_is_a_gap_and_nothing_false(tmp_path: Path) -> None:
    clock = Clock()
    one = await Agent(tmp_path, clock).start()
    one.look(1, root=BAD)
    await one.beat()
    one.keeper._again = float("inf")
    for _ in range(600):
        one.look(10, root=GOOD)
        one.look(10, root=BAD)
    one.look(10, root=GOOD)
    one.keeper._again = 0.0
    await one.beat()
    await one.keeper.close()
    two = await Agent(tmp_path, clock).start()
    first, second, _ = two.keeper.past.watches
    assert (first.end, second.begin) == (1_700_000_001.0, clock.now)
    assert outcomes(two.keeper.past, "root") == ["fail", "pass"]
    await two.keeper.close()


async def test_the_usual_place_that_is_closed_is_worth_a_remark_and_no_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    one = Agent(tmp_path, Clock())
    one.keeper._environment = {"XDG_STATE_HOME": "/proc/nowhere"}
    await one.keeper.open(Settings())
    assert [said[0] for said in one.log.said] == ["info"]
    assert one.keeper.notice == ""


async def test_a_file_system_that_never_answers_holds_up_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OPENING", 0.2)
    directory = tmp_path / "mount"
    directory.mkdir()
    with stuck(directory):
        one = Agent(directory / "state", Clock())
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                await asyncio.sleep(0.01)
                ticks += 1

        ticking = asyncio.ensure_future(tick())
        await one.start()
        one.look(1, root=BAD)
        assert outcomes(one.keeper.past, "root") == ["fail"]
        await until(lambda: bool(one.log.said))
        assert ticks > 20
        assert "does not answer" in one.keeper.notice
        await one.keeper.close()
        ticking.cancel()
    one = await Agent(directory / "state", Clock()).start()
    assert one.keeper.notice == ""
    await one.keeper.close()


async def test_a_file_system_that_answers_again_gets_all_that_happened_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "OPENING", 0.1)
    monkeypatch.setattr(module, "SOON", 0.0)
    directory = tmp_path / "mount"
    directory.mkdir()
    before = await Agent(directory, Clock()).start()
    before.look(1, root=GOOD)
    await before.keeper.close()
    clock = Clock(1_700_000_100.0)
    with stuck(directory):
        one = await Agent(directory, clock).start()
        one.look(1, root=BAD)
        await until(lambda: bool(one.log.said))

    def written() -> bool:
        one.keeper.beat()
        return one.keeper.notice == ""

    await until(written)
    assert outcomes(one.keeper.past, "root") == ["pass", "fail"]
    assert one.told == [("root", "pass", ""), ("root", "fail", "pass")]
    await one.keeper.close()
    two = await Agent(directory, clock).start()
    assert outcomes(two.keeper.past, "root") == ["pass", "fail"]
    assert two.told[-1] == ("root", "fail", "pass")
    assert strip(two.keeper.past, "root", HOUR, clock.now)[-1].outcome is Outcome.FAIL
    await two.keeper.close()


async def test_a_file_system_that_hangs_while_the_agent_runs_is_told_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SOON", 0.0)
    directory = tmp_path / "mount"
    directory.mkdir()
    clock = Clock()
    one = await Agent(directory, clock).start()
    one.look(1, root=GOOD)
    await one.beat()

    def told_again() -> bool:
        one.keeper.beat()
        return one.keeper._failed > 3

    def written() -> bool:
        one.keeper.beat()
        return one.keeper.notice == ""

    with stuck(directory):
        one.look(1, root=BAD)
        await until(told_again)
        assert [said[0] for said in one.log.said] == ["warning"]
        assert "does not answer" in one.keeper.notice
    one.look(1, root=GOOD)
    await until(written)
    await one.keeper.close()
    two = await Agent(directory, clock).start()
    assert outcomes(two.keeper.past, "root") == ["pass", "fail", "pass"]
    assert len(two.keeper.past.watches) == 2
    await two.keeper.close()
