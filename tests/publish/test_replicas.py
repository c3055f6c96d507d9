"""/replicas and /replicas/ID, as answered from a view."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from pomhealth.cluster.model import OFF, Agentless, Lease, Member, Roster, Trouble
from pomhealth.publish import members, routes
from pomhealth.publish.message import Request, Response
from pomhealth.publish.metrics.cluster import points
from pomhealth.publish.view import View
from pomhealth.report.origins import settings_section
from pomhealth.settings import Settings
from tests.cluster.rosters import CUT, EVERY, EXPIRING, HOSTILE, READ_ONLY, TURN, WHOLE, id_of, member, roster
from tests.publish.views import AT, view
from tests.schemas.shapes import errors

NOW = "2027-01-15T08:00:00.000Z"


def shown(known: Roster, **more: Any) -> View:
    return view({}, roster=known, **more)


def ask(seen: View, path: str = "/replicas", query: tuple[tuple[str, str], ...] = ()) -> Response:
    return routes.answer(Request("GET", path, query, "*/*", keep=True, body=False), seen)


def told(seen: View, path: str = "/replicas", query: tuple[tuple[str, str], ...] = ()) -> dict[str, Any]:
    """The document, which fits its schema."""
    answer = ask(seen, path, query)
    assert (answer.status, answer.kind) == (200, "application/json")
    document: dict[str, Any] = json.loads(answer.body)
    assert errors("replicas" if path == "/replicas" else "replica", document) == []
    return document


def states(document: dict[str, Any]) -> dict[str, str]:
    return {one["host"]: one["state"] for one in document["replicas"]}


def test_every_replica_is_told_with_its_state_and_those_without_an_agent_last() -> None:
    assert states(told(shown(WHOLE))) == {
        "db1": "ready",
        "db2": "not-ready",
        "db3": "draining",
        "db4": "stale",
        "db5": "stopped",
        "10.0.0.7:443": "no-agent",
    }


def test_a_replica_that_was_silent_for_more_than_a_day_is_counted_and_told_to_who_asks_for_all() -> None:
    assert told(shown(WHOLE))["hidden"] == 1
    everyone = told(shown(WHOLE), query=(("all", ""),))
    assert (everyone["hidden"], states(everyone)["db6"]) == (0, "forgotten")
    assert told(shown(WHOLE), query=(("all", "0"),))["hidden"] == 1


def test_only_one_that_gives_signs_of_life_is_ready() -> None:
    document = told(shown(WHOLE))
    assert [one["host"] for one in document["replicas"] if one["ready"]] == ["db1"]
    assert document["ready"] == 1


def test_the_whole_is_told_with_what_is_expected_the_policy_and_the_moment() -> None:
    settings = settings_section(Settings(readiness_policy="serving"))
    document = told(shown(WHOLE, expected=3, sections=(settings,)))
    assert [document[key] for key in ("enabled", "complete", "notice", "fix")] == [True, True, "", []]
    assert [document[key] for key in ("at", "self", "expected", "policy")] == [NOW, id_of(1), 3, "serving"]


def test_a_line_has_what_a_replica_runs_and_the_worst_that_it_suffers_from() -> None:
    line = told(shown(WHOLE))["replicas"][1]
    assert line["worst"] == line["ailments"][0]
    assert line["worst"] == {
        "id": "storage.backend",
        "cause": "read-only",
        "outcome": "fail",
        "gate": "ready",
        "summary": "PostgreSQL takes no writes",
    }
    assert [line[key] for key in ("pomerium", "envoy", "agent_version")] == ["0.33.1", "1.36.2", "0.8.0"]
    assert (line["last_seen"], line["self"]) == ("2027-01-15T07:59:56.000Z", False)


def test_each_replica_has_a_line_of_its_own() -> None:
    lines = ask(shown(WHOLE)).body.decode().splitlines()
    assert [line for line in lines if '"db2"' in line] == [line for line in lines if "read-only" in line]


def test_where_the_cluster_is_off_it_says_how_to_turn_it_on() -> None:
    document = told(shown(OFF))
    assert (document["enabled"], document["complete"], document["replicas"]) == (False, False, [])
    assert document["notice"] == "the cluster view is off"
    assert "`cluster = true`" in document["fix"][0]


def test_a_registry_that_is_away_is_told_with_its_reason_its_steps_and_how_old_the_rest_is() -> None:
    document = told(shown(replace(WHOLE, trouble=CUT)))
    assert document["complete"] is False
    assert document["notice"] == (
        "the cluster view is incomplete, as of 08:00:00 UTC: connection refused (127.0.0.1:5432)"
    )
    assert document["fix"] == list(CUT.steps)
    assert states(document)["db1"] == "ready"


def test_before_the_first_look_nothing_is_known_and_that_is_said() -> None:
    early = told(shown(Roster(wanted=True)))
    assert (early["complete"], early["at"]) == (False, "")
    assert early["notice"] == "the cluster view is not there yet: the registry has not been read yet"
    refused = told(shown(Roster(wanted=True, trouble=Trouble("refused", "it is\nno PostgreSQL"))))
    assert refused["notice"] == "the cluster view is not there yet: it is no PostgreSQL"
    assert refused["fix"]


def test_who_may_restart_is_told_for_as_long_as_that_lasts() -> None:
    assert told(shown(replace(WHOLE, lease=TURN)))["rollout"] == {
        "holder": id_of(1),
        "host": "db1",
        "until": "2027-01-15T08:03:10.000Z",
    }
    assert told(shown(replace(WHOLE, lease=Lease(id_of(1), AT))))["rollout"] is None
    assert told(shown(replace(WHOLE, lease=Lease("gone", AT + 1))))["rollout"]["host"] == ""


@pytest.mark.parametrize("word", [id_of(2), "db2"])
def test_one_replica_is_told_whole_by_its_id_or_its_host(word: str) -> None:
    checks = {"storage.backend": "fail read-only", "envoy.server": "pass"}
    known = roster(member(1, "db1"), member(2, "db2", READ_ONLY, *[EXPIRING] * 30, checks=checks))
    document = told(shown(known), f"/replicas/{word}")
    assert (document["id"], document["state"], document["at"]) == (id_of(2), "not-ready", NOW)
    assert document["checks"] == checks
    assert len(document["ailments"]) == 31
    assert len(told(shown(known))["replicas"][1]["ailments"]) == 16


def test_one_without_an_agent_is_told_by_its_address() -> None:
    document = told(shown(WHOLE), "/replicas/10.0.0.7:443")
    assert (document["agent"], document["seen_by"]) == (False, "the databroker's services name it")


def test_an_unknown_replica_is_answered_with_the_nearest() -> None:
    answer = ask(shown(WHOLE), "/replicas/db22")
    assert answer.status == 404
    assert answer.body == b"there is no replica 'db22'; did you mean 'db2'?\n"
    assert b"did you mean" in ask(shown(WHOLE), f"/replicas/{id_of(2)[:8]}").body


def test_a_host_that_several_replicas_are_on_is_answered_with_their_ids() -> None:
    answer = ask(shown(roster(member(1, "db1"), member(2, "db1"))), "/replicas/db1")
    assert answer.status == 404
    assert answer.body.decode().startswith(
        f"2 replicas are on 'db1'; name one by its id: {id_of(1)}, {id_of(2)}"
    )


def test_what_is_asked_for_comes_back_as_nothing_that_a_terminal_obeys() -> None:
    body = ask(shown(WHOLE), f"/replicas/{HOSTILE}" + "x" * 5000).body.decode()
    assert body.rstrip("\n").isprintable()
    assert len(body) < 300


def test_where_the_cluster_is_off_no_replica_is_known_by_name() -> None:
    answer = ask(shown(OFF), "/replicas/db1")
    assert (answer.status, answer.body) == (404, b"the cluster view is off: no replica is known by name\n")


def test_a_hostile_row_spoils_nothing() -> None:
    worst = replace(READ_ONLY, summary=HOSTILE * 100, id=HOSTILE)
    said: dict[str, Any] = {
        "pomerium": HOSTILE,
        "addresses": {HOSTILE: HOSTILE * 99},
        "checks": dict.fromkeys(map(str, range(500)), "x"),
    }
    bad = replace(
        member(2, HOSTILE * 50, *[worst] * 500, clock=float("inf"), **said),
        first_seen=1e300,
        config_since=-5.0,
    )
    body = ask(shown(roster(member(1, "db1"), bad))).body
    assert body.isascii()
    assert body.decode().replace("\n", "").isprintable()
    assert len(body) < 40_000
    line = told(shown(roster(member(1, "db1"), bad)))["replicas"][1]
    assert (line["clock"], line["first_seen"], line["config_since"]) == (None, "", "")


def test_a_line_follows_its_replica_through_every_change() -> None:
    """What is kept of a line is used again only where it is still so."""
    kept = shown(WHOLE)
    told(kept)
    turns: list[tuple[Member, ...]] = [
        (replace(EVERY[0], last_seen=AT - 1), *EVERY[1:]),
        (replace(EVERY[0], config_since=AT - 7), *EVERY[1:]),
        (replace(EVERY[0], account=replace(EVERY[0].account, pomerium="0.34.0")), *EVERY[1:]),
        (replace(EVERY[0], stopped=True), *EVERY[1:]),
        EVERY[:2],
        EVERY[1:],
        (),
        EVERY,
    ]
    for now in turns:
        for mine in (id_of(1), id_of(2)):
            known = roster(*now, mine=mine) if now else roster()
            assert told(replace(kept, roster=known)) == told(shown(known))


def test_the_text_of_a_replica_that_is_gone_is_not_kept() -> None:
    lines = members.Lines()
    for number in range(50):
        known = roster(*(member(number * 100 + place, "x") for place in range(10)))
        lines.all(known, [(one, "ready") for one in known.members])
        assert len(lines._kept) <= 20


def test_the_series_of_the_cluster_are_there_only_where_there_is_one() -> None:
    assert [(family.name, point.value) for family, point in points(shown(OFF))] == [
        ("pomhealth_cluster_enabled", False)
    ]
    found = {(family.name, point.labels): point.value for family, point in points(shown(WHOLE, expected=3))}
    counts = {
        labels[0]: value for (name, labels), value in found.items() if name == "pomhealth_cluster_replicas"
    }
    assert counts == {"ready": 1, "not-ready": 1, "draining": 1, "stale": 1, "stopped": 1, "no-agent": 1}
    assert found["pomhealth_cluster_expected_replicas", ()] == 3
    assert found["pomhealth_cluster_complete", ()]


def test_while_the_registry_is_away_that_is_a_series_and_the_counts_stay() -> None:
    found = {family.name: point.value for family, point in points(shown(replace(WHOLE, trouble=CUT)))}
    assert found["pomhealth_cluster_complete"] == 0
    assert "pomhealth_cluster_replicas" in found
    early = {family.name for family, _ in points(shown(Roster(wanted=True)))}
    assert "pomhealth_cluster_replicas" not in early


def test_an_agentless_replica_is_hostile_input_too() -> None:
    known = roster(member(1, "db1"), agentless=(Agentless(HOSTILE * 100, HOSTILE),))
    assert ask(shown(known)).body.isascii()
    assert told(shown(known))["replicas"][1]["state"] == "no-agent"
