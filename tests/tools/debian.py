"""Debian's packages without root and without changing the machine: apt fetches them, dpkg unpacks them.

apt works with lists and a cache of its own, with the machine's sources and keys, and with what the machine has
installed, so that of the packages that are needed only those come that are not there.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FRESH = 3600.0  # seconds for which fetched lists are good enough
_UPDATE, _DOWNLOAD, _UNPACK = 120.0, 300.0, 60.0  # seconds that each step may take
_LOCKED = 600.0  # seconds for which another process may be fetching
_STATUS = Path("/var/lib/dpkg/status")
# What the machine does after it fetched lists is its own affair, and DEP-11 and translations are for people who browse.
_CONFIGURATION = """\
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg::Post-Invoke;
#clear Acquire::IndexTargets::deb::DEP-11;
#clear Acquire::IndexTargets::deb::DEP-11-icons;
Acquire::Languages "none";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
Acquire::Retries "2";
APT::Sandbox::User "{user}";
Debug::NoLocking "1";
Dir::State "{place}/state";
Dir::State::status "{status}";
Dir::Cache "{place}/cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Log "{place}";
"""


class Lacking(Exception):  # noqa: N818  (no error: a fact about this machine)
    """A package cannot be had here; the text says why."""


def alone(package: str, place: Path) -> Path:
    """The tree of one package without what it needs: for a static program. Raises Lacking."""
    return _tree(package, place, ("download", package))


def together(packages: tuple[str, ...], place: Path) -> Path:
    """The tree, named after the first, of packages and all that they need and the machine lacks. Raises Lacking."""
    options = ("--reinstall", "--download-only", "--no-install-recommends")
    return _tree(packages[0], place, ("install", *options, *packages))


def _tree(name: str, place: Path, order: tuple[str, ...]) -> Path:
    """The unpacked packages; whoever comes first fetches them, and the others wait for it."""
    tree = place / name
    if tree.exists():
        return tree
    if not _STATUS.exists():
        raise Lacking(
            f"there is no {name} on the PATH, and this machine is no Debian to fetch its package for"
        )
    if missing := [program for program in ("apt-get", "dpkg") if shutil.which(program) is None]:
        raise Lacking(
            f"there is no {name} on the PATH, and no {' and no '.join(missing)} to fetch its package by"
        )
    with _locked(place):
        if not tree.exists():
            _fetch(tree, place / "apt", order)
    return tree


def _fetch(tree: Path, apt: Path, order: tuple[str, ...]) -> None:
    archives = apt / "cache" / "archives"
    shutil.rmtree(archives, ignore_errors=True)
    for needed in (archives / "partial", apt / "state" / "lists" / "partial"):
        needed.mkdir(parents=True, exist_ok=True)
    configuration = apt / "apt.conf"
    user = "root" if os.geteuid() == 0 else "_apt"  # apt's own user may not look into this directory
    configuration.write_text(_CONFIGURATION.format(place=apt, status=_STATUS, user=user))
    call = ("apt-get", "--config-file", str(configuration), "--quiet", "--yes")
    updated = apt / "updated"
    if not updated.exists() or time.time() - updated.stat().st_mtime > _FRESH:
        _run((*call, "update"), _UPDATE, archives)
        updated.touch()
    _run((*call, *order), _DOWNLOAD, archives)
    half = tree.with_name(f"{tree.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    for package in sorted(archives.glob("*.deb")):
        _run(("dpkg", "-x", str(package), str(half)), _UNPACK, archives)
    shutil.rmtree(archives)
    half.rename(tree)


def _run(command: tuple[str, ...], seconds: float, where: Path) -> None:
    words = " ".join(word for word in command[:1] + command[3:] if not word.startswith("-"))
    try:
        done = subprocess.run(
            command,
            cwd=where,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Lacking(f"`{words}` did not end in {seconds:g} s") from None
    if done.returncode:
        said = " ".join(done.stderr.split()) or " ".join(done.stdout.split())
        raise Lacking(f"`{words}` failed: {said[-500:]}")


@contextmanager
def _locked(place: Path) -> Iterator[None]:
    place.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + _LOCKED
    with (place / "lock").open("w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise Lacking(f"another process holds {place / 'lock'} for {_LOCKED:g} s") from None
                time.sleep(0.2)
        yield
