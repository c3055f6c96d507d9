"""Writes an archive: whole or not at all, for its owner alone, and over nothing without being told to. Blocking."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK)


class WriteError(Exception):
    """One line: which path, and what is wrong with it."""


def check(path: Path, *, force: bool) -> None:
    """Raises WriteError where the file could not be written, as far as that can be told before it is made."""
    directory = path.parent
    if path.is_dir():
        raise WriteError(f"{path} is a directory: name the file with -o {path}/NAME.tar.gz")
    if not directory.is_dir():
        raise WriteError(f"{directory}: no such directory")
    if not force and os.path.lexists(path):
        raise _there(path)
    if not os.access(directory, os.W_OK | os.X_OK):
        raise WriteError(f"{directory}: this user may not write there; name another place with -o FILE")


def write(path: Path, data: bytes, *, force: bool) -> None:
    """Writes the file with mode 0600. Raises WriteError; then nothing of it is left behind."""
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)  # with mode 0600
    except OSError as error:
        raise WriteError(f"{path}: {error.strerror}") from None
    staged = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if force:
            staged.replace(path)
        else:
            _place(staged, path)
    except OSError as error:
        raise WriteError(f"{path}: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            staged.unlink(missing_ok=True)


def _place(staged: Path, path: Path) -> None:
    """Gives the file its name, unless something has it. A file system without links lets no more than look first."""
    try:
        os.link(staged, path)
    except FileExistsError:
        raise _there(path) from None
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(path):
            raise _there(path) from None
        staged.replace(path)


def _there(path: Path) -> WriteError:
    return WriteError(f"{path} is there already: --force replaces it, -o FILE names another")
