"""Certificates, clocks and ids across replicas, and how many are alive: judgements on rosters. Pure."""

from __future__ import annotations

import pytest

from pomhealth.cluster.judge import alive, certificates, clocks, identities
from pomhealth.cluster.model import Agentless, Member, Roster
from pomhealth.status import Finding, Outcome
from pomhealth.storage.traces import Traces
from tests.checks.rosters import DAY, member, roster

HOUR = 3600.0
APP = "app.example.com"


def holds(host: str, since: float | None = None, **serials: str) -> Member:
    """One with these serial numbers; with none told, only the digest of the others is known."""
    told = {name.replace("_", "."): serial for name, serial in serials.items()}
    digest = str(sorted(told.items()))
    return member(host, certificates=told, certificates_digest=digest, since=since)


def test_certificates_are_the_same_where_all_digests_are() -> None:
    known = roster(member("web-1", certificates_digest="1"), member("web-2", certificates_digest="1"))
    assert certificates.judge(known).outcome is Outcome.PASS


def test_an_older_certificate_is_told_with_the_name_and_the_serials() -> None:
    found = certificates.judge(
        roster(
            holds("web-1", HOUR, app_example_com="0b"),
            holds("web-2", app_example_com="0a"),
            holds("web-3", app_example_com="0a"),
            mine="web-2",
        )
    )
    assert (found.outcome, found.cause) == (Outcome.WARN, "differ")
    assert found.summary.startswith(
        f"this replica and web-3 have an older certificate for {APP} than the one that web-1 took over at "
    )
    (line,) = found.evidence
    assert line.source == f"the certificates for {APP}"
    assert line.observed == "serial 0a on this replica and web-3; serial 0b on web-1"
    assert line.expected == "serial 0b, the newest, on all"


def test_where_nobody_renewed_one_the_serials_are_told() -> None:
    found = certificates.judge(
        roster(holds("web-1", app_example_com="0a", b="1"), holds("web-2", app_example_com="0b", b="2"))
    )
    assert found.summary == (
        f"replicas have different certificates for {APP} and one more name: serial 0a on web-1 and serial 0b on web-2"
    )


def test_a_renewal_has_ten_minutes_to_reach_all() -> None:
    found = certificates.judge(
        roster(holds("web-1", 60.0, app_example_com="0b"), holds("web-2", app_example_com="0a"))
    )
    assert (found.outcome, found.again) == (Outcome.PASS, 540.0)


def test_a_name_that_only_one_has_is_no_certificate_that_differs() -> None:
    found = certificates.judge(roster(holds("web-1", a="1"), holds("web-2", a="1", b="2")))
    assert found.outcome is Outcome.PASS


def test_what_is_not_read_yet_is_unknown() -> None:
    found = certificates.judge(roster(holds("web-1", a="1"), member("web-2", certificates_digest="other")))
    assert (found.outcome, found.summary) == (
        Outcome.UNKNOWN,
        "the certificates of web-2 are not known yet",
    )


def ticking(*clocks_: tuple[str, float | None], sure: float = 0.1) -> Roster:
    return roster(*(member(host, clock=clock, clock_error=sure) for host, clock in clocks_))


@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        (ticking(("web-1", 0.0), ("web-2", 1.9)), Outcome.PASS),
        (ticking(("web-1", 0.0), ("web-2", 2.1)), Outcome.PASS),  # within what is not certain
        (ticking(("web-1", 0.0), ("web-2", 2.3)), Outcome.WARN),
        (ticking(("web-1", 50.0), ("web-2", 51.0)), Outcome.PASS),  # it is the database's that is off
        (ticking(("web-1", 0.0), ("web-2", None)), Outcome.UNKNOWN),
        (ticking(("web-1", 0.0)), Outcome.PASS),
        (ticking(("web-1", 0.0), ("web-2", 3.0), sure=2.0), Outcome.PASS),
    ],
)
def test_clocks_agree_within_two_seconds_beyond_what_is_not_certain(known: Roster, outcome: Outcome) -> None:
    assert clocks.judge(known).outcome is outcome


