"""Where history is kept, and what is wrong with a place that does not serve."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from pomhealth.history.file import Place, Trouble, place, prepare, refusal, set_aside
from pomhealth.settings import Settings

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acting as another user needs root")
_USUAL = Settings()
HOME = {"HOME": "/home/ann"}


def where(
    environment: Mapping[str, str],
    settings: Settings = _USUAL,
    user: int = 1000,
) -> str:
    return str(place(settings, environment, user).path)


def refused(at: Path, *, meant: bool = True) -> Trouble:
    with pytest.raises(Trouble) as caught:
        prepare(Place(at, meant))
    return caught.value


def test_the_settings_say_where_before_systemd_and_that_before_the_user() -> None:
    everything = {"STATE_DIRECTORY": "/var/lib/pomhealth:/other", "XDG_STATE_HOME": "/home/ann/state", **HOME}
    name = "history-127.0.0.1-28081.sqlite3"
    assert where(everything, Settings(state_dir="/data")) == f"/data/{name}"
    assert where(everything) == f"/var/lib/pomhealth/{name}"
    assert where({"XDG_STATE_HOME": "/home/ann/state", **HOME}) == f"/home/ann/state/pomhealth/{name}"
    assert where(HOME) == f"/home/ann/.local/state/pomhealth/{name}"
    assert where({}) == f"/var/lib/pomhealth/{name}"


def test_root_keeps_it_with_the_system_whoever_s_home_it_has() -> None:
    assert where(HOME, user=0).startswith("/var/lib/pomhealth/")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("0.0.0.0:9000", "history-0.0.0.0-9000.sqlite3"),
        ("[::1]:28081", "history-__1-28081.sqlite3"),
        ("../../etc:1", "history-.._.._etc-1.sqlite3"),
        (f"{'a' * 500}:1", f"history-{'a' * 100}-1.sqlite3"),
    ],
)
def test_two_agents_on_one_machine_have_a_file_each(address: str, name: str) -> None:
    assert place(Settings(listen=address), {}, 0).path.name == name
    assert place(Settings(), {}, 0, address).path.name == name


def test_directory_and_file_are_made_for_us_alone(tmp_path: Path) -> None:
    at = tmp_path / "state" / "pomhealth" / "history.sqlite3"
    prepare(Place(at, meant=False))
    assert stat.S_IMODE(at.stat().st_mode) == 0o600
    assert stat.S_IMODE(at.parent.stat().st_mode) == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    at = tmp_path / "history.sqlite3"
    at.touch(0o644)
    prepare(Place(at, meant=False))
    assert stat.S_IMODE(at.stat().st_mode) == 0o600


def test_a_symbolic_link_in_its_place_is_not_followed(tmp_path: Path) -> None:
    at = tmp_path / "history.sqlite3"
    at.symlink_to(tmp_path / "elsewhere")
    assert "symbolic link" in refused(at).why
    assert not (tmp_path / "elsewhere").exists()


def test_neither_a_directory_nor_a_pipe_in_its_place_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "b")
    assert "is no file" in refused(tmp_path / "a").why
    assert "is no file" in refused(tmp_path / "b").why


def test_a_file_with_a_second_name_is_left_alone(tmp_path: Path) -> None:
    at = tmp_path / "history.sqlite3"
    at.touch()
    os.link(at, tmp_path / "second")
    assert "has other names" in refused(at).why


@needs_root
def test_a_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, 4321, 4321)
    trouble = refused(theirs / "history.sqlite3")
    assert trouble.why == f"{theirs} belongs to the user 4321"
    assert f"chown 0 {theirs}" in trouble.cure
    assert list(theirs.iterdir()) == []


@needs_root
def test_a_file_of_somebody_else_is_refused(tmp_path: Path) -> None:
    at = tmp_path / "history.sqlite3"
    at.touch()
    os.chown(at, 4321, 4321)
    assert "belongs to the user 4321" in refused(at).why


@needs_root
def test_a_volume_of_root_s_into_which_we_may_write_serves() -> None:
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o777)
        code = (
            "import os, sys; from pathlib import Path; from pomhealth.history.file import Place, prepare;"
            "os.setgid(65532); os.setuid(65532); prepare(Place(Path(sys.argv[1]), True))"
        )
        at = Path(directory) / "history.sqlite3"
        subprocess.run([sys.executable, "-c", code, str(at)], check=True, timeout=30)
        assert (at.stat().st_uid, stat.S_IMODE(at.stat().st_mode)) == (65532, 0o600)


def test_a_file_in_the_place_of_the_directory_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert str(tmp_path / "state") in refused(tmp_path / "state" / "history.sqlite3").why


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM])
def test_that_the_usual_place_is_closed_is_only_worth_a_remark(number: int) -> None:
    error = OSError(number, os.strerror(number), "/var/lib/pomhealth")
    assert refusal(Place(Path("/var/lib/pomhealth/x"), meant=False), error).quiet
    assert not refusal(Place(Path("/var/lib/pomhealth/x"), meant=True), error).quiet


def test_a_full_disk_is_told_in_any_case() -> None:
    trouble = refusal(
        Place(Path("/x/y"), meant=False), OSError(errno.ENOSPC, "No space left on device", "/x")
    )
    assert (trouble.why, trouble.quiet) == ("/x: No space left on device", False)
    assert "free space" in trouble.cure


def test_of_damaged_files_the_newest_three_are_kept(tmp_path: Path) -> None:
    at = tmp_path / "history.sqlite3"
    for text in "abcde":
        at.write_text(text)
        (tmp_path / "history.sqlite3-wal").write_text("log")
        set_aside(at, 1_700_000_000.0 + ord(text))
    kept = sorted(tmp_path.iterdir())
    assert [one.read_text() for one in kept] == ["c", "d", "e"]
    assert kept[0].name == "history.sqlite3.damaged-20231114T221459.000000Z"
