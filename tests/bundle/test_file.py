"""The file is there whole, for its owner alone, or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pomhealth.bundle.file import WriteError, check, write


def test_it_is_for_its_owner_alone_whatever_the_mask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write(tmp_path / "x", b"data", force=False)
    finally:
        os.umask(before)
    assert (tmp_path / "x").stat().st_mode & 0o777 == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("function", ["check", "write"])
def test_what_is_there_stays_unless_it_is_told(tmp_path: Path, function: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(WriteError, match="is there already: --force replaces it"):
        check(path, force=False) if function == "check" else write(path, b"new", force=False)
    assert path.read_bytes() == b"old"
    check(path, force=True)
    write(path, b"new", force=True)
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["x"]


def test_a_link_that_leads_nowhere_is_there_too_and_never_followed(tmp_path: Path) -> None:
    (tmp_path / "x").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WriteError):
        write(tmp_path / "x", b"new", force=False)
    write(tmp_path / "x", b"new", force=True)
    assert not (tmp_path / "elsewhere").exists()
    assert not (tmp_path / "x").is_symlink()


def test_where_the_file_system_has_no_links_it_is_written_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("pomhealth.bundle.file.os.link", link)
    write(tmp_path / "x", b"data", force=False)
    with pytest.raises(WriteError):
        write(tmp_path / "x", b"more", force=False)
    assert (tmp_path / "x").read_bytes() == b"data"


def test_a_place_that_cannot_be_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="no such directory"):
        check(tmp_path / "no" / "x", force=False)
    with pytest.raises(WriteError, match="is a directory"):
        check(tmp_path, force=True)


def test_on_a_full_disk_nothing_is_left_behind(tmp_path: Path) -> None:
    """In a mount namespace of its own, on a file system of 64 KiB."""
    code = (
        "import pathlib, sys\n"
        "from pomhealth.bundle.file import WriteError, write\n"
        f"path = pathlib.Path({str(tmp_path)!r}) / 'x'\n"
        "try:\n"
        "    write(path, bytes(1 << 20), force=False)\n"
        "except WriteError as error:\n"
        "    print(error, [one.name for one in path.parent.iterdir()])\n"
    )
    inside = f'mount -t tmpfs -o size=64k none {tmp_path} && exec {sys.executable} -c "$CODE"'
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inside],
        env={**os.environ, "CODE": code},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this machine lets nobody mount")
    assert done.stdout == f"{tmp_path}/x: No space left on device []\n", done.stderr
