"""The file in which history survives a restart."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from pomhealth.history import schema
from pomhealth.history.batch import Waiting
from pomhealth.history.database import Lost
from pomhealth.history.file import Place, Trouble
from pomhealth.history.model import Turn, Watch
from pomhealth.history.store import Opened, Store
from pomhealth.status import Change, Outcome
from tests.storage.mounts import fill, read_only, small_disk

NOW = 1_700_000_000.0
PASS, FAIL = Outcome.PASS, Outcome.FAIL


@pytest.fixture
def at(tmp_path: Path) -> Place:
    return Place(tmp_path / "state" / "history.sqlite3", meant=True)


class Run:
    """A run of the agent, as the file sees it."""

    def __init__(self, place: Place, now: float) -> None:
        self.store = Store(place)
        self.opened: Opened = self.store.open(now)
        self.waiting = Waiting(now)
        self.waiting.begin(now)

    def write(self, now: float, *turns: Turn, changes: tuple[Change, ...] = ()) -> None:
        self.waiting.turned(turns)
        self.waiting.changed(changes)
        batch = self.waiting.batch(now)
        self.store.write(batch, now)
        self.waiting.written(batch)


@pytest.fixture
def run(at: Place) -> Iterator[Run]:
    made = Run(at, NOW)
    yield made
    made.store.close()


def turn(at: float, outcome: Outcome = PASS, id_: str = "envoy", cause: str = "") -> Turn:
    return Turn(at, id_, outcome, cause, "in words")


def change(at: float, id_: str = "envoy") -> Change:
    return Change(at, id_, FAIL, "refused", "in words", "pass", 12.5, ("below", "further"))


def again(at: Place, now: float) -> Opened:
    store = Store(at)
    try:
        return store.open(now)
    finally:
        store.close()


def test_a_new_file_is_empty(run: Run) -> None:
    assert (run.opened.kept.past.turns, run.opened.kept.changes, run.opened.damaged) == ({}, (), "")


def test_what_was_written_is_there_again(run: Run, at: Place) -> None:
    run.write(NOW + 5, turn(NOW + 1), turn(NOW + 2, FAIL, cause="refused"), changes=(change(NOW + 2),))
    run.store.close()
    kept = again(at, NOW + 60).kept
    assert kept.past.turns == {"envoy": (turn(NOW + 1), turn(NOW + 2, FAIL, cause="refused"))}
    assert kept.past.watches == (Watch(NOW, NOW + 5),)
    assert kept.changes == (change(NOW + 2),)
    assert {id_: (told.outcome, told.cause, told.since) for id_, told in kept.told.items()} == {
        "envoy": (FAIL, "refused", NOW + 2)
    }


def test_what_is_written_twice_is_there_once(run: Run, at: Place) -> None:
    run.waiting.turned((turn(NOW + 1),))
    batch = run.waiting.batch(NOW + 2)
    run.store.write(batch, NOW + 2)
    run.store.write(batch, NOW + 2)
    run.store.close()
    assert len(again(at, NOW + 3).kept.past.turns["envoy"]) == 1


def test_a_watch_grows_with_every_write(run: Run, at: Place) -> None:
    run.write(NOW + 60, turn(NOW + 1))
    run.write(NOW + 120)
    run.store.close()
    assert again(at, NOW + 200).kept.past.watches == (Watch(NOW, NOW + 120),)


def test_each_run_has_a_watch_of_its_own(run: Run, at: Place) -> None:
    run.write(NOW + 60, turn(NOW + 1))
    run.store.close()
    second = Run(at, NOW + 100)
    second.write(NOW + 160, turn(NOW + 101))
    second.store.close()
    kept = again(at, NOW + 200).kept
    assert kept.past.watches == (Watch(NOW, NOW + 60), Watch(NOW + 100, NOW + 160))
    assert [one.at for one in kept.past.turns["envoy"]] == [NOW + 1, NOW + 101]


def test_a_step_of_the_clock_moves_what_this_run_has_written(run: Run, at: Place) -> None:
    run.write(NOW + 10, turn(NOW + 1))
    run.waiting.origin += 3600
    run.write(NOW + 3620, turn(NOW + 3611, FAIL))
    run.store.close()
    kept = again(at, NOW + 4000).kept
    assert [one.at for one in kept.past.turns["envoy"]] == [NOW + 3601, NOW + 3611]
    assert kept.past.watches == (Watch(NOW + 3600, NOW + 3620),)


def test_what_lies_ahead_since_the_clock_was_set_back_between_two_runs_moves_back(
    run: Run, at: Place
) -> None:
    run.write(NOW + 100, turn(NOW + 10), changes=(change(NOW + 10),))
    run.store.close()
    kept = again(at, NOW - 5000).kept
    assert kept.past.watches == (Watch(NOW - 5100, NOW - 5000),)
    assert kept.past.turns["envoy"][0].at == kept.changes[0].at == NOW - 5090


def test_only_the_last_day_comes_back_with_the_state_that_it_began_in(run: Run, at: Place) -> None:
    day = 86400
    run.write(NOW + 50, turn(NOW + 1), turn(NOW + 2, FAIL), turn(NOW + 3), turn(NOW + 4, id_="calm"))
    run.write(NOW + day + 100, turn(NOW + day + 60, FAIL))
    run.store.close()
    turns = again(at, NOW + day + 100).kept.past.turns
    assert [one.at for one in turns["envoy"]] == [NOW + 3, NOW + day + 60]
    assert [one.at for one in turns["calm"]] == [NOW + 4]


def test_a_run_that_ended_before_the_last_day_does_not_come_back(run: Run, at: Place) -> None:
    run.write(NOW + 50, turn(NOW + 1), changes=(change(NOW + 1),))
    run.store.close()
    kept = again(at, NOW + 2 * 86400).kept
    assert (kept.past.turns, kept.past.watches, len(kept.changes)) == ({}, (), 1)


def test_what_is_older_than_a_month_goes_but_for_the_state_of_each_check(run: Run, at: Place) -> None:
    month = 31 * 86400
    run.write(NOW + 5, turn(NOW + 1), turn(NOW + 2, FAIL), turn(NOW + 3, id_="calm"))
    run.write(NOW + month, turn(NOW + month))
    run.store.close()
    with closing(sqlite3.connect(at.path)) as file:
        assert file.execute("SELECT id, at FROM turns").fetchall() == [("calm", 3.0), ("envoy", month)]


def test_two_hundred_thousand_turns_do_not_make_it_larger_than_its_bound(run: Run, at: Place) -> None:
    largest = 0
    words = "a summary of usual length, as it stands in a line: connection refused at 127.0.0.1:9901"
    run.write(NOW, Turn(NOW, "calm", PASS, "", words))
    for first in range(0, 200_000, 1000):
        turns = [
            Turn(NOW + n, f"check.{n % 40}", FAIL if n % 2 else PASS, "refused", words)
            for n in range(first, first + 1000)
        ]
        run.write(NOW + first + 1000, *turns)
        largest = max(largest, sum(one.stat().st_size for one in at.path.parent.iterdir()))
    assert largest <= 8 * 1024 * 1024
    run.store.close()
    turns_kept = again(at, NOW + 200_000).kept.past.turns
    assert turns_kept["check.39"][-1].at == NOW + 199_999
    with closing(sqlite3.connect(at.path)) as file:
        assert file.execute("SELECT count(*) FROM turns WHERE id = 'calm'").fetchone() == (1,)


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b"this is no database at all, but text of some length" * 40),
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(path.read_bytes()[:1000]),
        lambda path: path.write_bytes(
            b"".join((path.read_bytes()[:2048], os.urandom(6000), path.read_bytes()[8048:]))
        ),
    ],
    ids=["no database", "half of it", "less than a page", "noise in the middle"],
)
def test_a_damaged_file_is_set_aside_and_a_new_one_begun(run: Run, at: Place, damage: object) -> None:
    run.write(NOW + 5, *(turn(NOW + n, id_=f"check.{n}") for n in range(200)))
    run.store.close()
    damage(at.path)  # type: ignore[operator]
    second = Run(at, NOW + 60)
    second.write(NOW + 61, turn(NOW + 60))
    second.store.close()
    (aside,) = at.path.parent.glob("*.damaged-*")
    assert aside.name in second.opened.damaged
    assert second.opened.kept.past.turns == {}
    assert list(again(at, NOW + 90).kept.past.turns) == ["envoy"]


def test_a_database_of_something_else_is_set_aside(at: Place) -> None:
    at.path.parent.mkdir()
    with closing(sqlite3.connect(at.path)) as file:
        file.execute("CREATE TABLE notes (text)")
    assert "a database of something else" in again(at, NOW).damaged


@pytest.mark.parametrize(
    "spoil",
    [
        "UPDATE turns SET outcome = 'splendid'",
        "UPDATE turns SET at = 'noon'",
        "UPDATE turns SET at = 9e999",
        "UPDATE turns SET id = x'ff'",
        "UPDATE turns SET id = CAST(x'ff' AS TEXT)",
        "UPDATE changes SET followers = '{'",
        "UPDATE changes SET followers = '7'",
        "DROP TABLE changes",
        "ALTER TABLE turns RENAME COLUMN cause TO reason",
    ],
)
def test_a_file_whose_content_makes_no_sense_is_set_aside(run: Run, at: Place, spoil: str) -> None:
    run.write(NOW + 5, turn(NOW + 1), changes=(change(NOW + 2),))
    run.store.close()
    with closing(sqlite3.connect(at.path)) as file:
        file.execute(spoil)
        file.commit()
    assert "was damaged" in again(at, NOW + 60).damaged


def test_an_empty_file_is_as_good_as_none(at: Place) -> None:
    at.path.parent.mkdir()
    at.path.touch()
    assert again(at, NOW).damaged == ""


def test_a_file_of_a_newer_version_is_left_as_it_is(run: Run, at: Place) -> None:
    run.write(NOW + 5, turn(NOW + 1))
    run.store.close()
    with closing(sqlite3.connect(at.path)) as file:
        file.execute("PRAGMA user_version = 7")
    with pytest.raises(Trouble, match=r"newer pomhealth.*format is 7"):
        again(at, NOW + 60)
    with closing(sqlite3.connect(at.path)) as file:
        assert file.execute("SELECT count(*) FROM turns").fetchone() == (1,)


def test_a_file_of_an_older_version_is_brought_to_the_newest(
    run: Run, at: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.write(NOW + 5, turn(NOW + 1))
    run.store.close()
    newer = (*schema.STEPS, "ALTER TABLE runs ADD COLUMN version TEXT NOT NULL DEFAULT 'old'")
    monkeypatch.setattr(schema, "STEPS", newer)
    assert list(again(at, NOW + 60).kept.past.turns) == ["envoy"]
    with closing(sqlite3.connect(at.path)) as file:
        assert file.execute("SELECT version FROM runs").fetchall() == [("old",)]
        assert file.execute("PRAGMA user_version").fetchone() == (2,)


def test_a_second_agent_on_the_same_file_is_told_so(run: Run, at: Place) -> None:
    run.write(NOW + 5, turn(NOW + 1))
    with pytest.raises(Trouble) as caught:
        again(at, NOW)
    assert caught.value.why == f"another agent keeps its history in {at.path}"
    assert "its own address" in caught.value.cure
    run.write(NOW + 10, turn(NOW + 6, FAIL))


def test_a_second_agent_is_told_so_before_the_first_has_written_anything(run: Run, at: Place) -> None:
    del run
    with pytest.raises(Trouble, match="another agent"):
        again(at, NOW)


def test_a_file_that_was_removed_is_begun_anew(run: Run, at: Place) -> None:
    run.write(NOW + 5, turn(NOW + 1))
    for one in at.path.parent.iterdir():
        one.unlink()
    with pytest.raises(Lost):
        run.write(NOW + 10, turn(NOW + 6, FAIL))
    assert run.store.open(NOW + 11).anew
    run.write(NOW + 12)
    run.store.close()
    assert [one.outcome for one in again(at, NOW + 20).kept.past.turns["envoy"]] == [FAIL]


def test_a_full_disk_keeps_what_was_written_before(at: Place) -> None:
    at.path.parent.mkdir()
    with small_disk(at.path.parent, "size=128k"):
        run = Run(at, NOW)
        run.write(NOW + 5, turn(NOW + 1))
        fill(at.path.parent / "ballast")
        many = [turn(NOW + 6, id_=f"check.{n}") for n in range(2000)]
        with pytest.raises(Trouble) as caught:
            run.store.write(replace(run.waiting.batch(NOW + 10), turns=tuple(enumerate(many, 100))), NOW + 10)
        assert "no space left" in caught.value.why
        assert "free space" in caught.value.cure
        (at.path.parent / "ballast").unlink()
        assert not run.store.open(NOW + 20).anew
        run.write(NOW + 21, turn(NOW + 20, FAIL))
        run.store.close()
        kept = again(at, NOW + 30).kept.past
        assert [one.outcome for one in kept.turns["envoy"]] == [PASS, FAIL]
        assert kept.watches == (Watch(NOW, NOW + 21),)


def test_a_disk_that_is_full_from_the_start_is_said_so(at: Place) -> None:
    at.path.parent.mkdir()
    with small_disk(at.path.parent, "size=64k"):
        fill(at.path.parent / "ballast")
        with pytest.raises(Trouble, match=r"[Nn]o space left"):
            again(at, NOW)


def test_a_read_only_directory_is_said_so(at: Place) -> None:
    at.path.parent.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    with read_only(at.path.parent), pytest.raises(Trouble) as caught:
        again(at, NOW)
    assert "Read-only file system" in caught.value.why


def test_a_file_that_became_read_only_is_said_so(run: Run, at: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system needs root")
    run.write(NOW + 5, turn(NOW + 1))
    run.store.close()
    with read_only(at.path.parent), pytest.raises(Trouble) as caught:
        again(at, NOW)
    assert str(at.path) in caught.value.why


def test_words_that_are_no_text_are_kept_as_well_as_can_be(run: Run, at: Place) -> None:
    odd = Turn(NOW + 1, "odd\udcff", FAIL, "", "\udc80 \x00 \u202e <b>")
    run.write(NOW + 5, odd)
    run.store.close()
    assert again(at, NOW + 6).kept.past.turns["odd?"][0].summary == "? \x00 \u202e <b>"
