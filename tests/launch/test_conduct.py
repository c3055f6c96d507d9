"""What is decided where only time tells: an agent that hangs, and one that ends again and again."""

from __future__ import annotations

import signal

from pomhealth.launch.conduct import CLOSING, FIRST_PAUSE, LONGEST_PAUSE, MARGIN, STEADY, Conduct


class Asked:
    """Notes what is asked of the hands."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.said: list[str] = []

    def to_agent(self, number: int) -> None:
        self.done.append(f"agent {signal.Signals(number).name}")

    def to_command(self, number: int) -> None:
        self.done.append(f"command {signal.Signals(number).name}")

    def start_agent(self) -> None:
        self.done.append("agent starts")

    def say(self, level: str, event: str, **values: float) -> None:
        self.said.append(f"{level}: {event} {values}")


def begun(limit: float = 90.0) -> tuple[Conduct, Asked]:
    hands = Asked()
    conduct = Conduct(hands, limit)
    conduct.begin(0.0)
    return conduct, hands


def test_a_hung_agent_gets_the_time_of_a_drain_and_the_command_is_stopped_then() -> None:
    conduct, hands = begun(limit=90.0)
    conduct.signal(signal.SIGTERM, 10.0)
    assert conduct.left(10.0) == 90.0 + MARGIN
    conduct.pass_time(10.0 + 90.0 + MARGIN)
    assert hands.done == ["agent starts", "agent SIGTERM", "command SIGTERM"]
    assert conduct.left(200.0) is None, "how long the replica takes to end is for the supervisor to bound"


def test_a_hung_agent_does_not_keep_a_container_whose_command_has_ended() -> None:
    conduct, hands = begun()
    conduct.command_ended(7, 10.0)
    assert conduct.status is None
    conduct.pass_time(10.0 + CLOSING)
    assert hands.done[1:] == ["agent SIGINT", "agent SIGKILL"]
    assert conduct.status == 7


def test_the_pauses_before_a_new_start_grow_up_to_a_bound() -> None:
    conduct, _ = begun()
    now, pauses = 0.0, []
    for _ in range(8):
        conduct.agent_ended(1, now)
        pauses.append(conduct.left(now))
        now += pauses[-1] or 0.0
        conduct.pass_time(now)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-2:] == [LONGEST_PAUSE, LONGEST_PAUSE]


def test_an_agent_that_had_been_well_is_started_again_soon() -> None:
    conduct, _ = begun()
    for _ in range(4):
        conduct.agent_ended(1, 0.0)
        conduct.pass_time(100.0)
    conduct.agent_ended(1, 100.0 + STEADY)
    assert conduct.left(100.0 + STEADY) == FIRST_PAUSE


def test_a_stop_while_no_agent_runs_goes_to_the_command() -> None:
    conduct, hands = begun()
    conduct.agent_ended(1, 10.0)
    conduct.signal(signal.SIGTERM, 10.5)
    conduct.pass_time(60.0)
    assert hands.done == ["agent starts", "command SIGTERM"]


def test_a_reload_while_no_agent_runs_goes_to_the_command() -> None:
    conduct, hands = begun()
    conduct.agent_ended(1, 10.0)
    conduct.signal(signal.SIGHUP, 10.5)
    assert hands.done[1:] == ["command SIGHUP"]


def test_a_command_that_ends_during_the_drain_ends_everything() -> None:
    conduct, hands = begun()
    conduct.signal(signal.SIGTERM, 10.0)
    conduct.command_ended(0, 11.0)
    conduct.agent_ended(130, 11.1)
    assert hands.done[1:] == ["agent SIGTERM", "agent SIGINT"]
    assert conduct.status == 0