def test_the_clock_that_is_off_the_others_is_named() -> None:
    found = clocks.judge(ticking(("web-1", 0.1), ("web-2", -7.26), ("web-3", 0.0), ("web-4", 0.2)))
    assert found.summary == "the clock of web-2 is 7.3 s behind those of most replicas"
    assert [line.source for line in found.evidence] == ["the clock of web-2"]
    assert found.evidence[0].observed == "-7.3 s (± 0.1 s) by the clock of the registry's database"


def test_of_two_clocks_both_are_told() -> None:
    found = clocks.judge(ticking(("web-1", 0.0), ("web-2", 120.0)))
    assert found.summary == "the clock of web-2 is 120 s ahead of that of web-1"
    assert len(found.evidence) == 2


def test_a_copied_id_is_told_with_both_hosts() -> None:
    found = identities.judge(
        roster(member("web-1", id_="1111"), member("web-2", id_="2222", instead_of="1111"), mine="web-9")
    )
    assert (found.outcome, found.cause) == (Outcome.WARN, "duplicate")
    assert found.summary == "web-2 and web-1 have one id in their files: one was copied from the other"


def test_a_copied_id_whose_first_owner_is_gone_is_no_fault_any_more() -> None:
    known = roster(member("web-1", id_="1111", seen=60.0), member("web-2", id_="2222", instead_of="1111"))
    assert identities.judge(known).outcome is Outcome.PASS


def test_two_agents_that_watch_one_process_are_told_of_before_a_copied_id() -> None:
    found = identities.judge(
        roster(
            member("web-1", id_="1111", process="p"),
            member("web-2", id_="2222", process="p", instead_of="1111"),
            member("web-3", id_="3333", process="q"),
            member("web-4", id_="4444"),
            member("web-5", id_="5555"),  # of neither it is known what they watch
        )
    )
    assert (found.cause, found.summary) == (
        "watched-twice",
        "2 agents watch one and the same replica: web-1 and web-2",
    )


def traces(listening: int, *, announced: int = 0, **more: object) -> Traces:
    known = {"pooled": False, "tracked": True, "hidden": (), **more}
    return Traces(
        where="db",
        back=1e9,
        gone=0.0,
        up=1e9,
        listening=listening,
        listening_here=1,
        here=4,
        announced=announced,
        expired=0,
        expired_for=0.0,
        leases=1,
        oldest_change=0.0,
        **known,  # type: ignore[arg-type]
    )


def judged(known: Roster, expected: int = 0, *, seen: Traces | None = None, waiting: str = "") -> Finding:
    counted = alive.count(known, runs=True)
    return alive.judge(known, counted, seen, expected, waiting=waiting)


def web(*silent: float, **more: object) -> tuple[Member, ...]:
    """web-1, web-2 …, which have been silent for so many seconds."""
    return tuple(member(f"web-{place}", seen=seen, **more) for place, seen in enumerate(silent, 1))  # type: ignore[arg-type]


def test_those_alive_and_ready_are_counted() -> None:
    known = roster(*web(1.0, 2.0), member("web-3", ready=False), mine="web-1")
    assert judged(known).summary == "3 replicas are alive, 2 of them ready"
    assert judged(known, 3).outcome is Outcome.PASS
    assert judged(roster(*web(1.0))).summary == "1 replica is alive, ready"


def test_one_that_fell_silent_is_missed_without_any_expectation() -> None:
    found = judged(roster(*web(1.0, 2.0, 130.0), mine="web-1"))
    assert (found.outcome, found.cause) == (Outcome.WARN, "fewer")
    assert found.summary == "2 replicas are alive, 2 of them ready; 1 is missing: web-3"
    assert found.evidence[0].observed.startswith("silent since 20")
    assert found.names == (("HOST", "web-3"),)


