"""The agent under a supervisor that listens to it as systemd does: a real process, a real datagram socket."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.process import nothing_runs, until
from tests.agent.supervisor import Supervisor, Told, supervisor
from tests.standin import OwnPostgres, StandIn

FREE = ("--listen", "127.0.0.1:0")


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Supervisor]:
    with supervisor(tmp_path) as one:
        yield one


def ready(told: Told) -> bool:
    return told.ready


def test_it_is_ready_once_it_has_looked_and_says_that_the_replica_is(
    systemd: Supervisor, standin: StandIn
) -> None:
    replica = standin()
    systemd.start(*FREE, "--pid", str(replica.pid))
    systemd.told.until(ready)
    assert systemd.told.messages[0] == {"STATUS": "not ready: the first looks are being made"}
    assert systemd.told.status.startswith("ready")


def test_it_is_ready_while_no_replica_runs_for_that_is_what_it_knows(
    systemd: Supervisor, tmp_path: Path
) -> None:
    systemd.start(*FREE, *nothing_runs(tmp_path))
    systemd.told.until(ready)
    systemd.told.until(lambda told: told.status.startswith("not ready: no pomerium process is running yet"))


def test_it_is_ready_while_the_storage_is_down_and_its_status_says_so_until_it_is_back(
    systemd: Supervisor, standin: StandIn, own_postgres: OwnPostgres
) -> None:
    postgres = own_postgres()
    replica = standin(storage="postgres", dsn=postgres.create_database("pomerium"))
    before = systemd.start(*FREE, "--pid", str(replica.pid))
    systemd.told.until(lambda told: told.status.startswith("ready"))
    before.stop()
    postgres.stop("immediate")

    systemd.told.until(lambda told: told.status == "")
    systemd.told.messages.clear()
    systemd.start(*FREE, "--pid", str(replica.pid))
    systemd.told.until(ready)
    assert systemd.told.status.startswith("not ready: storage.backend: refused: ")
    postgres.start()
    systemd.told.until(lambda told: told.status.startswith("ready"))


def test_a_stop_is_told_and_takes_the_line_back(systemd: Supervisor, tmp_path: Path) -> None:
    agent = systemd.start(*FREE, *nothing_runs(tmp_path))
    systemd.told.until(ready)
    assert agent.stop() == 0
    systemd.told.until(lambda told: told.messages[-1] == {"STATUS": ""})
    assert systemd.told.messages[-2] == {"STOPPING": "1", "STATUS": "stopping"}


def test_a_reload_is_told_and_when_the_settings_are_in_force(systemd: Supervisor, tmp_path: Path) -> None:
    settings = tmp_path / "pomhealth.toml"
    settings.write_text("")
    agent = systemd.start(*FREE, *nothing_runs(tmp_path), "--settings", str(settings))
    systemd.told.until(ready)

    settings.write_text("fall = 99\n")
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    agent.process.send_signal(signal.SIGHUP)
    assert systemd.told.next("RELOADING") == "1"
    assert int(systemd.told.messages[-1]["MONOTONIC_USEC"]) >= before
    assert systemd.told.next("READY") == "1"
    assert "reload refused: " in systemd.told.status
    assert "fall" in systemd.told.status

    settings.write_text("fall = 3\n")
    agent.process.send_signal(signal.SIGHUP)
    systemd.told.next("RELOADING")
    systemd.told.next("READY")
    assert "reload refused" not in systemd.told.status
    until(lambda: bool(agent.events("settings reloaded")))


def test_a_watchdog_is_fed_while_the_agent_goes_on_and_not_while_it_is_stopped(tmp_path: Path) -> None:
    with supervisor(tmp_path, watchdog=0.6) as systemd:
        agent = systemd.start(*FREE, *nothing_runs(tmp_path))
        systemd.told.until(ready)
        for _ in range(3):
            assert systemd.told.next("WATCHDOG") == "1"
        agent.process.send_signal(signal.SIGSTOP)
        systemd.told.falls_silent(0.6)
        agent.process.send_signal(signal.SIGCONT)
        assert systemd.told.next("WATCHDOG") == "1"
        assert agent.stop() == 0
