"""What the replica has not finished: databroker.sync.initial; and ids that nobody here has heard of."""

from __future__ import annotations

import json

import pytest

from pomhealth.agent import plan as plans
from pomhealth.agent.board import Board
from pomhealth.catalogue import catalogue, cause_of, steps
from pomhealth.replica.report import parse_status
from pomhealth.settings import Settings
from pomhealth.status import Entry, Gate, Outcome, Report
from tests.status.test_reported import recorded

ID = "databroker.sync.initial"


def entry(id_: str, *reports: dict[str, object] | None, required: bool = True) -> Entry:
    """The entry after these reports in a row, each a live replica's but for this id; None leaves it out."""
    board = Board(plans.make(catalogue(), {}, Settings()))
    for said in reports:
        document = recorded("healthy-v0.33.1")
        document["statuses"].pop(id_, None)
        if said is not None:
            document["statuses"][id_] = said
        if required and id_ not in document["checks"]:
            document["checks"].append(id_)
        board.report(parse_status(json.dumps(document).encode()), lacking="")
    return board.status.entries[id_]


@pytest.mark.proves("databroker.sync.initial/pending", by="recording")
@pytest.mark.parametrize("said", [None, {"status": "UNKNOWN"}, {"status": "STARTING"}])
def test_a_first_synchronisation_that_says_nothing_yet_is_pending(said: dict[str, object] | None) -> None:
    """A check that is required and not in the report counts as UNAVAILABLE, as in the replica's own /readyz."""
    found = entry(ID, said).finding
    assert found is not None
    assert (found.outcome, found.cause) == (Outcome.FAIL, "pending")
    assert found.evidence
    assert steps(found, catalogue().find(ID))


def test_it_is_over_with_the_first_report_that_it_runs() -> None:
    assert entry(ID, {"status": "UNKNOWN"}, {"status": "RUNNING"}).outcome is Outcome.PASS


@pytest.mark.parametrize("said", [{"status": "UNKNOWN", "error": "broken"}, {"status": "TERMINATING"}])
def test_an_error_or_an_end_is_more_than_pending(said: dict[str, object]) -> None:
    found = entry(ID, said).finding
    assert found is not None
    assert found.cause == "reported"


def test_where_pending_is_no_cause_of_its_own_it_counts_as_reported() -> None:
    found = entry("databroker.cluster", {"status": "UNKNOWN"}).finding
    assert found is not None
    assert found.cause == "reported"


@pytest.mark.parametrize(("required", "gate"), [(True, Gate.READY), (False, Gate.ALERT)])
def test_an_id_never_heard_of_passes_through_as_pomerium_gates_it_with_words_for_people(
    required: bool,
    gate: Gate,
) -> None:
    id_ = "quantum.entanglement"
    one = entry(id_, {"status": "RUNNING", "error": "decohered"}, required=required)
    assert (one.outcome, one.component.gate) == (Outcome.FAIL, gate)
    assert one.finding is not None
    assert "decohered" in one.finding.summary
    cause = cause_of(one.finding, catalogue().find(id_))
    assert cause is not None
    assert "no words for" in cause.says
    assert steps(one.finding, catalogue().find(id_))


def test_an_id_never_heard_of_that_is_well_needs_no_words() -> None:
    one = entry("quantum.entanglement", {"status": "RUNNING"})
    assert one.outcome is Outcome.PASS
    assert one.finding is not None
    assert cause_of(one.finding, None) is None


def test_reports_of_extensions_and_of_the_databrokers_cluster_count_by_their_error() -> None:
    for id_ in ("envoy.extensions", "databroker.cluster"):
        found = entry(id_, {"status": "RUNNING", "error": "broken", "attributes": []}).finding
        assert found is not None
        assert (found.cause, found.outcome) == ("reported", Outcome.FAIL)
        assert Report("RUNNING", "broken").healthy is False
