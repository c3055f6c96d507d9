"""Asks systemd and the kernel about units. Blocking, a few milliseconds."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from pomhealth.status import Unobservable
from pomhealth.systemd.place import Home, home
from pomhealth.systemd.unit import PROPERTIES, Setting, Unit, read_file, read_show, unit_of

_DEADLINE = 2.0  # seconds
_BOOTED = Path("/run/systemd/system")  # there where systemd is the machine's init (sd_booted(3))
_LARGEST = 256 * 1024  # bytes of a unit file


def booted() -> bool:
    """Whether systemd runs this machine, or this container."""
    return _BOOTED.is_dir()


def home_of(pid: int) -> Home:
    """Where a process lives; nowhere once it has ended."""
    return home(_text(Path(f"/proc/{pid}/cgroup")), _text(Path("/proc/1/cgroup")))


def units(*names: str) -> tuple[Unit, ...]:
    """These units, each with the lines of its files where they can be read. Raises Unobservable."""
    return tuple(unit_of(shown, _lines(unit_of(shown))) for shown in read_show(_show(names)))


def _show(names: tuple[str, ...]) -> str:
    about = " and ".join(names)
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        raise Unobservable(f"systemd cannot be asked about {about}", "there is no systemctl here")
    wanted = f"--property={','.join(PROPERTIES)}"
    try:
        done = subprocess.run(  # noqa: S603  (no shell; the names are units')
            [systemctl, "show", "--no-pager", wanted, "--", *names],
            env={"LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        lack = f"`systemctl show` did not end within {_DEADLINE:g} s"
        raise Unobservable(f"systemd cannot be asked about {about}", lack) from None
    except OSError as error:
        raise Unobservable(f"systemd cannot be asked about {about}", error.strerror or "") from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["systemctl failed"]
        raise Unobservable(f"systemd cannot be asked about {about}", said[0])
    return done.stdout.decode("utf-8", "replace")


def _lines(unit: Unit) -> tuple[tuple[str, Setting], ...]:
    return tuple(line for path in unit.files for line in read_file(path, _text(Path(path))))


def _text(path: Path) -> str:
    """A small file; "" where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8", "replace")
    except OSError:
        return ""
