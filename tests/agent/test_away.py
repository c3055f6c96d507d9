"""A real agent that does not get to run, beside a healthy replica: it raises no alarm, and says what it was."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from pomhealth.agent.lag import LEAST
from tests.agent.process import Agent, agent, until
from tests.standin import PostgresServer, StandIn

AWAY = 4.0  # seconds; the fault itself
BURSTS, BURST, BETWEEN = 12, 0.01, 1.2  # seconds; the same
STARVED = 15.0  # seconds; the same
SET = "the clock was set; every time that is kept moves with it"
WALL_CLOCK = """
import os, pathlib, time
time.time = lambda real=time.time, ahead=pathlib.Path(os.environ["AHEAD"]): real() + float(ahead.read_text())
"""


def failures(one: Agent) -> list[Any]:
    """Every failure that was ever told (the log tells each change), and those that stand."""
    told = [line for line in one.events("check changed") if line["outcome"] == "fail"]
    return told + [alert for alert in one.get("/alerts")[1]["alerts"] if alert["outcome"] == "fail"]


def test_a_stopped_agent_that_goes_on_raises_no_alarm_and_tells_for_how_long_it_did_not_run(
    tmp_path: Path, standin: StandIn, postgres: PostgresServer
) -> None:
    """Its session with PostgreSQL was ended meanwhile, too."""
    replica = standin(storage="postgres")
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        assert not failures(one)
        one.process.send_signal(signal.SIGSTOP)
        postgres.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pomhealth'"
        )
        time.sleep(AWAY)
        one.process.send_signal(signal.SIGCONT)
        until(lambda: bool(one.events("pomhealth itself did not run")), lambda: one.text)
        away = one.get("/status")[1]["statuses"]["storage.backend"]["checked"]
        until(lambda: one.get("/status")[1]["statuses"]["storage.backend"]["checked"] > away)
        until(one.ready, lambda: one.get("/readyz?verbose"))
        assert not failures(one)
        (told,) = one.events("pomhealth itself did not run")
        assert told["seconds"] > AWAY / 2
        assert one.get("/status")[1]["agent"]["late"] > AWAY / 2
        assert one.stop() == 0


def test_a_starved_agent_raises_no_alarm_while_envoy_answers(tmp_path: Path, standin: StandIn) -> None:
    replica = standin()
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        assert not failures(one)
        with starved(one):
            time.sleep(STARVED)
        until(lambda: answers(one) and one.ready(), lambda: one.text)
        if one.get("/status")[1]["agent"]["late"] < LEAST:
            pytest.skip("this machine gives even an idle process its time")
        assert not failures(one)
        assert one.stop() == 0


def test_an_agent_that_runs_in_short_bursts_raises_no_alarm(tmp_path: Path, standin: StandIn) -> None:
    """As under a CPU limit: no look comes to its end without a gap in it."""
    replica = standin()
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        for _ in range(BURSTS):
            one.process.send_signal(signal.SIGSTOP)
            time.sleep(BETWEEN)
            one.process.send_signal(signal.SIGCONT)
            time.sleep(BURST)
        until(one.ready, lambda: one.get("/readyz?verbose"))
        assert not failures(one)
        assert one.stop() == 0


def test_a_clock_that_is_set_an_hour_ahead_and_back_raises_nothing_and_hides_nothing(
    tmp_path: Path, standin: StandIn
) -> None:
    replica = standin()
    (tmp_path / "sitecustomize.py").write_text(WALL_CLOCK)
    ahead = tmp_path / "ahead"
    ahead.write_text("0")
    known = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])}
    with agent(tmp_path, "--pomerium-config", str(replica.config_path), AHEAD=str(ahead), **known) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        replica.write_config("routes: [\n")
        rejected = ("cluster_config_current", "rejected")
        until(lambda: rejected in one.alerts(), lambda: one.get("/alerts"))
        before = failures(one)
        for seconds in (3600, -3600):
            at = moved(one)
            (tmp_path / "next").write_text(str(max(seconds, 0)))
            (tmp_path / "next").replace(ahead)
            until(lambda: len(one.events(SET)) == 1 + (seconds < 0), lambda: one.text)  # noqa: B023
            assert one.events(SET)[-1]["seconds"] == pytest.approx(seconds, abs=2)
            assert (moved(one) - at).total_seconds() == pytest.approx(seconds, abs=2)
            assert one.ready()
        until(lambda: rejected in one.alerts())
        assert len(failures(one)) == len(before)
        assert one.stop() == 0


def moved(one: Agent) -> datetime:
    """When the rejected configuration is said to have been rejected."""
    (alert,) = (alert for alert in one.get("/alerts")[1]["alerts"] if alert["cause"] == "rejected")
    return datetime.fromisoformat(alert["since"].replace("Z", "+00:00"))


@contextmanager
def starved(one: Agent) -> Iterator[None]:
    """The agent gets only the time that nobody else wants, and others want all there is."""
    for thread in os.listdir(f"/proc/{one.process.pid}/task"):  # noqa: PTH208
        os.sched_setscheduler(int(thread), os.SCHED_IDLE, os.sched_param(0))
    busy = [multiprocessing.Process(target=spin, daemon=True) for _ in range(2 * (os.cpu_count() or 1))]
    for process in busy:
        process.start()
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.join()


def spin() -> None:
    while True:
        pass


def answers(one: Agent) -> bool:
    try:
        one.get("/healthz")
    except (urllib.error.URLError, TimeoutError):
        return False
    return True
