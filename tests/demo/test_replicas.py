"""`pomhealth demo --replicas`: equal replicas on one PostgreSQL, whose agents know of each other."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from pomhealth.cli.demo import command
from tests.demos import Demo, running_demo, until


def _told(demo: Demo, by: str) -> list[tuple[str, bool, tuple[str, str] | None]]:
    """Each replica as this agent tells of it: its state, whether it is the agent's own, its worst ailment."""
    replicas: list[Any] = Demo(by, demo.environment).get("/replicas")[1]["replicas"]
    return sorted(
        (one["state"], one["self"], (one["worst"]["id"], one["worst"]["cause"]) if one["worst"] else None)
        for one in replicas
    )


def test_a_fault_of_the_first_replica_shows_at_the_agent_of_the_second_and_so_does_its_end() -> None:
    with running_demo(replicas=2) as demo:
        (second,) = demo.others
        well = [("ready", False, None), ("ready", True, None)]
        for agent in (demo.listen, second):
            until(lambda agent=agent: _told(demo, agent) == well, lambda agent=agent: _told(demo, agent))  # type: ignore[misc]
        assert _configurations(demo) == 1
        assert demo.alerts() == set()
        demo.do("--break", "envoy-hang")
        ailing = [("not-ready", False, ("envoy.server", "stopped")), ("ready", True, None)]
        until(lambda: _told(demo, second) == ailing, lambda: _told(demo, second))
        assert Demo(second, demo.environment).ready() == 200
        demo.do("--heal", "all")
        until(lambda: _told(demo, second) == well, lambda: _told(demo, second))


def _configurations(demo: Demo) -> int:
    """How many different configurations the replicas have."""
    return len({one["config"] for one in demo.get("/replicas")[1]["replicas"]})


@pytest.mark.parametrize("number", ["0", "6", "many"])
def test_no_other_number_of_replicas_is_taken(number: str) -> None:
    done = CliRunner().invoke(command, ["--replicas", number])
    assert done.exit_code == 2  # a wrong usage, of which `pomhealth` itself makes 64
    assert "Invalid value for '--replicas'" in done.output


def test_agents_for_whom_there_are_too_few_ports_are_refused_in_one_line() -> None:
    done = CliRunner().invoke(command, ["--replicas", "3", "--listen", "127.0.0.1:65534"])
    assert done.exit_code == 1
    assert done.output == (
        "Error: too few free ports after 127.0.0.1:65534 for 3 agents; choose another --listen\n"
    )
