"""A readiness policy at work in the agent."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pomhealth.agent.board import Board
from pomhealth.agent.policy import EVERY, Readiness
from pomhealth.cluster.model import Account, Member, Roster
from pomhealth.cluster.readiness.grounds import PROOFS
from pomhealth.cluster.readiness.policy import PROVING, RENEWED
from pomhealth.settings import Settings
from pomhealth.status import Gate, Outcome, StatusMap
from tests.agent.little import BAD, GOOD, Probe, check, plan
from tests.agent.process import Agent, agent, until
from tests.agent.test_board import REPLICA
from tests.agent.watcher import watched
from tests.standin import StandIn

STORAGE = "storage.backend"
CLUSTER = Settings(cluster=True, readiness_policy="cluster")


class Fake:
    """A board with a policy, a clock that the test moves, and the timers that were set."""

    def __init__(self, settings: Settings = CLUSTER) -> None:
        self.now = 1000.0
        self.asked: list[tuple[str, ...]] = []
        self.said: list[tuple[str, Mapping[str, object]]] = []
        self.timers: list[Callable[[], None]] = []
        gates = {"pomerium.process": Gate.LIVE, "envoy.server": Gate.LIVE}
        checks = [(check(id_, gate=gates.get(id_, Gate.READY)), Probe()) for id_ in (*PROOFS, STORAGE)]
        self.made = plan(*checks, settings=settings)
        self.board = Board(self.made, clock=lambda: self.now)
        self.board.on_doubt = lambda ids: self.asked.append(tuple(ids))
        self.board.on_verdict = lambda event, values: self.said.append((event, values))
        self.board._readiness = Readiness(self.board, clock=lambda: self.now, later=self._later)
        self.board._readiness.follow(self.made.policy)
        self.board.found(REPLICA, another=True)
        self.proves()
        self.board.observe(STORAGE, GOOD, at=self.now)

    def ready(self) -> bool:
        return self.board.status.ready

    def passes(self, seconds: float) -> None:
        """Lets time pass; what was to be called by then is."""
        self.now += seconds
        due, self.timers = self.timers, []
        for call in due:
            call()

    def proves(self) -> None:
        for id_ in PROOFS:
            self.board.observe(id_, GOOD, at=self.now)

    def hears(self, *, sound: bool = True) -> None:
        """Another replica has just given a sign of life."""
        me = Member("me", Account("me"), 0.0, self.now)
        other = Member("b", Account("b", sound=sound), 0.0, self.now)
        self.board.roster_changed(Roster(True, "me", (other, me), at=self.now))

    def _later(self, _: float, call: Callable[[], None]) -> Any:
        self.timers.append(call)


def held() -> Fake:
    """One that is held in, and shown to serve."""
    one = Fake()
    one.hears()
    one.passes(100.0)
    one.board.observe(STORAGE, BAD, at=one.now)
    one.passes(EVERY)
    one.proves()
    return one


def test_a_fault_that_leaves_the_replica_serving_asks_for_the_proof_at_once_and_is_excused() -> None:
    one = held()
    assert one.asked[0] == PROOFS
    assert one.ready()
    assert one.board.status.entries[STORAGE].outcome is Outcome.FAIL
    assert one.board.status.components[STORAGE].gate is Gate.ALERT
    assert not one.board.sound
    assert [event for event, _ in one.said] == ["the readiness policy keeps the replica in"]


def test_a_proof_that_does_not_come_takes_it_out_without_any_event() -> None:
    one = Fake()
    one.passes(100.0)
    one.board.observe(STORAGE, BAD, at=one.now)
    assert one.ready()
    one.passes(PROVING)
    assert not one.ready()
    assert one.said[-1][1]["why"] == "it is not shown to serve"


def test_the_proof_is_made_anew_now_and_then_while_something_is_excused() -> None:
    one = held()
    before = len(one.asked)
    for _ in range(int(4 * RENEWED)):
        one.passes(EVERY)
        one.proves()
    assert one.ready()
    assert len(one.asked) - before == 4


def test_the_word_of_another_takes_it_out_and_its_own_recovery_brings_it_back() -> None:
    one = held()
    one.passes(5.0)
    one.hears()
    assert one.ready()
    one.passes(5.0)
    one.hears()
    assert not one.ready()
    assert one.said[-1][0] == "the readiness policy keeps the replica in no more"
    one.hears(sound=False)
    assert not one.ready()
    one.board.observe(STORAGE, GOOD, at=one.now)
    assert (one.ready(), one.board.sound) == (True, True)


def test_a_drain_is_never_excused() -> None:
    one = held()
    one.board.put("replica.drain", BAD)
    assert not one.ready()


def test_another_process_in_its_place_is_out_until_it_is_sound() -> None:
    one = held()
    one.passes(EVERY)
    one.board.found(REPLICA, another=True)
    assert not one.ready()
    one.proves()
    assert not one.ready()


def test_with_strict_again_nothing_is_excused() -> None:
    one = held()
    one.board.replan(plan(*((one.made.checks[id_], Probe()) for id_ in one.made.checks)))
    assert not one.ready()
    assert one.board.status.components[STORAGE].gate is Gate.READY


def test_the_policy_cluster_is_serving_where_the_registry_is_turned_off() -> None:
    one = Fake(Settings(readiness_policy="cluster"))
    assert one.made.policy == "serving"
    one.passes(10.0)
    one.board.observe(STORAGE, BAD, at=one.now)
    assert not one.ready()


def test_by_strict_a_map_is_told_as_it_is() -> None:
    one = Board(plan((check(STORAGE), Probe())))
    seen: list[StatusMap] = []
    one.subscribe(lambda _: seen.append(one.status))
    one.observe(STORAGE, BAD, at=one.now())
    assert seen[-1].components[STORAGE].gate is Gate.READY
    assert not one.sound


def test_a_rejected_listener_takes_nobody_out_who_still_serves_until_the_settings_say_so(
    standin: StandIn, tmp_path: Path
) -> None:
    """On a real replica: what is told agrees everywhere, and a reload of the settings is followed at once."""
    replica = standin()
    settings = tmp_path / "settings.toml"
    settings.write_text('readiness_policy = "serving"\n')
    options = ("--pid", str(replica.pid), "--settings", str(settings))
    with agent(tmp_path, *options) as one:
        until(one.ready, lambda: one.get("/alerts"))
        port = str(replica.options["metrics_address"]).rpartition(":")[2]
        with watched(one) as seen:
            replica.rewrite(metrics_address=f"192.0.2.1:{port}")  # RFC 5737: no machine has it
            until(lambda: ("xds.listener", "rejected") in one.alerts(), lambda: one.get("/alerts"))
            until(lambda: _proved(one), lambda: one.get("/status"))
        assert seen.ready == [200]
        alert = next(alert for alert in one.get("/alerts")[1]["alerts"] if alert["id"] == "xds.listener")
        assert (alert["gate"], alert["stops"]) == ("alert", [])
        assert "readiness_policy serving: this stops nothing" in alert["summary"]
        assert "error" not in one.get("/status")[1]["statuses"]["xds.listener"]
        asked = [sys.executable, "-m", "pomhealth", "health", "-a", one.address]
        told = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
        assert (told.returncode, "alert" in told.stdout) == (0, True)

        settings.write_text('readiness_policy = "strict"\n')
        one.process.send_signal(signal.SIGHUP)
        until(lambda: not one.ready(), lambda: one.get("/alerts"))
        settings.write_text('readiness_policy = "serving"\n')
        one.process.send_signal(signal.SIGHUP)
        until(one.ready, lambda: one.get("/alerts"))


def _proved(one: Agent) -> bool:
    """Whether a request was made through the main listener since the listener was rejected."""
    statuses = one.get("/status")[1]["statuses"]
    return bool(statuses["proxy.service"]["checked"] >= statuses["xds.listener"]["since"])
