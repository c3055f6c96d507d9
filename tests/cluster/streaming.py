"""A primary and its standby, which follows it by streaming replication: real servers of Debian's PostgreSQL.

Where the machine does not have that, the PostgreSQL of the demo does the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from pomhealth.demo import binaries
from pomhealth.demo.postgres import PostgresServer

_DEBIAN = Path("/usr/lib/postgresql")
_SETTINGS = {
    "wal_level": "replica",
    "max_wal_senders": "4",
    "hot_standby": "on",
    "max_connections": "100",
    "wal_receiver_status_interval": "1s",
}
_PATIENCE = 30.0  # seconds


def home() -> Path:
    """The directory of the PostgreSQL that is used; of several of Debian's the newest."""
    found = [one for one in _DEBIAN.glob("*") if (one / "bin" / "pg_basebackup").is_file()]
    return max(found, key=lambda one: int(one.name), default=None) or binaries.postgres()


class Primary(PostgresServer):
    """A server that others may follow."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, settings=_SETTINGS, home=home())

    def kill(self) -> None:
        """kill -9 of its first process; the end of the others is waited for."""
        first, *others = (psutil.Process(pid) for pid in self.pids())
        os.kill(first.pid, signal.SIGKILL)
        psutil.wait_procs(others, timeout=_PATIENCE)
        self.stop()

    def _make(self) -> None:
        """As the demo's, with no option that only newer releases of initdb have."""
        secret = self._directories()
        secret.write_text(self.password)
        try:
            self._run(
                "initdb",
                "--no-sync",
                f"--username={self.user}",
                f"--pwfile={secret}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                f"--pgdata={self.data}",
            )
        finally:
            secret.unlink()

    def _directories(self) -> Path:
        """Makes the directories; gives the path of a file for a secret, which only the server's user reads."""
        self.directory.mkdir(mode=0o711)
        for directory, mode in ((self.socket_directory, 0o755), (self.data, 0o700)):
            directory.mkdir(mode=mode)
            self._give(directory)
        secret = self.directory / "secret"
        secret.touch(mode=0o600)
        self._give(secret)
        return secret

    def _give(self, path: Path) -> None:
        if self._account:
            os.chown(path, self._account["user"], self._account["group"])

    def _run(self, program: str, *arguments: str, **environment: str) -> None:
        subprocess.run(
            [self._binary(program), *arguments],
            cwd=self.directory,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **environment},
            capture_output=True,
            timeout=_PATIENCE,
            check=True,
            **self._account,
        )


class Standby(Primary):
    """A server that follows another, until it is promoted."""

    def __init__(self, directory: Path, primary: Primary) -> None:
        super().__init__(directory)
        self.password = primary.password
        self._primary = primary

    def promote(self) -> None:
        """From now on it takes what is written."""
        self.execute("SELECT pg_promote()")

    def has_all(self) -> bool:
        """Whether it has replayed all that the primary has written."""
        ((at,),) = self._primary.execute("SELECT pg_current_wal_lsn()::text")
        ((there,),) = self.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", (at,))
        return bool(there)

    def cut_off(self) -> None:
        """It receives nothing more: what the primary writes from now on is lost with that."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.execute("SELECT pg_reload_conf()")
        end = time.monotonic() + _PATIENCE
        while self.execute("SELECT 1 FROM pg_stat_wal_receiver"):
            assert time.monotonic() < end
            time.sleep(0.05)

    def _make(self) -> None:
        secret = self._directories()
        secret.write_text(f"*:*:*:*:{self.password}\n")
        source = (
            f"host=127.0.0.1 port={self._primary.port} user={self.user} passfile={secret} sslmode=disable"
        )
        self._run(
            "pg_basebackup",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--no-sync",
            f"--pgdata={self.data}",
            f"--dbname={source}",
        )


@contextmanager
def pair(directory: Path) -> Iterator[tuple[Primary, Standby]]:
    """A primary with a standby that has all of it, until the block ends."""
    primary = Primary(directory / "primary")
    standby = Standby(directory / "standby", primary)
    try:
        primary.start()
        standby.start()
        end = time.monotonic() + _PATIENCE
        while not standby.has_all():
            assert time.monotonic() < end
            time.sleep(0.05)
        yield primary, standby
    finally:
        for one in (primary, standby):
            one.stop("immediate")
