"""What is said of generated files besides what is in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pomhealth.generate.notes import notes
from pomhealth.generate.render import KINDS
from pomhealth.generate.values import DEFAULTS, Values
from pomhealth.replica.model import Platform, Process, Replica
from pomhealth.settings import Settings

SETTINGS = "/etc/pomhealth/pomhealth.toml"
REPLICA = Replica(main=Process(812, 1, 990, 991), platform=Platform("linux"))
CONTAINED = replace(REPLICA, platform=Platform("docker", "/.dockerenv"))


def told(
    kind: str,
    values: Values = DEFAULTS,
    replica: Replica | None = REPLICA,
    origins: dict[str, str] | None = None,
) -> list[str]:
    return list(notes(kind, values, replica, Settings(origins=origins or {}), SETTINGS))


@pytest.mark.parametrize("replica", [None, REPLICA])
@pytest.mark.parametrize("kind", KINDS)
def test_of_a_usual_place_there_is_nothing_to_say(kind: str, replica: Replica | None) -> None:
    said = {
        "listen": "option --listen",
        "drain_limit": "environment POMHEALTH_DRAIN_LIMIT",
        "drain_notice": SETTINGS,
    }
    assert told(kind, DEFAULTS, replica, said) == []


def test_units_for_a_replica_in_a_container() -> None:
    assert told("compose", replica=CONTAINED) == []
    assert told("systemd", replica=CONTAINED) == [
        "the replica runs in a container (/.dockerenv), and these files are for one that does not"
    ]


@pytest.mark.parametrize("what", ["options", "environment"])
def test_options_that_cannot_be_seen(what: str) -> None:
    hidden = replace(REPLICA, missing={what: "run as the replica's user (uid 990)"})
    assert told("compose", replica=hidden) == [
        "not every option of the replica can be seen, and a default may stand for one: run as the replica's user (uid 990)"
    ]
    assert told("compose", replica=replace(hidden, offline=True)) == []


@pytest.mark.parametrize("where", ["/home/me/.venv/bin", "/root/venv/bin", "/tmp/venv/bin"])
def test_a_program_or_settings_where_a_hardened_service_sees_nothing(where: str) -> None:
    program, settings = (
        replace(DEFAULTS, program=f"{where}/pomhealth"),
        replace(DEFAULTS, settings=f"{where}/p.toml"),
    )
    (one,), (other,) = told("systemd", program), told("systemd", settings)
    assert one.startswith(f"{where}/pomhealth lies where a hardened service sees nothing")
    assert other.startswith(f"{where}/p.toml lies where a hardened service sees nothing")
    assert other.endswith(f"put it at {SETTINGS}")


def test_a_drain_that_fargate_would_cut_short() -> None:
    patient = replace(DEFAULTS, limit=200)
    assert told("ecs", patient) == [
        "Fargate gives a stop 120 s in all: a drain of 200 s ends there after 90 s"
    ]
    assert told("compose", patient) == []


def test_settings_that_are_in_none_of_the_files() -> None:
    origins = {
        "fall": "environment POMHEALTH_FALL",
        "rise": SETTINGS,
        "gates": SETTINGS,
        "gates.zero.connect": SETTINGS,
    }
    assert told("systemd", origins=origins) == [
        f"POMHEALTH_FALL: set here, and not in these files; say it in {SETTINGS}"
    ]
    assert told("ecs", origins=origins) == [
        "POMHEALTH_FALL: set here, and not in these files; say it in the environment of the agent's container",
        f"{SETTINGS} says more than these files do: put it into the agent's container as {SETTINGS}",
    ]
