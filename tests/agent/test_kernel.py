"""What the kernel tells at once: a process that ends, a file that changes."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pomhealth.agent.inotify import Directories
from pomhealth.agent.pidfds import Pidfds
from pomhealth.replica import processes
from pomhealth.replica.model import Process

PATIENCE = 10.0  # seconds


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def seen(child: subprocess.Popen[bytes]) -> Process:
    process = processes.process(child.pid)
    assert process is not None
    return process


async def test_the_end_of_a_watched_process_is_told_at_once(child: subprocess.Popen[bytes]) -> None:
    ended: asyncio.Queue[Process] = asyncio.Queue()
    pidfds = Pidfds(ended.put_nowait)
    pidfds.watch([seen(child)])
    child.kill()
    assert (await asyncio.wait_for(ended.get(), PATIENCE)).pid == child.pid
    pidfds.close()


async def test_a_process_that_is_not_watched_any_more_is_not_told_of(child: subprocess.Popen[bytes]) -> None:
    ended: asyncio.Queue[Process] = asyncio.Queue()
    pidfds = Pidfds(ended.put_nowait)
    process = seen(child)
    before = descriptors()
    pidfds.watch([process])
    pidfds.watch([])
    assert descriptors() == before
    child.kill()
    child.wait()
    await asyncio.sleep(0)
    assert ended.empty()


async def test_one_that_has_ended_already_or_was_replaced_is_no_trouble(
    child: subprocess.Popen[bytes],
) -> None:
    other = Process(child.pid, 1, 0, 0)
    child_process = seen(child)
    child.kill()
    child.wait()
    pidfds = Pidfds(lambda _: None)
    pidfds.watch([child_process, other])
    pidfds.close()


@pytest.mark.parametrize("change", ["write", "rename", "remove", "link"])
async def test_a_change_of_a_file_is_told_at_once(tmp_path: Path, change: str) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("a")
    (tmp_path / "new").write_text("b")
    told = asyncio.Event()
    directories = Directories(told.set)
    directories.open()
    directories.watch([str(tmp_path)])
    changes: dict[str, Callable[[], object]] = {
        "write": lambda: config.write_text("c"),
        "rename": lambda: (tmp_path / "new").replace(config),
        "remove": config.unlink,
        "link": lambda: (tmp_path / "..data").symlink_to("new"),
    }
    changes[change]()
    await asyncio.wait_for(told.wait(), PATIENCE)
    directories.close()


async def test_a_directory_that_is_not_there_or_not_watched_any_more_tells_nothing(tmp_path: Path) -> None:
    told = asyncio.Event()
    directories = Directories(told.set)
    directories.open()
    directories.watch([str(tmp_path), str(tmp_path / "nowhere")])
    directories.watch([])
    (tmp_path / "file").touch()
    await asyncio.sleep(0)
    assert not told.is_set()
    directories.close()
    directories.close()
