"""Notices that the configuration changed: the file, or a certificate or secret file that it names."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

_EVERY = 0.2  # seconds, as Pomerium polls
_FILES = ("certificate_file", "certificate_key_file", "databroker_storage_connection_string_file")

Stamp = tuple[tuple[int, int, int] | None, ...]


class Watch:
    """Compares size, time and inode of the files, five times a second."""

    def __init__(self, path: Path, environment: Mapping[str, str]) -> None:
        self._path = path
        self._environment = environment
        self._forced = asyncio.Event()
        self._files = self._named()
        self._seen = self._stamp()

    def force(self) -> None:
        """Makes `changed` return although nothing changed (SIGHUP)."""
        self._forced.set()

    async def changed(self) -> None:
        """Returns when a file is another than it was the last time."""
        while not self._forced.is_set():
            now = self._stamp()
            if now != self._seen:
                break
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._forced.wait(), _EVERY)
        self._forced.clear()
        self._files = self._named()
        self._seen = self._stamp()

    def _stamp(self) -> Stamp:
        return tuple(_stamp(path) for path in (self._path, *self._files))

    def _named(self) -> list[Path]:
        """The files that the configuration names; those of the last readable one while it cannot be read."""
        try:
            values: Any = yaml.safe_load(self._path.read_bytes())
        except (OSError, yaml.YAMLError, UnicodeDecodeError):
            return getattr(self, "_files", [])
        if not isinstance(values, dict):
            return getattr(self, "_files", [])
        names = [values.get(name) or self._environment.get(name.upper()) for name in _FILES]
        entries = values.get("certificates")
        if isinstance(entries, list):
            names += [
                entry.get(part) for entry in entries if isinstance(entry, dict) for part in ("cert", "key")
            ]
        return [Path(str(name)) for name in names if name]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
