"""A program that was replaced on disk while it runs, as a package's update does. Blocking."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass

from pomhealth.replica.model import Process
from pomhealth.replica.version import of_file

_DELETED = " (deleted)"  # as the kernel marks a program whose file has gone, or has another in its place


@dataclass(frozen=True, slots=True)
class Replaced:
    """The file at `path` is another than the one that runs, or gone. `version` is the new one's, "" if not known."""

    path: str
    version: str = ""


def replaced(main: Process, root: str) -> Replaced | None:
    """What is in the place of the running program; None where it is that itself, or it cannot be told.

    The new file is asked for its version only where nobody but root can have put it there.
    """
    try:
        shown = os.readlink(f"/proc/{main.pid}/exe")  # noqa: PTH115  (text, with the kernel's mark)
    except OSError:
        return None
    if not shown.endswith(_DELETED):
        return None
    path = shown.removesuffix(_DELETED)
    ours = not root and path.rpartition("/")[2].startswith("pomerium")
    if not ours:  # in a container, whose programs are not run here; or no program of Pomerium's
        return Replaced(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return Replaced(path)
    try:
        seen = os.fstat(descriptor)
        safe = stat.S_ISREG(seen.st_mode) and seen.st_uid == 0 and not seen.st_mode & 0o022
        return Replaced(path, of_file(descriptor, main) if safe else "")
    finally:
        os.close(descriptor)
