"""Where the registry is: as the settings say, else in the replica's own PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.cluster.model import Trouble
from pomhealth.cluster.registry.sql import Away
from pomhealth.reach import Silent
from pomhealth.settings import Settings

_FILE = 1.0  # seconds for reading a file
_LONGEST = 65536  # characters of it
_TURN_ON = "set cluster_dsn to a PostgreSQL that all replicas of the cluster reach"


@dataclass(frozen=True, slots=True)
class Way:
    """How to get to the registry; `dsn` is a secret. `own` is whether it is the replica's own PostgreSQL."""

    dsn: str = field(repr=False)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    root: str = ""
    cwd: str = ""
    own: bool = False


async def find(settings: Settings, context: Callable[[], Context | None], workers: Workers) -> Way:
    """The way by these settings, for the replica of this context. Raises Away."""
    if settings.cluster_dsn:
        return Way(settings.cluster_dsn)
    if settings.cluster_dsn_file:
        return Way(await _read(settings.cluster_dsn_file, workers))
    known = context()
    if known is None or known.replica.storage is None:
        raise Away(Trouble("unreachable", "the replica's own PostgreSQL is not known yet", (_TURN_ON + ".",)))
    replica, storage = known.replica, known.replica.storage
    if storage.kind != "postgres" or not storage.dsn:
        raise Away(Trouble("unreachable", f"the replica's storage is {storage.kind}: {_TURN_ON}"))
    return Way(storage.dsn, dict(replica.environment), replica.root, replica.cwd, own=True)


async def _read(path: str, workers: Workers) -> str:
    """The connection string in this file. Raises Away."""
    try:
        text = await workers.call("cluster_dsn_file", partial(_beginning, path), deadline=_FILE)
    except (OSError, ValueError, Silent) as error:
        why = getattr(error, "strerror", None) or getattr(error, "why", "it is not UTF-8 text")
        raise Away(Trouble("unreachable", f"{path} (cluster_dsn_file) cannot be read: {why}")) from None
    if not text:
        raise Away(Trouble("unreachable", f"{path} (cluster_dsn_file) is empty"))
    return text


def _beginning(path: str) -> str:
    """What the file holds, no more of it than a connection string may take. Raises OSError, ValueError."""
    with Path(path).open(encoding="utf-8") as file:
        return file.read(_LONGEST).strip()
