"""What the kernel tells at once: a process that ends, a file that changes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from pomhealth.agent.inotify import Directories
from pomhealth.agent.mounts import Mounts
from pomhealth.agent.pidfds import Pidfds
from pomhealth.replica import processes
from pomhealth.replica.model import Process

PATIENCE = 10.0  # seconds
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount and make namespaces")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def queue() -> int:
    """How many events the kernel keeps for one listener."""
    return int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())


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


@as_root
async def test_the_end_of_a_process_in_another_pid_namespace_is_told() -> None:
    ended: asyncio.Queue[Process] = asyncio.Queue()
    pidfds = Pidfds(ended.put_nowait)
    outside = await asyncio.create_subprocess_exec(
        "unshare",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        "echo; exec sleep 60",
        stdout=subprocess.PIPE,
    )
    assert outside.stdout is not None
    await outside.stdout.readline()
    process = processes.process(child_of(outside.pid))
    assert process is not None
    pidfds.watch([process])
    os.kill(process.pid, signal.SIGKILL)
    assert await asyncio.wait_for(ended.get(), PATIENCE) == process
    pidfds.close()
    await outside.wait()


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


class Listening:
    """Watched directories, and what they told."""

    def __init__(self, *paths: Path) -> None:
        self.told = asyncio.Event()
        self.directories = Directories(self.told.set)
        self.directories.open()
        self.directories.watch([str(path) for path in paths])

    def whole(self) -> bool:
        return self.directories.whole

    async def hears(self) -> frozenset[str]:
        """The directories told of, once there is one."""
        await asyncio.wait_for(self.told.wait(), PATIENCE)
        self.told.clear()
        return self.directories.take()


@pytest.fixture
async def listening() -> AsyncIterator[Callable[..., Listening]]:
    made: list[Listening] = []

    def listen(*paths: Path) -> Listening:
        made.append(Listening(*paths))
        return made[-1]

    yield listen
    for one in made:
        one.directories.close()


async def test_the_renaming_of_a_directory_above_is_told(
    tmp_path: Path, listening: Callable[..., Listening]
) -> None:
    below = tmp_path / "a" / "b" / "c"
    below.mkdir(parents=True)
    heard = listening(below)
    (tmp_path / "a").rename(tmp_path / "other")
    assert await heard.hears() == {str(below)}


async def test_what_else_stands_beside_the_way_to_a_directory_tells_nothing(
    tmp_path: Path, listening: Callable[..., Listening]
) -> None:
    below = tmp_path / "a"
    below.mkdir()
    heard = listening(below)
    (tmp_path / "other").touch()
    (tmp_path / "other").chmod(0o600)
    below.parent.chmod(0o755)
    assert await heard.hears() == {str(below)}
    (tmp_path / "other").chmod(0o644)
    for _ in range(3):
        await asyncio.sleep(0)
    assert not heard.told.is_set()


async def test_a_directory_that_is_not_there_is_waited_for_step_by_step(
    tmp_path: Path, listening: Callable[..., Listening]
) -> None:
    below = tmp_path / "a" / "b"
    heard = listening(below)
    assert not heard.whole()
    (tmp_path / "a").mkdir()
    assert await heard.hears() == {str(below)}
    heard.directories.renew()
    below.mkdir()
    assert await heard.hears() == {str(below)}
    heard.directories.renew()
    assert heard.whole()
    (below / "file").touch()
    assert await heard.hears() == {str(below)}


async def test_a_watch_that_the_kernel_has_taken_away_is_asked_for_anew(
    tmp_path: Path, listening: Callable[..., Listening]
) -> None:
    below = tmp_path / "a"
    below.mkdir()
    heard = listening(below)
    assert heard.whole()
    below.rmdir()
    below.mkdir()
    assert await heard.hears() == {str(below)}
    assert not heard.whole()
    heard.directories.renew()
    assert heard.whole()
    (below / "file").touch()
    assert await heard.hears() == {str(below)}


async def test_more_changes_than_the_kernel_keeps_may_have_been_anywhere(
    tmp_path: Path, listening: Callable[..., Listening]
) -> None:
    busy, quiet = tmp_path / "busy", tmp_path / "quiet"
    busy.mkdir()
    quiet.mkdir()
    heard = listening(busy, quiet)
    for number in range(queue() // 2 + 1):  # each is made and removed, and nobody reads meanwhile
        name = busy / str(number)
        name.mkdir()
        name.rmdir()
    assert await heard.hears() == {str(busy), str(quiet)}


@as_root
async def test_a_mount_is_told_once_and_nothing_while_there_is_none(tmp_path: Path) -> None:
    told: asyncio.Queue[None] = asyncio.Queue()
    mounts = Mounts(lambda: told.put_nowait(None))
    before = descriptors()
    mounts.watch(None)
    for command in (
        ("mount", "-t", "tmpfs", "tmpfs", str(tmp_path)),
        ("mount", "-o", "remount,ro", str(tmp_path)),
        ("umount", str(tmp_path)),
    ):
        assert told.empty()
        process = await asyncio.create_subprocess_exec(*command)
        await asyncio.wait_for(told.get(), PATIENCE)
        assert await process.wait() == 0
    mounts.close()
    assert descriptors() == before


async def test_the_mounts_of_a_process_that_is_gone_are_our_own(child: subprocess.Popen[bytes]) -> None:
    child.kill()
    child.wait()
    before = descriptors()
    mounts = Mounts(lambda: None)
    mounts.watch(child.pid)
    assert descriptors() > before
    mounts.close()
    mounts.close()
    assert descriptors() == before
