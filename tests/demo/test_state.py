"""The demo's state directory is one demo's at a time, and what a killed one left is removed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pomhealth.demo import binaries, mounts, state
from pomhealth.demo.errors import DemoError
from pomhealth.demo.state import State


@pytest.fixture
def place() -> Iterator[Path]:
    """A path with a short name where nothing is yet."""
    with tempfile.TemporaryDirectory(prefix="pomhealth-") as parent:
        yield Path(parent) / "state"


def test_the_directory_is_one_a_user_unless_the_environment_says_otherwise(tmp_path: Path) -> None:
    assert state.directory({}).name == f"pomhealth-demo-{os.getuid()}"
    assert state.directory({"POMHEALTH_DEMO_DIR": str(tmp_path)}) == tmp_path


def test_a_second_demo_is_refused_by_the_first_ones_pid(place: Path) -> None:
    first = State(place)
    first.claim()
    with pytest.raises(DemoError, match=rf"a demo runs already \(pid {os.getpid()}, in "):
        State(place).claim()
    first.release()
    assert not place.exists()


def test_what_a_killed_demo_left_is_removed(place: Path) -> None:
    (place / "cache" / "pomerium").mkdir(parents=True)
    (place / "lock").touch()
    with subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"],
        cwd=place,
        stdout=subprocess.PIPE,
    ) as left:
        assert left.stdout is not None
        left.stdout.readline()
        psutil.Process(left.pid).suspend()
        if os.geteuid() == 0:
            mounts.make_read_only(place / "cache" / "pomerium")
        claimed = State(place)
        claimed.claim()
        assert not psutil.pid_exists(left.pid)
    assert [path.name for path in place.iterdir()] == ["lock"]
    claimed.release()


def test_a_directory_that_is_no_demos_is_left_alone(place: Path) -> None:
    place.mkdir()
    (place / "letters").touch()
    with pytest.raises(DemoError, match="is not a demo's directory"):
        State(place).claim()
    assert (place / "letters").exists()


def test_a_path_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="too long for sockets"):
        State(tmp_path / ("x" * 90)).claim()


def test_a_read_only_directory_refuses_writes_and_can_be_put_back(place: Path) -> None:
    place.mkdir()
    mounts.make_read_only(place)
    try:
        with pytest.raises(OSError, match=r"Read-only|Permission denied"):
            (place / "new").touch()
    finally:
        mounts.make_writable(place)
    (place / "new").touch()


def test_a_package_that_is_not_installed_is_named_with_the_command_that_installs_it() -> None:
    with pytest.raises(
        DemoError, match=r"needs a thing, .*; install it with: pip install 'pomhealth\[demo\]'"
    ):
        binaries.package("no_such_package_anywhere", "a thing")
