"""What is made of an agent's answers, whoever wrote them."""

from __future__ import annotations

import json

import pytest

from pomhealth.status import Outcome
from pomhealth.watch.reading import NotAnAgent, read_data, read_status, read_turn
from tests.watch.example import HOSTILE, ILL, STEP, WELL, document, entry, snapshot, turn


def test_a_check_is_read_with_all_that_is_known_of_it() -> None:
    check = snapshot(ILL).checks[1]
    assert (check.id, check.outcome, check.cause, check.stops) == (
        "storage.backend",
        Outcome.FAIL,
        "read-only",
        True,
    )
    assert (check.reported, check.who, check.fix[0]) == ("RUNNING", "database", STEP)
    assert check.evidence[0].expected == "a server that takes writes"
    assert snapshot(ILL).turns[0].followers == ("storage.backend.cleanup",)


def test_the_replica_is_told_in_a_few_words() -> None:
    assert snapshot(WELL).about == "Pomerium 0.33.1, storage postgres"
    assert snapshot({**WELL, "replica": {"state": "awaited"}}).about == "no replica runs yet"


def test_what_counts_and_is_unknown_is_awaited_but_not_what_cannot_be_seen() -> None:
    said = document(a=entry("unknown"), b=entry("unknown"))
    said["unobserved"] = {"b": "no right", "c": "no right either"}
    assert [(one.id, one.pending) for one in snapshot(said).checks] == [
        ("a", True),
        ("b", False),
        ("c", False),
    ]


def test_nothing_that_a_terminal_would_obey_is_left_in_any_text() -> None:
    hostile = entry(
        "fail",
        cause=HOSTILE,
        summary=HOSTILE,
        fix=[HOSTILE],
        since=HOSTILE,
        evidence=[{"source": HOSTILE, "observed": HOSTILE, "expected": HOSTILE}],
        reported={"status": HOSTILE, "error": HOSTILE},
    )
    said = document(turn(HOSTILE, HOSTILE, HOSTILE))
    said["statuses"][HOSTILE] = hostile
    said |= {"notice": HOSTILE, "unobserved": {HOSTILE * 2: HOSTILE}, "drain": {"state": HOSTILE}}
    said["replica"]["version"] = HOSTILE
    assert repr(snapshot(said)).isprintable()
    assert "[bold red]" in repr(snapshot(said))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no JSON",
        b"[]",
        b"[" * 100000,
        b"{}",
        b'{"ready": "yes"}',
        b'{"statuses": {"envoy.server": {"status": "RUNNING"}}, "checks": []}',  # a replica's own server
    ],
)
def test_what_is_not_an_agents_answer_is_refused(body: bytes) -> None:
    with pytest.raises(NotAnAgent):
        read_status(body)


@pytest.mark.parametrize(
    "change",
    [
        {"statuses": None},
        {"statuses": {"a": 7, "b": {"outcome": "odd", "evidence": [1], "fix": "x", "reported": []}}},
        {"checks": {}, "unobserved": [], "history": [None, 3, {}, {"at": 1, "id": 2, "is": 3}]},
        {"replica": 1, "drain": "x", "notice": 7},
        {"history": [{"at": "a", "id": "b", "is": "c", "lasted": 1e400, "followers": [1]}]},
        {"history": [{"at": "a", "id": "b", "is": "c", "lasted": 10**400}]},
    ],
)
def test_a_part_that_is_not_as_it_should_be_harms_no_other(change: dict[str, object]) -> None:
    read_status(json.dumps({**WELL, **change}).encode())


def test_the_data_of_an_event_is_an_object_or_nothing() -> None:
    assert read_data('{"beat": 10}') == {"beat": 10}
    assert [read_data(data) for data in ("", "[1]", "{", "[" * 100000)] == [{}, {}, {}, {}]
    assert read_turn({"at": "now"}) is None
