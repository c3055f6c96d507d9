"""Generated files into a directory: all of them or none, and nothing of somebody else's without being told to."""

from __future__ import annotations

# os.path, which never raises: a directory may be closed to us.
# ruff: noqa: PTH110, PTH112, PTH114
import contextlib
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from pomhealth.generate.render import File
from pomhealth.replica import paths

_MODE = 0o644


class Fate(str, Enum):
    """What becomes of one file."""

    NEW = "written"
    REPLACED = "replaced"
    SAME = "unchanged"
    DIFFERS = "differs"


class WriteError(Exception):
    """One line: which path, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file's path, and what became of it."""

    path: Path
    fate: Fate


def write(directory: Path, files: Sequence[File], *, force: bool) -> tuple[Written, ...]:
    """Writes the files below `directory`, which is made if its parent is there.

    Where one is there already with another content and `force` is not given, nothing is written, and that one
    `differs`. Raises WriteError; then nothing is written either, unless the directory changed meanwhile.
    """
    seen = tuple(
        (directory / file.path, file.text, _fate(directory / file.path, file.text)) for file in files
    )
    if not force and any(fate is Fate.DIFFERS for _, _, fate in seen):
        return tuple(Written(path, fate) for path, _, fate in seen if fate is not Fate.NEW)
    _put([(path, text) for path, text, fate in seen if fate is not Fate.SAME], directory)
    return tuple(Written(path, Fate.REPLACED if fate is Fate.DIFFERS else fate) for path, _, fate in seen)


def _fate(path: Path, text: str) -> Fate:
    try:
        return Fate.SAME if paths.read(str(path)) == text.encode() else Fate.DIFFERS
    except OSError as error:
        if os.path.islink(path):  # it may lead nowhere, or to /dev/null, as a masked unit does
            return Fate.DIFFERS
        if isinstance(error, FileNotFoundError):
            return Fate.NEW
        raise WriteError(_words(path, error)) from None


def _put(files: Sequence[tuple[Path, str]], directory: Path) -> None:
    """First every file under a name of its own, then all take their places: a full disk changes nothing."""
    path = directory
    staged = []
    with contextlib.ExitStack() as undo:
        try:
            directory.mkdir(exist_ok=True)
            for path, text in files:
                path.parent.mkdir(parents=True, exist_ok=True)
                staged.append((_stage(path, text, undo), path))
            for temporary, path in staged:
                temporary.replace(path)
        except OSError as error:
            raise WriteError(_words(path, error)) from None


def _stage(path: Path, text: str, undo: contextlib.ExitStack) -> Path:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:200]}.", dir=path.parent)
    temporary = Path(name)
    undo.callback(temporary.unlink, missing_ok=True)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text.encode())
        file.flush()
        os.fchmod(descriptor, _MODE)
        os.fsync(descriptor)
    return temporary


def _words(path: Path, error: OSError) -> str:
    downwards = [str(one) for one in reversed((path, *path.parents))]
    if isinstance(error, (NotADirectoryError, FileExistsError)):
        file = next((one for one in downwards if os.path.exists(one) and not os.path.isdir(one)), path)
        return f"{file} is a file, and a directory is needed there"
    if isinstance(error, FileNotFoundError):
        return f"{next((one for one in downwards if not os.path.exists(one)), path)}: no such directory"
    return f"{path}: {error.strerror}"
