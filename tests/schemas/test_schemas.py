"""The published schemas are fresh, and fit what pomhealth answers: nothing more, nothing less."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from pomhealth.catalogue import CURERS, catalogue
from pomhealth.drain.model import Drain, End, Left, Reason, Terms, told
from pomhealth.publish import render
from pomhealth.publish.view import View, summary
from pomhealth.replica.report import parse_status
from pomhealth.report.document import document
from pomhealth.report.items import items
from pomhealth.report.schemas import schemas, written
from pomhealth.status import (
    Evidence,
    Finding,
    Gate,
    Outcome,
    Report,
    failed,
    not_applicable,
    passed,
    unseen,
    warned,
)
from pomhealth.status.changes import Change
from pomhealth.status.finding import Validity
from tests.publish import views
from tests.publish.views import AT
from tests.report.example import CATALOGUE, REPLICA, status
from tests.schemas.shapes import SCHEMAS, errors, schema

NAMES = ["alerts", "check", "config", "event", "readyz", "replica", "replicas", "status"]
SEEN = Evidence("a", "b", "c")
RECORDINGS = sorted((Path(__file__).parents[1] / "recordings").glob("*/pomerium_status.http"))
CHANGE = Change(
    AT, "storage.backend", Outcome.FAIL, "timeout", "no answer", "pass", 12.3456, ("proxy.service",)
)
DRAIN = Drain(Reason.ASKED, Terms(10.0, 90.0), 12.0, Left(3, 1), 5)


def view(findings: dict[str, Finding | None], reports: dict[str, Report] | None = None, **more: Any) -> View:
    """Of a replica, as the agent always shows one."""
    return views.view(findings, reports, **{"replica": summary(REPLICA), "history": (CHANGE,), **more})


def served(shown: View) -> dict[str, Any]:
    """What the agent answers of a view, by the schema that speaks of it."""
    entries = shown.status.entries.values()
    return {
        "status": json.loads(render.status(shown)),
        "alerts": json.loads(render.alerts(shown)),
        "readyz": json.loads(render.flat(shown, entries)),
        "event": json.loads(json.dumps(render.turn(CHANGE, shown))),
    }


def wrong(shown: View) -> list[str]:
    return [error for name, answer in served(shown).items() for error in errors(name, answer)]


def test_there_is_a_file_for_each_and_it_is_as_the_code_makes_it() -> None:
    """`python -m pomhealth.report.schemas docs/schemas` writes them."""
    made = schemas()
    assert sorted(one.name for one in SCHEMAS.iterdir()) == sorted(made)
    for name, shape in made.items():
        assert (SCHEMAS / name).read_text(encoding="utf-8") == written(shape)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_schema_and_everything_in_it_is_described(name: str) -> None:
    Draft202012Validator.check_schema(schema(name))
    for shape in schemas()[f"{name}.schema.json"]["$defs"].values():
        assert shape["description"]
        assert all("description" in one or "$ref" in one for one in shape["properties"].values())


@pytest.mark.parametrize("check", list(catalogue()), ids=lambda check: check.id)
def test_every_cause_of_every_check_fits(check: Any) -> None:
    for cause in check.causes.values():
        id_ = check.id.replace("<name>", "google")
        found = Finding(cause.outcome, "it is so", cause.code, (SEEN,), attributes=(("Key", "Value"),))
        if check.id in catalogue().checks and check.id == id_:
            assert wrong(view({id_: found})) == []
        map_ = status(storage__backend=found)
        answer = {"error": None, **document(items(map_, CATALOGUE), REPLICA)}
        assert errors("check", json.loads(json.dumps(answer))) == []


def test_every_other_state_fits() -> None:
    expiring = replace(
        warned("expiring", "soon", SEEN),
        certificates=(Validity("a", "b", "01", AT, AT + 1), Validity("c", "d", problem="it cannot be read")),
    )
    shown = view(
        {
            "envoy.server": failed("hung", "no answer", SEEN, silent=True),
            "xds.listener": failed("rejected", "no", SEEN),
            "storage.backend": None,
            "proxy.service": passed("well"),
            "certificates_current": expiring,
            "zero.connect": not_applicable("no"),
            "routes.reachable": unseen("a right is lacking"),
        },
        {
            "proxy.service": Report("TERMINATING", "going"),
            "some.thing.new": Report("RUNNING", "no", (("a", "b"),)),
        },
        notice="awaited",
        control="@x",
    )
    assert wrong(shown) == []
    assert wrong(replace(shown, replica=summary(None))) == []


@pytest.mark.parametrize(
    "drain",
    [
        DRAIN,
        replace(DRAIN, left=None),
        replace(DRAIN, left=Left()),
        *(replace(DRAIN, end=end) for end in End),
    ],
)
def test_every_state_of_a_drain_fits(drain: Drain) -> None:
    assert wrong(view({"proxy.service": passed("well")}, drain=told(drain))) == []


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.parent.name)
def test_what_every_recorded_replica_reported_fits(recording: Path) -> None:
    body = recording.read_bytes().partition(b"\r\n\r\n")[2] or recording.read_bytes().partition(b"\n\n")[2]
    shown = view({"proxy.service": passed("well")}, dict(parse_status(body)))
    assert wrong(shown) == []


def test_a_reader_is_not_broken_by_what_a_later_release_adds() -> None:
    for name, answer in served(view({"proxy.service": failed("no-answer", "no", SEEN)})).items():
        more = {**answer, "later": {"x": 1}} if name != "readyz" else answer
        Draft202012Validator(schema(name)).validate(more)


SPOILT: dict[str, Callable[[Any], Any]] = {
    "status: no map": lambda told: {key: value for key, value in told["status"].items() if key != "statuses"},
    "status: ready is a word": lambda told: {**told["status"], "ready": "yes"},
    "status: a list": lambda told: [told["status"]],
    "alerts: a severity of its own": lambda told: {
        **told["alerts"],
        "alerts": [{**told["alerts"]["alerts"][0], "outcome": "critical"}],
    },
    "alerts: nobody's matter": lambda told: {
        **told["alerts"],
        "alerts": [{**told["alerts"]["alerts"][0], "who": "somebody"}],
    },
    "alerts: no evidence": lambda told: {**told["alerts"], "alerts": [{"id": "x"}]},
    "readyz: an unknown outcome": lambda told: {
        "a": {**next(iter(told["readyz"].values())), "outcome": "red"}
    },
    "readyz: seconds for a time": lambda told: {"a": {**next(iter(told["readyz"].values())), "since": 1.5}},
    "readyz: another form of time": lambda told: {
        "a": {**next(iter(told["readyz"].values())), "since": "2027-01-15 08:00"}
    },
    "event: time to come": lambda told: {**told["event"], "lasted": -1},
    "event: no verdict": lambda told: {key: value for key, value in told["event"].items() if key != "ready"},
}


@pytest.mark.parametrize("what", SPOILT)
def test_a_wrong_document_is_refused(what: str) -> None:
    good = served(view({"proxy.service": failed("no-answer", "no", SEEN)}))
    name = what.partition(":")[0]
    assert Draft202012Validator(schema(name)).is_valid(good[name])
    assert not Draft202012Validator(schema(name)).is_valid(SPOILT[what](good))


def test_the_words_are_those_of_the_code() -> None:
    entry = schema("status")["$defs"]["entry"]["properties"]
    assert entry["outcome"]["enum"] == [one.value for one in Outcome]
    assert entry["who"]["enum"] == ["", *CURERS]
    assert schema("alerts")["$defs"]["alert"]["properties"]["gate"]["enum"] == [one.value for one in Gate]
