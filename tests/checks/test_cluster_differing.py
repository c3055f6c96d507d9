"""Which replicas have another configuration, or version, than the others, and from when on that counts. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pomhealth.cluster.judge import configs, versions
from pomhealth.cluster.judge.naming import moment
from pomhealth.cluster.model import Member, Roster
from pomhealth.status import Finding, Outcome
from tests.checks.rosters import DAY, NOW, member, roster

A, B, C = "a" * 64, "b" * 64, "c" * 64
HOUR = 3600.0


def has(host: str, config: str, since: float | None = None, *, first: float = DAY) -> Member:
    """One that has this configuration since so many seconds before now; from the first on where that is not told."""
    return member(host, config=config, since=since, first=first)


def config(known: Roster) -> Finding:
    found = configs.judge(known)
    assert found is not None
    return found


def at(before: float) -> str:
    return moment(NOW - before)


@pytest.mark.parametrize(
    "members",
    [
        (),
        (has("web-1", A),),
        (has("web-1", A), has("web-2", A, HOUR)),
        (has("web-1", A), has("web-2", "")),  # it is not known there
        (has("web-1", A), member("web-2", config=B, seen=60.0)),  # it is silent
        (has("web-1", A), member("web-2", config=B, stopped=True)),
    ],
)
def test_there_is_nothing_to_tell_while_those_that_are_there_are_alike(members: tuple[Member, ...]) -> None:
    assert configs.judge(roster(*members)) is None


def test_those_that_did_not_take_a_change_over_run_the_older_one() -> None:
    found = config(roster(has("web-1", B, HOUR), has("web-2", B, HOUR + 5), has("web-3", A), mine="web-1"))
    assert (found.outcome, found.cause) == (Outcome.WARN, "differs")
    assert found.summary == (
        "web-3 runs an older configuration than the one that this replica and web-2 took over at " + at(HOUR)
    )
    assert found.names == (("HOST", "web-3"),)


def test_the_older_one_is_told_so_of_itself() -> None:
    found = config(roster(has("web-1", B, HOUR), has("web-2", A), has("web-3", A), mine="web-3"))
    assert found.summary.startswith(
        "this replica and web-2 run an older configuration than the one that web-1"
    )


def test_the_evidence_has_a_line_for_each_configuration() -> None:
    first, second = config(roster(has("web-1", B, HOUR), has("web-2", B), has("web-3", A))).evidence
    assert first.source == "the registry's rows of web-1 and web-2"
    assert first.observed == f"configuration bbbbbbbbbbbb, changed to at {at(HOUR)}"
    assert second.observed == f"configuration aaaaaaaaaaaa, seen since {at(DAY)}"
    assert second.expected == "configuration bbbbbbbbbbbb, the newest".removeprefix("configuration ")


def test_after_a_rollback_on_some_the_others_have_the_older_wish() -> None:
    """A, then B everywhere, then A again on the first."""
    found = config(roster(has("web-1", A, HOUR), has("web-2", B, 2 * HOUR)))
    assert found.summary.startswith("web-2 runs an older configuration than the one that web-1 took over")


def test_a_replica_that_joined_later_with_another_is_not_called_older_nor_newer() -> None:
    found = config(roster(has("web-1", B, 2 * HOUR), has("web-2", B, 2 * HOUR), has("web-3", A, first=HOUR)))
    assert found.summary == (
        f"web-3 has joined with another configuration than web-1 and web-2 took over at {at(2 * HOUR)}"
    )


def test_one_lags_behind_and_one_joined_with_yet_another() -> None:
    found = config(roster(has("web-1", B, 2 * HOUR), has("web-2", A), has("web-3", C, first=HOUR)))
    assert "web-2 runs an older configuration" in found.summary
    assert found.summary.endswith("; web-3 joined later with yet another")


def test_where_nobody_was_seen_to_change_none_is_called_older() -> None:
    """The agents were installed one after the other, which says nothing of the files."""
    found = config(roster(has("web-1", A), has("web-2", A, first=HOUR), has("web-3", B, first=2 * HOUR)))
    assert found.summary == (
        "2 configurations run in the cluster, and nobody was seen to change from one to another: "
        "aaaaaaaaaaaa on web-1 and web-2 and bbbbbbbbbbbb on web-3"
    )


def test_of_two_changes_at_the_same_time_none_is_the_newer() -> None:
    found = config(roster(has("web-1", B, HOUR), has("web-2", C, HOUR + 4)))
    assert "nobody was seen" in found.summary


def test_a_change_that_is_under_way_is_no_fault_and_is_looked_at_again_at_its_end() -> None:
    found = config(roster(has("web-1", B, 15.0), has("web-2", A)))
    assert (found.outcome, found.again) == (Outcome.PASS, 45.0)
    assert found.summary == "2 configurations run in the cluster: a change is under way"


def test_a_roll_out_goes_on_as_long_as_it_moves_but_not_for_ever() -> None:
    def rolling(began: float) -> Roster:
        return roster(has("web-1", B, began), has("web-2", B, 5.0), has("web-3", A))

    assert config(rolling(300.0)).outcome is Outcome.PASS
    assert config(rolling(700.0)).cause == "differs"


def test_among_many_only_some_are_named() -> None:
    old = [has(f"web-{number:03d}", A) for number in range(200)]
    found = config(roster(*old, has("new-1", B, HOUR), mine="web-050"))
    assert "this replica, web-000, web-001, web-002 and 196 more run an older configuration" in found.summary


def test_replicas_on_one_host_are_told_apart_by_their_ids() -> None:
    one = replace(has("web", A), id="11111111-aaaa")
    other = replace(has("web", B, HOUR), id="22222222-aaaa")
    assert (
        "web (11111111) runs an older configuration than the one that web (22222222)"
        in config(roster(one, other)).summary
    )


def test_what_others_wrote_of_themselves_is_cut_and_never_put_into_a_command() -> None:
    strange = "web\x1b[2J\u202e;rm -rf /" + "x" * 500
    found = config(roster(has(strange, A), has("web-2", B, HOUR)))
    assert found.summary.isprintable()
    assert len(found.summary) < 300
    assert found.names == ()


def test_a_cluster_of_one_version_is_not_mixed() -> None:
    known = roster(member("web-1", pomerium="v0.33.1"), member("web-2", pomerium="0.33.1"), member("web-3"))
    assert versions.judge(known) is None


def test_versions_are_told_with_who_runs_which_the_newest_first() -> None:
    known = roster(
        member("web-1", pomerium="0.9.0"),
        member("web-2", pomerium="0.33.1"),
        member("web-3", pomerium="0.9.0"),
    )
    found = versions.judge(known)
    assert found is not None
    assert (found.outcome, found.cause) == (Outcome.WARN, "mixed")
    assert found.summary == (
        "2 versions of Pomerium run in the cluster: 0.33.1 on web-2 and 0.9.0 on web-1 and web-3"
    )
    assert found.names == (("VERSION", "0.33.1"), ("HOST", "web-1"))


def test_an_upgrade_has_ten_minutes_after_its_last_step() -> None:
    def upgraded(ago: float) -> Roster:
        return roster(member("web-1", pomerium="0.33.1", since=ago), member("web-2", pomerium="0.32.9"))

    under_way, over = versions.judge(upgraded(500.0)), versions.judge(upgraded(601.0))
    assert under_way is not None
    assert over is not None
    assert (under_way.outcome, under_way.again) == (Outcome.PASS, 100.0)
    assert over.cause == "mixed"


def test_envoy_is_told_of_where_it_alone_differs() -> None:
    def running(*pairs: tuple[str, str]) -> Roster:
        return roster(
            *(
                member(f"web-{place}", pomerium=pomerium, envoy=envoy)
                for place, (pomerium, envoy) in enumerate(pairs)
            )
        )

    alone = versions.judge(running(("0.33.1", "1.36.2"), ("0.33.1", "1.37.0")))
    both = versions.judge(running(("0.33.1", "1.36.2"), ("0.32.9", "1.35.1")))
    assert alone is not None
    assert both is not None
    assert alone.summary == "2 versions of Envoy run in the cluster: 1.37.0 on web-1 and 1.36.2 on web-0"
    assert "Pomerium" in both.summary
    assert "Envoy" not in both.summary
