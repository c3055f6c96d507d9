"""A real PostgreSQL server of one's own: made in a directory, started, asked, stopped, hung. Blocking calls.

Nothing is written to disk for good (fsync is off), passwords are asked for (SCRAM), and the server ends with the
process that started it. PostgreSQL refuses to run as root: started by root, it runs as an unprivileged user.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil
import psycopg

from pomhealth.demo import binaries
from pomhealth.demo.children import end, spawn
from pomhealth.demo.errors import DemoError
from pomhealth.demo.leftovers import free_postgres_memory
from pomhealth.demo.ports import free_ports

_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "autovacuum": "off",
    "dynamic_shared_memory_type": "mmap",  # files in the data directory: nothing stays behind in /dev/shm
    "max_parallel_workers": "0",
    "max_logical_replication_workers": "0",
    "log_min_messages": "warning",
}


class PostgresServer:
    """One server in `directory` (made if need be, removed by nobody here), on 127.0.0.1 and a Unix socket.

    `user` is the database superuser, `password` its secret. Attributes: `port`, `socket_directory`, `log_path`.
    `settings` go before the usual ones; `home` is the directory of another PostgreSQL's bin, lib and share.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        password: str | None = None,
        settings: Mapping[str, str] | None = None,
        home: Path | None = None,
    ) -> None:
        self.directory = directory
        self.user = "pomerium"
        self.password = password or secrets.token_urlsafe(18)
        self.port = port or free_ports(1)[0]
        self.socket_directory = directory / "socket"
        self.log_path = directory / "postgres.log"
        self._data = directory / "data"
        self._account = _account()
        self._process: subprocess.Popen[bytes] | None = None
        self._settings = {**_SETTINGS, **(settings or {})}
        self._installed = home
        self._home: Path | None = None

    @property
    def data(self) -> Path:
        """The data directory."""
        return self._data

    def dsn(self, database: str = "postgres") -> str:
        """A connection URL that Pomerium's driver takes too. It holds the password: never print it."""
        return f"postgresql://{self.user}:{quote(self.password)}@127.0.0.1:{self.port}/{database}?sslmode=disable"

    def start(self, *, patience: float = 20.0) -> None:
        """Makes the cluster if there is none, starts the server, and returns when it answers queries.

        Raises DemoError with the server's own last line when it does not come up within `patience` seconds.
        """
        if self.running():
            return
        if not (self._data / "PG_VERSION").exists():
            self._make()
        settings = [f"--{name.replace('_', '-')}={value}" for name, value in self._settings.items()]
        command = [
            str(self._binary("postgres")),
            "-D",
            str(self._data),
            f"--port={self.port}",
            "--listen-addresses=127.0.0.1",
            f"--unix-socket-directories={self.socket_directory}",
            *settings,
        ]
        with self.log_path.open("ab") as log:
            self._process = spawn(
                command,
                cwd=self._data,
                env=_environment(),
                output=log,
                last_signal=signal.SIGQUIT,  # PostgreSQL's immediate shutdown, which frees its shared memory
                **self._account,
            )
        self._await_answer(time.monotonic() + patience)

    def stop(self, mode: str = "fast") -> None:
        """Ends the server: "fast" (rolls back, disconnects) or "immediate" (as a crash). Hung processes are woken."""
        if self._process is None:
            return
        self.resume()
        first = signal.SIGINT if mode == "fast" else signal.SIGQUIT
        if end(self._process, (first, signal.SIGQUIT), patience=5.0) == -signal.SIGKILL:
            free_postgres_memory(self._data / "postmaster.pid")
        self._process = None

    def pids(self) -> tuple[int, ...]:
        """The postmaster and every process below it; empty when the server does not run."""
        if not self.running() or self._process is None:
            return ()
        postmaster = psutil.Process(self._process.pid)
        return (postmaster.pid, *(child.pid for child in postmaster.children(recursive=True)))

    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def hang(self) -> tuple[int, ...]:
        """SIGSTOP to every process of the server, the postmaster first so that it starts no others."""
        stopped: set[int] = set()
        while fresh := [pid for pid in self.pids() if pid not in stopped]:
            for pid in fresh:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGSTOP)
                stopped.add(pid)
        return tuple(sorted(stopped))

    def resume(self) -> None:
        """SIGCONT to every process of the server; nothing changes for those that run."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def execute(
        self, statement: str, parameters: Sequence[Any] = (), *, database: str = "postgres"
    ) -> list[tuple[Any, ...]]:
        """The rows of one statement, in its own session with autocommit; a statement without rows gives none."""
        with (
            psycopg.connect(self.dsn(database), autocommit=True, connect_timeout=5) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def create_database(self, name: str) -> str:
        """Makes an empty database and returns its DSN."""
        self.execute(f'CREATE DATABASE "{name}" STRATEGY file_copy')
        return self.dsn(name)

    def _make(self) -> None:
        for directory, mode in ((self.directory, 0o711), (self.socket_directory, 0o755), (self._data, 0o700)):
            directory.mkdir(parents=True, exist_ok=True)
            directory.chmod(mode)
        secret = self.directory / "password"
        secret.touch(mode=0o600)
        secret.write_text(self.password)
        if self._account:
            for path in (self.socket_directory, self._data, secret):
                os.chown(path, self._account["user"], self._account["group"])
        result = subprocess.run(
            [
                str(self._binary("initdb")),
                "--no-sync",
                "--username",
                self.user,
                "--pwfile",
                str(secret),
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale=C",
                "--set=dynamic_shared_memory_type=mmap",
                "-D",
                str(self._data),
            ],
            cwd=self._data,
            env=_environment(),
            capture_output=True,
            timeout=60,
            check=False,
            **self._account,
        )
        secret.unlink()
        if result.returncode != 0:
            reason = (result.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
            raise DemoError(f"PostgreSQL's initdb failed: {reason}")

    def _binary(self, name: str) -> Path:
        """The path of a program of PostgreSQL's that the server's user can reach: a copy where it cannot."""
        if self._home is None:
            installed = self._installed or binaries.postgres()
            self._home = installed
            if self._account and not _traversable(installed):
                self._home = self.directory / "install"
                if not self._home.exists():
                    for part in ("bin", "lib", "share"):
                        shutil.copytree(installed / part, self._home / part, symlinks=True)
                    self._home.chmod(0o755)
        return self._home / "bin" / name

    def _await_answer(self, until: float) -> None:
        while not self._answers():
            if not self.running() or time.monotonic() > until:
                self.stop("immediate")
                raise DemoError(f"PostgreSQL does not come up: {self._last_words()}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _last_words(self) -> str:
        lines = self.log_path.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it says nothing"


def _account() -> dict[str, Any]:
    """The unprivileged user and group to run as, for root; nothing to change for anybody else."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise DemoError(
        "PostgreSQL refuses to run as root, and this machine has neither a user postgres nor nobody"
    )


def _environment() -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _traversable(path: Path) -> bool:
    """True when any user can get to what is in `path`."""
    return all(parent.stat().st_mode & 0o001 for parent in (path, *path.resolve().parents))
