"""When nothing can be said across replicas, and that this replica's own fault is told first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pomhealth.checks import Look, across, cluster_registry, probes
from pomhealth.checks.notes import Notes
from pomhealth.cluster.model import OFF, Roster, Trouble
from pomhealth.settings import Settings
from pomhealth.status import Evidence, Finding, Outcome, blocked, not_applicable, passed, unseen, warned
from tests.checks.rosters import NOW, context, member, roster

AWAY = Trouble("refused", "nobody takes connections at 10.0.0.5:5432")
ACROSS = ("cluster_certificates_match", "cluster_clocks_agree", "cluster_ids_unique")
SEEN = Evidence("here", "this", "that")
every_probe = pytest.mark.parametrize("look", [probes()[id_] for id_ in ACROSS], ids=ACROSS)


@every_probe
async def test_where_the_cluster_is_off_it_does_not_apply_and_says_how_to_turn_it_on(look: Look) -> None:
    found = await look(context(OFF))
    assert (found.outcome, found.applies) == (Outcome.SKIPPED, False)
    assert "cluster = true" in found.summary


@every_probe
async def test_a_check_without_an_agent_sends_to_one(look: Look) -> None:
    found = await look(context(OFF, Settings(cluster=True)))
    assert (found.applies, found.summary) == (False, across.ALONE)


@every_probe
async def test_an_incomplete_view_is_unknown_with_its_reason(look: Look) -> None:
    one, other = member("web-1", clock=0.0, process="p"), member("web-2", clock=60.0, process="p")
    found = await look(context(roster(one, other, trouble=AWAY)))
    assert (found.outcome, found.summary) == (
        Outcome.UNKNOWN,
        f"the cluster view is incomplete: {AWAY.why}",
    )


@every_probe
async def test_before_the_first_reading_it_is_not_looked_at_yet(look: Look) -> None:
    found = await look(context(Roster(wanted=True)))
    assert (found.outcome, found.early) == (Outcome.UNKNOWN, True)


@every_probe
async def test_a_cluster_that_is_well_passes(look: Look) -> None:
    known = roster(member("web-1", clock=0.0, process="p"), member("web-2", clock=0.1, process="q"))
    assert (await look(context(known))).outcome is Outcome.PASS


def test_after_an_outage_of_the_registry_there_is_time_to_come_back() -> None:
    notes, well = Notes(), roster(member("web-1"))

    def said(known: Roster, now: float) -> str:
        return across.settling(notes, known, clock=lambda: now)

    assert said(well, 0.0) == ""
    assert said(replace(well, trouble=AWAY), 10.0) != ""
    assert said(replace(well, at=NOW + 300.0), 300.0) != ""  # the first look after it
    assert said(replace(well, at=NOW + 300.0 + across.SETTLED), 300.1 + across.SETTLED) == ""


def test_when_the_database_s_clock_is_set_there_is_time_for_a_sign_of_life() -> None:
    notes, well = Notes(), roster(member("web-1"))

    def said(at: float, now: float) -> str:
        return across.settling(notes, replace(well, at=NOW + at), clock=lambda: now)

    assert said(0.0, 0.0) == ""
    assert said(0.0, 9.0) == ""
    assert said(20.0, 20.0) == ""  # what is known may be a beat old
    assert said(90.0, 30.0) == "the clock of the registry's database was set just now"
    assert said(91.0 + across.SETTLED, 31.0 + across.SETTLED) == ""


DIFFERS = warned("differs", "they differ", SEEN)


@pytest.mark.parametrize(
    ("own", "other", "told"),
    [
        (passed("well"), None, "well"),
        (passed("well"), DIFFERS, "they differ"),
        (passed("well"), passed("a change is under way"), "well; a change is under way"),
        (warned("pending", "not taken over", SEEN), DIFFERS, "not taken over"),
        (unseen("cannot be seen"), DIFFERS, "they differ"),
        (unseen("cannot be seen"), passed("a change is under way"), "cannot be seen"),
        (blocked("pomerium.process", "nothing runs"), DIFFERS, "they differ"),
        (not_applicable("no file"), DIFFERS, "they differ"),
    ],
)
def test_a_fault_of_this_replica_s_own_is_told_first(own: Finding, other: Finding | None, told: str) -> None:
    assert across.together(own, other).summary == told


def test_a_change_under_way_is_looked_at_again_at_its_end() -> None:
    wait = replace(passed("a change is under way"), again=30.0)
    assert across.together(passed("well"), wait).again == 30.0
    assert across.together(replace(passed("well"), again=5.0), wait).again == 5.0


async def test_a_session_with_the_registry_that_is_lost_has_a_moment_to_come_back() -> None:
    seen = context(roster(trouble=AWAY), Settings(cluster_dsn="postgres://registry/db"))
    found = await cluster_registry.look(seen)
    assert (found.outcome, 0.0 < found.again <= cluster_registry.PATIENCE) == (Outcome.UNKNOWN, True)


async def test_what_the_catalogue_has_no_word_for_is_told_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster_registry, "PATIENCE", 0.0)
    seen = context(
        roster(trouble=Trouble("strange", "why", ("Do this.",))),
        Settings(cluster_dsn="postgres://registry/db"),
    )
    found = await cluster_registry.look(seen)
    assert (found.outcome, found.cause, found.steps) == (Outcome.WARN, "refused", ("Do this.",))
    assert found.summary == "the cluster view is incomplete: why"


async def test_in_the_storage_of_a_replica_that_does_not_run_the_registry_follows_its_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster_registry, "PATIENCE", 0.0)
    seen = context(roster(trouble=AWAY))
    found = await cluster_registry.look(replace(seen, replica=replace(seen.replica, awaited=True)))
    assert found.blocked_by == "pomerium.process"
