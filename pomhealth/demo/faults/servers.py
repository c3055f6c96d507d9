"""Faults of the PostgreSQL server: it crashes, is full, lets nobody in, or is cut off."""

from __future__ import annotations

import contextlib
import secrets
import time
from pathlib import Path

import psycopg

from pomhealth.demo import mounts
from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults.database import END_SESSIONS, sql
from pomhealth.demo.faults.fault import Fault
from pomhealth.demo.packets import Dropped
from pomhealth.demo.stage import DATABASE, Stage

_CROWD, _DROPPED, _PASSWORD = "postgres-full-connections", "postgres-dropped", "postgres-password"
_TOO_MANY = "53300"
_DISK = "160m"
_PATIENCE = 10.0  # seconds


def _crash(stage: Stage) -> str:
    stage.postgres.stop("immediate")
    return f"ended PostgreSQL at once, as a crash does: nothing listens on 127.0.0.1:{stage.postgres.port} any more"


def _start(stage: Stage) -> str:
    stage.postgres.start()
    return f"started PostgreSQL again on 127.0.0.1:{stage.postgres.port}: it has recovered"


class _Sessions:
    """Sessions of our own, as many as the server gives."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._open: list[psycopg.Connection] = []

    def fill(self) -> int:
        """Opens sessions until the server gives none; their number. Raises psycopg.Error where it refuses otherwise."""
        while self._one_more():
            pass
        return len(self._open)

    def _one_more(self) -> bool:
        try:
            self._open.append(psycopg.connect(self._dsn, autocommit=True, connect_timeout=5))
        except psycopg.OperationalError as error:
            if not self._open or not _too_many(error):
                raise
            return False
        return True

    def drive_out(self) -> int:
        """Ends the others' sessions until all that there can be are ours; their number.

        A session that was told to end keeps its place for a moment, and who is quicker than we gets it.
        """
        until = time.monotonic() + _PATIENCE
        (most,) = self._open[0].execute(b"SELECT current_setting('max_connections')::int").fetchone() or (0,)
        while self.fill() < most:
            if time.monotonic() > until:
                raise DemoError(f"others keep {most - len(self._open)} of {most} sessions")
            mine = [one.info.backend_pid for one in self._open]
            self._open[0].execute(f"{END_SESSIONS} AND pid <> ALL(%s)".encode(), [mine])
        return len(self._open)

    def close(self) -> None:
        for one in self._open:
            with contextlib.suppress(psycopg.Error):
                one.close()


def _too_many(error: psycopg.Error) -> bool:
    """The server's words: libpq gives no SQLSTATE of a session that never began. Our server speaks English."""
    return (
        error.sqlstate == _TOO_MANY or "too many clients" in str(error) or "slots are reserved" in str(error)
    )


def _crowd(stage: Stage) -> _Sessions:
    sessions = stage.home.get(_CROWD)
    if not isinstance(sessions, _Sessions):
        sessions = stage.home[_CROWD] = _Sessions(stage.postgres.dsn(DATABASE))
        stage.hold(_CROWD, sessions.close)
    return sessions


def _come(stage: Stage) -> None:
    try:
        _crowd(stage).fill()
    except psycopg.Error as error:
        _go(stage)
        raise DemoError(f"PostgreSQL does not do it: {str(error).strip().splitlines()[0]}") from error


def _fill_up(stage: Stage) -> str:
    count = _crowd(stage).drive_out()
    return f"opened {count} sessions, all that max_connections allows, and ended the replica's: it gets none any more"


def _go(stage: Stage) -> str:
    stage.home.pop(_CROWD, None)
    stage.let_go(_CROWD)
    return "closed the sessions that filled the server"


def _change_password(stage: Stage) -> str:
    new = secrets.token_urlsafe(18)
    old = stage.postgres.password
    sql(stage, f"ALTER ROLE {stage.postgres.user} PASSWORD '{new}'")
    stage.home.setdefault(_PASSWORD, old)
    stage.postgres.password = new
    sql(stage, END_SESSIONS)
    return f"changed the password of the role {stage.postgres.user} and ended its sessions"


def _old_password(stage: Stage) -> str:
    old = stage.home.get(_PASSWORD)
    if old is not None:
        sql(stage, f"ALTER ROLE {stage.postgres.user} PASSWORD '{old}'")
        stage.postgres.password = stage.home.pop(_PASSWORD)
    return f"gave the role {stage.postgres.user} its old password again"


def _small_disk(stage: Stage) -> None:
    """Moves the server's data to a small file system in memory, where they stay until the demo ends."""
    data = stage.postgres.data
    if mounts.is_mount(data):
        return
    stage.postgres.stop("fast")
    try:
        mounts.move_to_small_disk(data, _DISK)
    finally:
        stage.postgres.start()


def _fill_disk(stage: Stage) -> str:
    mounts.fill(_ballast(stage))
    return (
        f"filled the file system of {stage.postgres.data} ({_DISK}) to the last block; told within a minute"
    )


def _empty_disk(stage: Stage) -> str:
    _ballast(stage).unlink(missing_ok=True)
    stage.postgres.start()  # it may have ended by it
    return f"made room on the file system of {stage.postgres.data}"


def _ballast(stage: Stage) -> Path:
    return stage.postgres.data / "ballast"


def _drop(stage: Stage) -> str:
    stage.hold(_DROPPED, Dropped("127.0.0.1", stage.postgres.port).close)
    return f"drop every packet to 127.0.0.1:{stage.postgres.port}, as a firewall does: nobody answers, nobody refuses"


def _pass_on(stage: Stage) -> str:
    stage.let_go(_DROPPED)
    return f"let packets to 127.0.0.1:{stage.postgres.port} through again"


# What keeps us from asking the server comes last: faults are undone from the last to the first.
FAULTS = (
    Fault(
        "postgres-crash",
        "PostgreSQL ends at once, as in a crash",
        "storage.backend",
        "refused",
        True,
        _crash,
        _start,
        ends="postgres",
    ),
    Fault(
        "postgres-password-changed",
        "the role's password is changed",
        "storage.backend",
        "authentication",
        True,
        _change_password,
        _old_password,
    ),
    Fault(
        "postgres-full-connections",
        "PostgreSQL has no connection left",
        "storage.backend",
        "too-many-connections",
        True,
        _fill_up,
        _go,
        prepare=_come,
    ),
    Fault(
        "postgres-disk-full",
        "PostgreSQL's disk is full",
        "storage.backend",
        "disk-full",
        True,
        _fill_disk,
        _empty_disk,
        prepare=_small_disk,
        seen="look",
        root=True,
    ),
    Fault(
        "postgres-dropped",
        "packets to PostgreSQL are dropped without an answer",
        "storage.backend",
        "timeout",
        True,
        _drop,
        _pass_on,
        seen="silence",
        root=True,
    ),
)
