"""Blocking calls in threads: deadlines, errors, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from pathlib import Path

import pytest

from pomhealth.blocking import Workers
from pomhealth.reach import Silent
from pomhealth.touch import may_hang, place_of, touching
from tests.stuck import stuck


async def test_gives_the_result_and_raises_the_error_of_the_call() -> None:
    workers = Workers()
    assert await workers.call("one", lambda: 1, deadline=5) == 1
    with pytest.raises(ZeroDivisionError):
        await workers.call("one", lambda: 1 // 0, deadline=5)


async def test_calls_under_one_name_share_one_thread() -> None:
    workers = Workers()
    threads = {await workers.call("one", threading.get_ident, deadline=5) for _ in range(3)}
    assert len(threads) == 1


async def test_a_call_that_hangs_holds_up_its_own_name_alone_until_it_comes_back() -> None:
    workers, release = Workers(), threading.Event()
    with pytest.raises(Silent):
        await workers.call("stuck", release.wait, deadline=0.05)
    with pytest.raises(Silent, match="still not come back"):
        await workers.call("stuck", lambda: 1, deadline=5)
    assert await workers.call("other", lambda: 1, deadline=5) == 1
    release.set()
    assert await asyncio.wait_for(_as_soon_as_free(workers, "stuck"), 5) == 2


async def _as_soon_as_free(workers: Workers, name: str) -> int:
    while True:
        with contextlib.suppress(Silent):
            return await workers.call(name, lambda: 2, deadline=5)
        await asyncio.sleep(0.01)


async def test_its_threads_end_with_it() -> None:
    workers = Workers()
    thread = await workers.call("one", threading.current_thread, deadline=5)
    del workers
    gc.collect()
    await asyncio.get_running_loop().run_in_executor(None, thread.join, 5)
    assert not thread.is_alive()


async def test_a_call_that_hangs_at_a_file_is_made_again_without_it_and_its_thread_is_left(
    tmp_path: Path,
) -> None:
    release, told = threading.Event(), list[tuple[str, bool]]()
    workers = Workers(lambda place, answers: told.append((place, answers)))
    file = str(tmp_path / "file")
    asked = list[str]()

    def look() -> str:
        try:
            with touching(file):
                asked.append(file)
                release.wait()
        except TimeoutError:
            return "without it"
        return "with it"

    assert await workers.call("look", look, deadline=30) == "without it"
    assert await workers.call("look", look, deadline=30) == "without it"
    assert await workers.call("other", look, deadline=30) == "without it"
    assert asked == [file]
    assert told == [(str(tmp_path), False)]
    release.set()
    for _ in range(1000):
        if await workers.call("look", look, deadline=30) == "with it":
            break
        await asyncio.sleep(0.01)
    assert told[1:] == [(str(tmp_path), True)]


async def test_of_all_files_the_others_are_still_read(tmp_path: Path) -> None:
    release, workers = threading.Event(), Workers()
    hangs, fine = tmp_path / "hangs", tmp_path / "fine"

    def look() -> list[str]:
        seen = []
        for directory in (hangs, fine):
            with contextlib.suppress(TimeoutError), touching(str(directory / "file")):
                if directory == hangs:
                    release.wait()
                seen.append(directory.name)
        return seen

    assert await workers.call("look", look, deadline=30) == ["fine"]
    release.set()


def test_without_a_worker_a_touch_is_just_done(tmp_path: Path) -> None:
    with touching(str(tmp_path)):
        assert tmp_path.is_dir()


def test_a_mount_that_can_hang_is_one_place(tmp_path: Path) -> None:
    assert place_of(str(tmp_path / "a" / "file")) == str(tmp_path / "a")
    with stuck(tmp_path):
        assert place_of(str(tmp_path / "a" / "file")) == str(tmp_path)
        assert may_hang((str(tmp_path), str(tmp_path / "a"), str(tmp_path.parent))) == {
            str(tmp_path),
            str(tmp_path / "a"),
        }
    assert not may_hang((str(tmp_path),))
