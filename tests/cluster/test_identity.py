"""The replica's id on real files: it survives restarts, and a broken file costs no more than the id."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pomhealth.cluster.account.identity import Identity, Machine, beside, load, machine, mark_of, renew
from pomhealth.history.file import Place, place
from pomhealth.settings import Settings

HERE = Machine("0f5c1b52-93f5-4c1c-8a51-1b5a6f1f3a11", "one", "127.0.0.1:28081")
CLONE = Machine(HERE.id, "two", HERE.address)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting and acting as another user need root")


@pytest.fixture
def at(tmp_path: Path) -> Place:
    return Place(tmp_path / "state" / "identity-127.0.0.1-28081.json", meant=True)


@pytest.fixture
def full(tmp_path: Path) -> Iterator[Path]:
    """A directory on a file system that has no block left."""
    where = tmp_path / "full"
    where.mkdir(mode=0o700)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", where], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", where], check=True)


def fill(where: Path) -> Path:
    filler = where / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    return filler


def kept(at: Place) -> str:
    found = json.loads(at.path.read_text())["id"]
    assert isinstance(found, str)
    return found


def fresh(found: Identity, at: Place) -> bool:
    """Whether the id is a random one, and kept."""
    return uuid.UUID(found.id).version == 4 and found.kept == "" and kept(at) == found.id


def test_the_file_lies_beside_the_history_one_for_each_address() -> None:
    one = beside(place(Settings(state_dir="/data"), {}, 0, "[::1]:28081"))
    assert one == Place(Path("/data/identity-__1-28081.json"), meant=True)


def test_the_id_survives_a_restart(at: Place) -> None:
    first = load(at, HERE)
    assert fresh(first, at)
    assert load(at, HERE) == first


def test_the_file_is_for_us_alone(at: Place) -> None:
    load(at, HERE)
    assert stat.S_IMODE(at.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(at.path.parent.stat().st_mode) == 0o700


def test_a_clone_has_the_id_and_another_mark(at: Place) -> None:
    one, clone = load(at, HERE), load(at, CLONE)
    assert one.id == clone.id
    assert one.mark != clone.mark


def test_the_mark_stays_on_a_machine_and_says_nothing_of_it() -> None:
    assert mark_of(machine(HERE.address)) == mark_of(machine(HERE.address))
    assert mark_of(machine(HERE.address)) != mark_of(machine("127.0.0.1:28082"))
    assert HERE.host not in mark_of(HERE)


def test_a_clone_takes_a_fresh_id_for_good(at: Place) -> None:
    old = load(at, CLONE)
    new = renew(at, CLONE)
    assert new.id != old.id
    assert fresh(new, at)
    assert load(at, CLONE).id == new.id


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b"{", "holds no id"),
        (b'{"id": "x"}', "holds no id"),
        (b'{"id": 7}', "holds no id"),
        (b"[" * 4000, "holds no id"),
        (b"\xff\xfe\x00", "holds no id"),
        (b'{"id": "' + b"a" * 100_000, "is too long"),
    ],
)
def test_a_broken_file_is_told_of_and_replaced(at: Place, content: bytes, why: str) -> None:
    load(at, HERE)
    at.path.write_bytes(content)
    found = load(at, HERE)
    assert fresh(found, at)
    assert found.anew == f"{at.path} {why}: the replica has a fresh id"
    assert load(at, HERE).anew == ""


def test_a_link_or_a_pipe_in_its_place_is_replaced_and_not_followed(at: Place, tmp_path: Path) -> None:
    load(at, HERE)
    other = tmp_path / "other"
    other.write_text(json.dumps({"id": str(uuid.uuid4())}))
    at.path.unlink()
    at.path.symlink_to(other)
    before = other.read_text()
    assert fresh(load(at, HERE), at)
    assert other.read_text() == before
    at.path.unlink()
    os.mkfifo(at.path)
    assert fresh(load(at, HERE), at)


@needs_root
def test_a_file_of_another_user_is_not_believed(at: Place) -> None:
    old = load(at, HERE)
    os.chown(at.path, 4711, 4711)
    found = load(at, HERE)
    assert found.id != old.id
    assert found.anew == f"{at.path} belongs to the user 4711: the replica has a fresh id"


def test_what_a_kill_in_the_middle_left_changes_nothing(at: Place) -> None:
    old = load(at, HERE)
    left = at.path.with_name(f"{at.path.name}.new")
    left.write_text('{"id": "0f5c')
    assert load(at, HERE) == old
    assert fresh(renew(at, HERE), at)
    assert not left.exists()


def test_a_place_that_cannot_be_written_gives_an_id_that_stays_all_the_same(tmp_path: Path) -> None:
    tmp_path.joinpath("file").touch()
    at = Place(tmp_path / "file" / "identity.json", meant=True)
    one = load(at, HERE)
    assert "the replica's id cannot be kept" in one.kept
    assert "state_dir" in one.kept
    assert load(at, HERE) == one
    assert load(at, CLONE).id != one.id
    assert renew(at, HERE).id != one.id


@needs_root
def test_a_file_system_that_is_read_only_gives_the_id_that_is_kept_there(full: Path) -> None:
    at = Place(full / "identity.json", meant=True)
    old = load(at, HERE)
    subprocess.run(["mount", "-o", "remount,ro", full], check=True)
    assert load(at, HERE) == old
    new = renew(at, HERE)
    assert "Read-only file system" in new.kept
    assert new.id != old.id
    assert kept(at) == old.id


@needs_root
def test_on_a_full_file_system_the_old_id_is_not_lost(full: Path) -> None:
    at = Place(full / "identity.json", meant=True)
    old = load(at, HERE)
    filler = fill(full)
    new = renew(at, HERE)
    assert "free space" in new.kept
    assert load(at, HERE).id == old.id == kept(at)
    filler.unlink()
    assert fresh(renew(at, HERE), at)


@needs_root
def test_a_directory_of_another_user_is_not_used(tmp_path: Path) -> None:
    where = tmp_path / "theirs"
    where.mkdir()
    os.chown(where, 4711, 4711)
    found = load(Place(where / "identity.json", meant=True), HERE)
    assert f"{where}: it belongs to the user 4711" in found.kept
    assert list(where.iterdir()) == []


_KILLED = """
import os, sys
from pathlib import Path
from pomhealth.cluster.account import identity
from pomhealth.history.file import Place
def die(*_):
    os.kill(os.getpid(), 9)
os.fsync = die
identity.renew(Place(Path(sys.argv[1]), True), identity.machine("x:1"))
"""


def test_a_kill_before_the_new_id_is_on_disk_leaves_the_old_one(at: Place) -> None:
    old = load(at, HERE)
    ended = subprocess.run([sys.executable, "-c", _KILLED, at.path], check=False, timeout=30)
    assert ended.returncode == -9
    assert load(at, HERE) == old
