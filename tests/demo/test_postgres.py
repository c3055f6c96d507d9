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
    with psycopg.connect(server.dsn(unix=True)) as connection:
        assert connection.execute("SELECT 2").fetchone() == (2,)
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(server.dsn().replace(server.password, "wrong"))


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_stops_even_when_hung_and_starts_again_with_its_data(own_postgres: OwnPostgres, mode: str) -> None:
    server = own_postgres()
    server.execute("CREATE TABLE kept (id int)")
    server.execute("CHECKPOINT")
    pids = server.hang()
    # A session that had just ended stays a zombie while the postmaster is stopped.
    still = {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
    until(lambda: {psutil.Process(pid).status() for pid in pids} <= still, "all are stopped")
    server.stop(mode)
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
    server.start()
    assert server.execute("SELECT count(*) FROM kept") == [(0,)]


def test_answers_again_when_woken(own_postgres: OwnPostgres) -> None:
    server = own_postgres()
    server.hang()
    server.resume()
    assert server.execute("SELECT 1") == [(1,)]
