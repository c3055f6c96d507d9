"""The demo's state directory: one a user, locked while a demo runs, with the socket to talk to it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from pomhealth.demo import leftovers
from pomhealth.demo.errors import DemoError

VARIABLE = "POMHEALTH_DEMO_DIR"
_LONGEST = 80  # bytes of the directory's path: PostgreSQL's socket below it must stay under 108


def directory(environment: Mapping[str, str]) -> Path:
    """Where this user's demo keeps everything: $POMHEALTH_DEMO_DIR, else a name in the temporary directory."""
    if environment.get(VARIABLE):
        return Path(environment[VARIABLE]).absolute()
    return Path(tempfile.gettempdir()) / f"pomhealth-demo-{os.getuid()}"


class State:
    """A state directory that is ours alone until `release`. `control` is the path of the demo's socket."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.control = path / "control.sock"
        self._lock = -1

    def claim(self) -> None:
        """Makes the directory and locks it; what an earlier demo that was killed left in it is removed first.

        Raises DemoError when a demo runs, or when the path is not ours to use.
        """
        if len(os.fsencode(self.path)) > _LONGEST:
            raise DemoError(f"{self.path}: the path is too long for sockets; set {VARIABLE} to a shorter one")
        try:
            if self._make_and_lock():
                leftovers.sweep(self.path)  # takes the lock's file away too: once more
                os.close(self._lock)
                self._make_and_lock()
        except OSError as error:
            raise DemoError(
                f"{self.path}: {error.strerror}; set {VARIABLE} to a directory that can be made"
            ) from error

    def release(self) -> None:
        """Removes the directory and everything in it."""
        if self._lock >= 0:
            leftovers.sweep(self.path)
            os.close(self._lock)
            self._lock = -1

    def _make_and_lock(self) -> bool:
        """True when there was something in it already."""
        with contextlib.suppress(FileExistsError):
            # Root's PostgreSQL runs as another user, which must get through.
            self.path.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True)
        found = self.path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise DemoError(f"{self.path} belongs to somebody else; set {VARIABLE} to another path")
        before = [entry for entry in self.path.iterdir() if entry.name != "lock"]
        if before and not (self.path / "lock").exists():
            raise DemoError(
                f"{self.path} is not a demo's directory; set {VARIABLE} to one that does not exist"
            )
        self._lock = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._lock, 20).decode().strip() or "unknown"
            os.close(self._lock)
            self._lock = -1
            raise DemoError(
                f"a demo runs already (pid {pid}, in {self.path}); end it first, or set {VARIABLE} to run a second"
            ) from None
        os.ftruncate(self._lock, 0)
        os.write(self._lock, str(os.getpid()).encode())
        return bool(before)
