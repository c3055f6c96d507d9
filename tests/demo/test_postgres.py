"""The demo's PostgreSQL can be started, stopped, hung and woken."""

from __future__ import annotations

import psutil
import psycopg
import pytest

from tests.demo.looking import until
from tests.standin import OwnPostgres


def test_asks_for_the_password_and_answers_on_a_socket_too(own_postgres: OwnPostgres) -> None:
    server = own_postgres()
    assert server.execute("SELECT 1") == [(1,)]
    with psycopg.connect(server.dsn(), host=str(server.socket_directory)) as connection:
        assert connection.execute("SELECT 2").fetchone() == (2,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.dsn().replace(server.password, "wrong"))


def stands_still(pid: int) -> bool:
    """A session that had just ended may be gone, or stays a zombie while the postmaster is stopped."""
    try:
        return psutil.Process(pid).status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_stops_even_when_hung_and_starts_again_with_its_data(own_postgres: OwnPostgres, mode: str) -> None:
    server = own_postgres()
    server.execute("CREATE TABLE kept (id int)")
    server.execute("CHECKPOINT")
    pids = server.hang()
    until(lambda: all(stands_still(pid) for pid in pids), "all are stopped")
    server.stop(mode)
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    server.start()
    assert server.execute("SELECT count(*) FROM kept") == [(0,)]


def test_answers_again_when_woken(own_postgres: OwnPostgres) -> None:
    server = own_postgres()
    server.hang()
    server.resume()
    assert server.execute("SELECT 1") == [(1,)]
