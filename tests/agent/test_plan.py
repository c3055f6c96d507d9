"""What is watched, and how the operator changes it."""

from __future__ import annotations

from pomhealth.agent import plan as plans
from pomhealth.catalogue import catalogue as real
from pomhealth.checks import probes
from pomhealth.settings import Settings
from pomhealth.status import Gate
from tests.agent.little import Probe, catalogue, check, plan


def test_a_check_without_a_probe_is_one_that_only_the_replica_reports() -> None:
    made = plan((check("measured"), Probe()), (check("reported"), None))
    assert list(made.looks) == ["measured"]
    assert made.reported == ("reported",)
    assert not plans.start(made).components["reported"].measures


def test_a_probe_that_the_schedule_does_not_call_for_is_left_alone() -> None:
    assert plan((check("a", interval=0.0), Probe())).looks == {}


def test_a_family_joins_only_when_one_of_it_is_reported() -> None:
    assert "idp.<name>" not in plan((check("idp.<name>", interval=0.0), None)).checks


def test_the_operator_changes_gates_and_intervals() -> None:
    settings = Settings(gates={"a": Gate.ALERT}, intervals={"a": 0.5})
    made = plan((check("a", retry=2.0), Probe()), settings=settings)
    assert (made.checks["a"].gate, made.checks["a"].interval, made.checks["a"].retry) == (
        Gate.ALERT,
        0.5,
        0.5,
    )
    assert plans.start(made).components["a"].gate is Gate.ALERT


def test_a_gate_for_a_family_is_one_for_each_of_its_members() -> None:
    made = plan((check("a"), Probe()), settings=Settings(gates={"idp.<name>": Gate.LIVE}))
    assert plans.gate_of(made, "idp.google", Gate.ALERT) is Gate.LIVE
    assert plans.gate_of(made, "other", Gate.ALERT) is Gate.ALERT


def test_a_plan_for_some_checks_has_what_they_need_too() -> None:
    checks = catalogue(check("a"), check("b", needs=("a",)), check("c", needs=("b",)), check("d"))
    made = plans.make(checks, {}, Settings(), ["c"])
    assert list(made.checks) == ["a", "b", "c"]


def test_a_changed_plan_changes_what_stops_and_keeps_what_was_found() -> None:
    made = plan((check("a"), Probe()))
    status = plans.start(made)
    after = plans.again(status, plan((check("a"), Probe()), settings=Settings(gates={"a": Gate.LIVE})))
    assert after.components["a"].gate is Gate.LIVE


def test_in_the_catalogue_no_check_needs_itself_by_way_of_others_and_every_need_is_known() -> None:
    """Two failing checks that need one another would each hide the other."""
    checks = real().checks

    def above(id_: str, path: tuple[str, ...]) -> None:
        assert id_ in checks, f"{path[-1]} needs {id_}"
        assert id_ not in path, " needs ".join((*path, id_))
        for need in checks[id_].needs:
            above(need, (*path, id_))

    for id_ in checks:
        above(id_, ())


def test_every_probe_has_its_place_in_the_catalogue() -> None:
    assert [id_ for id_ in probes() if id_ not in real().checks] == []