def test_one_that_stopped_in_good_order_is_missed_only_where_it_is_expected() -> None:
    known = roster(*web(1.0, 2.0), member("web-3", seen=HOUR, stopped=True))
    assert judged(known).outcome is Outcome.PASS
    found = judged(known, 3)
    assert found.summary == "2 replicas of 3 are alive, 2 of them ready; 1 is missing: web-3"
    assert "stopped in good order" in found.evidence[0].observed


def test_one_that_was_silent_for_more_than_a_day_is_forgotten() -> None:
    assert judged(roster(*web(1.0, DAY + 1))).outcome is Outcome.PASS


def test_those_that_the_registry_never_knew_are_counted_too() -> None:
    assert judged(roster(*web(1.0)), 3).summary == (
        "1 replica of 3 is alive, ready; 2 are missing: 2 unknown to the registry"
    )


def test_replicas_without_an_agent_are_alive() -> None:
    known = roster(*web(1.0, 1.0), agentless=(Agentless("10.0.0.9", "its session listens for changes"),))
    assert judged(known, 3).summary == "3 replicas are alive, 2 of them ready; 1 without an agent"


def test_sessions_count_while_agents_are_not_on_all_replicas_yet() -> None:
    found = judged(roster(*web(1.0)), 3, seen=traces(3))
    assert (found.outcome, found.summary) == (
        Outcome.PASS,
        "3 replicas are alive, 1 of them ready; 2 by the sessions in the shared storage alone",
    )


def test_what_the_expectation_says_is_enough_is_enough() -> None:
    assert judged(roster(*web(1.0, 1.0, 300.0)), 2).outcome is Outcome.PASS


def test_sessions_tell_whether_a_silent_one_is_gone() -> None:
    known = roster(*web(1.0, 1.0, 300.0))
    assert judged(known, seen=traces(2)).summary.endswith("web-3; no session of its own listens in db")
    assert judged(known, seen=traces(3)).summary.endswith("it may be the agent alone that is silent")
    assert judged(known, seen=traces(3, pooled=True)).summary.endswith("missing: web-3")


def test_one_that_another_came_for_is_not_missed() -> None:
    """As containers do, which come with a new id each."""
    new = member("web-9", first=100.0)
    assert judged(roster(*web(1.0, 300.0), new)).outcome is Outcome.PASS
    assert judged(roster(*web(1.0, 300.0, 400.0), new)).summary.endswith("1 is missing: web-2")
    earlier = member("web-9", first=400.0)
    assert judged(roster(*web(1.0, 300.0), earlier)).summary.endswith("1 is missing: web-2")
    same_host = member("web-2", id_="another", first=400.0)
    assert judged(roster(*web(1.0, 300.0), same_host)).outcome is Outcome.PASS


def test_a_replica_that_does_not_run_counts_where_so_many_are_expected() -> None:
    ended = member("web-2", checks={"pomerium.process": "fail not-running"})
    assert judged(roster(*web(1.0), ended)).outcome is Outcome.PASS
    found = judged(roster(*web(1.0), ended), 2)
    assert found.summary == "1 replica of 2 is alive, ready; 1 is missing: web-2"
    assert found.evidence[0].observed == "its agent is there, and finds no process of Pomerium"


def test_none_is_alive_where_only_the_agent_of_one_that_ended_is_there() -> None:
    known = roster(*web(1.0), mine="web-1")
    found = alive.judge(known, alive.count(known, runs=False), None, 0, waiting="")
    assert (found.outcome, found.cause) == (Outcome.FAIL, "none")


def test_right_after_an_outage_nobody_is_missed() -> None:
    known = roster(*web(1.0, 60.0))
    assert judged(known, waiting="the registry was away until just now").outcome is Outcome.UNKNOWN
    assert judged(roster(*web(1.0)), waiting="the registry was away until just now").outcome is Outcome.PASS
