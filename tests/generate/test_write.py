"""Files that are written: all of them or none, over nobody else's, and again without a change."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pomhealth.demo.errors import DemoError
from pomhealth.demo.mounts import make_read_only, make_writable, move_to_small_disk
from pomhealth.generate.render import File
from pomhealth.generate.write import Fate, WriteError, write

FILES = (File("a.service", "one\n"), File("b.service.d/pomhealth.conf", "größe\n"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "units"


def below(directory: Path) -> dict[str, str]:
    """Every file there is, hidden ones too."""
    return {
        str(path.relative_to(directory)): path.read_text() for path in directory.rglob("*") if path.is_file()
    }


def fates(directory: Path, *, force: bool = False) -> list[tuple[str, Fate]]:
    return [(str(one.path.relative_to(directory)), one.fate) for one in write(directory, FILES, force=force)]


WHOLE = {"a.service": "one\n", "b.service.d/pomhealth.conf": "größe\n"}


def test_the_directory_and_those_below_it_are_made_and_everybody_may_read_the_files(place: Path) -> None:
    before = os.umask(0o077)
    try:
        assert fates(place) == [("a.service", Fate.NEW), ("b.service.d/pomhealth.conf", Fate.NEW)]
    finally:
        os.umask(before)
    assert below(place) == WHOLE
    assert {stat.S_IMODE((place / path).stat().st_mode) for path in WHOLE} == {0o644}


def test_a_second_time_nothing_is_touched(place: Path) -> None:
    write(place, FILES, force=False)
    before = [(place / path).stat().st_mtime_ns for path in WHOLE]
    for force in (False, True):
        assert {fate for _, fate in fates(place, force=force)} == {Fate.SAME}
    assert [(place / path).stat().st_mtime_ns for path in WHOLE] == before


def test_where_one_differs_nothing_is_written_without_force(place: Path) -> None:
    place.mkdir()
    (place / "a.service").write_text("somebody's\n")
    assert fates(place) == [("a.service", Fate.DIFFERS)]
    assert below(place) == {"a.service": "somebody's\n"}


def test_what_is_unchanged_is_told_beside_what_differs(place: Path) -> None:
    write(place, FILES, force=False)
    (place / "a.service").write_text("somebody's\n")
    assert fates(place) == [("a.service", Fate.DIFFERS), ("b.service.d/pomhealth.conf", Fate.SAME)]


def test_with_force_only_what_differs_is_replaced(place: Path) -> None:
    write(place, FILES, force=False)
    (place / "a.service").write_text("somebody's\n")
    assert fates(place, force=True) == [
        ("a.service", Fate.REPLACED),
        ("b.service.d/pomhealth.conf", Fate.SAME),
    ]
    assert below(place) == WHOLE


@pytest.mark.parametrize("target", [os.devnull, "nowhere"])
def test_a_link_is_somebodys_and_what_it_leads_to_stays(place: Path, target: str) -> None:
    """A masked unit is a link to /dev/null."""
    place.mkdir()
    (place / "a.service").symlink_to(target)

    assert fates(place) == [("a.service", Fate.DIFFERS)]
    assert fates(place, force=True)[0] == ("a.service", Fate.REPLACED)

    assert below(place) == WHOLE
    assert not (place / "a.service").is_symlink()
    assert not (place / "nowhere").exists()


def test_a_link_to_the_same_text_is_left_as_it_is(place: Path) -> None:
    place.mkdir()
    (place / "elsewhere").write_text("one\n")
    (place / "a.service").symlink_to("elsewhere")
    assert fates(place)[0] == ("a.service", Fate.SAME)
    assert (place / "a.service").is_symlink()


def refusal(directory: Path, *, force: bool = False) -> str:
    with pytest.raises(WriteError) as told:
        write(directory, FILES, force=force)
    return str(told.value)


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_file_is_never_replaced(place: Path, force: bool) -> None:
    (place / "a.service").mkdir(parents=True)
    assert refusal(place, force=force) == f"{place}/a.service: not a regular file"
    (place / "a.service").rmdir()
    os.mkfifo(place / "a.service")
    assert refusal(place, force=force) == f"{place}/a.service: not a regular file"


def test_a_file_where_a_directory_should_be_is_named(place: Path) -> None:
    place.write_text("")
    assert refusal(place) == f"{place} is a file, and a directory is needed there"
    assert refusal(place / "below") == f"{place} is a file, and a directory is needed there"
    place.unlink()
    place.mkdir()
    (place / "b.service.d").write_text("")
    assert refusal(place) == f"{place}/b.service.d is a file, and a directory is needed there"
    assert below(place) == {"b.service.d": ""}


def test_only_the_last_directory_is_made(place: Path) -> None:
    """A path with a slip of the pen makes no tree."""
    assert refusal(place / "two" / "three") == f"{place}: no such directory"
    assert not place.exists()


@pytest.fixture
def held(place: Path) -> Iterator[Path]:
    """A directory that may be mounted upon."""
    place.mkdir()
    try:
        yield place
    finally:
        make_writable(place)


def test_a_directory_that_may_not_be_written_is_told(held: Path) -> None:
    make_read_only(held)
    assert re.fullmatch(f"{held}/a.service: (Read-only file system|Permission denied)", refusal(held))


@pytest.mark.skipif(os.geteuid() != 0, reason="a small disk is mounted by root alone")
def test_a_full_disk_changes_nothing_and_is_told(held: Path) -> None:
    write(held, FILES, force=False)
    try:
        move_to_small_disk(held, "64k")
    except DemoError as error:
        pytest.skip(str(error))
    long = (File("a.service", "new\n"), File("b.service.d/pomhealth.conf", "x" * 100_000))

    with pytest.raises(WriteError) as told:
        write(held, long, force=True)

    assert str(told.value) == f"{held}/b.service.d/pomhealth.conf: No space left on device"
    assert below(held) == WHOLE
