"""PostgreSQL hands over to its standby: quickly, that is no alarm; slowly, it is one, until the standby has taken over."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pomhealth.demo import postgres as server_module
from pomhealth.demo.postgres import PostgresServer
from tests.agent.process import Agent, agent, until
from tests.agent.watcher import Record, watched
from tests.standin import OwnPostgres, StandIn


@dataclass
class Pair:
    """A primary and its streaming standby."""

    primary: PostgresServer
    standby: PostgresServer

    def dsn(self, database: str, wanted: str = "read-write") -> str:
        head, _, tail = self.primary.dsn(database).partition(f":{self.primary.port}/")
        return (
            f"{head}:{self.primary.port},127.0.0.1:{self.standby.port}/{tail}&target_session_attrs={wanted}"
        )

    def promote(self) -> None:
        """Returns once the standby takes writes."""
        self.standby.execute("SELECT pg_promote()")


@pytest.fixture
def pair(own_postgres: OwnPostgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setitem(server_module._SETTINGS, "wal_level", "replica")
    monkeypatch.setitem(server_module._SETTINGS, "max_wal_senders", "4")
    primary = own_postgres()
    standby = PostgresServer(primary.directory.parent / "standby", password=primary.password)
    copy(primary, standby)
    try:
        standby.start()
        yield Pair(primary, standby)
    finally:
        standby.stop("immediate")


def copy(primary: PostgresServer, standby: PostgresServer) -> None:
    """Makes the standby's files, with pg_basebackup."""
    account = server_module._account()
    for directory, mode in ((standby.directory, 0o711), (standby.socket_directory, 0o755)):
        directory.mkdir(parents=True)
        directory.chmod(mode)
    data = standby.directory / "data"
    data.mkdir(mode=0o700)
    if account:
        for path in (standby.socket_directory, data):
            os.chown(path, account["user"], account["group"])
    program = primary._binary("pg_basebackup")
    subprocess.run(
        [str(program), "-D", str(data), "--write-recovery-conf", "--checkpoint=fast", "--no-sync"],
        cwd=data,
        env={
            "PATH": os.defpath,
            "PGHOST": "127.0.0.1",
            "PGPORT": str(primary.port),
            "PGUSER": primary.user,
            "PGPASSWORD": primary.password,
        },
        check=True,
        capture_output=True,
        timeout=60,
        **account,
    )


def settled(one: Agent) -> None:
    until(lambda: one.get("/startupz")[0] == 200 and one.ready(), lambda: one.get("/readyz?verbose"))
    until(lambda: not one.alerts(), lambda: one.get("/alerts"))


def serves_from(one: Agent, server: PostgresServer) -> bool:
    entry = one.get("/status")[1]["statuses"].get("storage.backend", {})
    return entry.get("outcome") == "pass" and f"127.0.0.1:{server.port}" in entry["summary"]


@pytest.mark.parametrize("wanted", ["read-write", "any"])
def test_a_quick_failover_is_no_alarm(tmp_path: Path, standin: StandIn, pair: Pair, wanted: str) -> None:
    pair.primary.create_database("pomerium")
    replica = standin(storage="postgres", dsn=pair.dsn("pomerium", wanted))
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        settled(one)
        until(lambda: serves_from(one, pair.primary), lambda: one.get("/status"))
        with watched(one) as record:
            pair.primary.stop("immediate")
            pair.promote()
            until(lambda: serves_from(one, pair.standby), lambda: one.get("/status"))
        assert record == Record([200], set())


@pytest.mark.parametrize(("wanted", "cause"), [("read-write", "refused"), ("any", "read-only")])
def test_a_slow_failover_is_one_alert_until_the_standby_has_taken_over(
    tmp_path: Path, standin: StandIn, pair: Pair, wanted: str, cause: str
) -> None:
    pair.primary.create_database("pomerium")
    replica = standin(storage="postgres", dsn=pair.dsn("pomerium", wanted))
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        settled(one)
        with watched(one) as record:
            pair.primary.stop("immediate")
            until(lambda: bool(one.alerts()), lambda: one.get("/status"))
            pair.promote()
            until(lambda: serves_from(one, pair.standby), lambda: one.get("/status"))
            until(lambda: one.ready() and not one.alerts(), lambda: one.get("/alerts"))
        assert record == Record([200, 503, 200], {("storage.backend", cause)})
