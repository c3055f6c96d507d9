"""The page of the cluster as a document, without a browser: what it says, and what it never says."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from pomhealth.cluster.judge.groups import difference
from pomhealth.cluster.model import Agentless, Ailment, Lease, Member, Roster
from pomhealth.publish.browser import EVERY_REPLICA, REPLICAS
from pomhealth.publish.routes import answer
from pomhealth.publish.view import View
from pomhealth.status import failed, observe, warned
from tests.page import clusters, drawn
from tests.page.clusters import DAY, NEW, OLD, READ_ONLY, SEEN, account, member, roster, uuid
from tests.page.example import NOW, healthy
from tests.page.test_document import BROWSER, EVIL, Text, asked


def read(shown: View, document: str = REPLICAS) -> Text:
    text = Text()
    text.feed(drawn.page(shown, document=document).decode())
    return text


def said(html: str) -> str:
    text = Text()
    text.feed(re.sub(r"<(td|th)\b", r" <\1", html))
    return " ".join("".join(text.said).split())


def part(shown: View, id_: str, document: str = REPLICAS) -> str:
    return said(drawn.parts(shown, document)[f"part-{id_}"])


def rows(shown: View, document: str = REPLICAS) -> list[str]:
    """The text of each row, in order."""
    parts = drawn.parts(shown, document)
    made = "".join(html for id_, html in parts.items() if id_.startswith("part-rows-"))
    return [said(html) for html in re.findall(r"<tr\b.*?(?=<tr\b|</tbody>)", made, re.DOTALL)]


def hosts(shown: View, document: str = REPLICAS) -> list[str]:
    return [row.split()[0] for row in rows(shown, document)]


def of(*members: Member, **more: object) -> View:
    return healthy(roster=roster(*members, **more))


@pytest.mark.parametrize(
    ("shown", "headline"),
    [
        (clusters.well(), "All 3 replicas are ready"),
        (clusters.well(hosts=2), "Both replicas are ready"),
        (clusters.well(hosts=1), "The only replica is ready"),
        (clusters.ill(), "6 replicas, 2 ready"),
        (clusters.fallen(), "3 replicas, none ready"),
        (clusters.incomplete(), "This view is incomplete"),
        (healthy(), "The cluster view is off"),
        (healthy(roster=Roster(wanted=True)), "The other replicas are being looked for"),
        (healthy(roster=roster()), "No replica is registered"),
    ],
)
def test_the_verdict_is_one_sentence_and_stands_in_the_title(shown: View, headline: str) -> None:
    document = drawn.page(shown, document=REPLICAS).decode()
    assert f"</i>{headline}</h1>" in document
    assert re.search(rf"<title>. {headline} · pomhealth</title>", document)


def test_the_verdict_counts_what_is_how_and_says_who_sees_it() -> None:
    verdict = part(clusters.ill(), "verdict")
    assert "The cluster, as web-1 sees it" in verdict
    assert "2 ready, 1 not ready, 1 stale, 1 without an agent, 1 draining, 1 stopped" in verdict


def test_replicas_that_are_expected_and_not_there_are_missing() -> None:
    assert "8 are expected: 2 are missing." in part(clusters.ill(), "verdict")
    lacking = clusters.well(expected=4)
    assert "4 are expected: 1 is missing." in part(lacking, "verdict")
    assert 'class="verdict concern"' in drawn.parts(lacking, REPLICAS)["part-verdict"]


def test_who_stopped_in_good_order_is_no_part_of_the_cluster_any_more() -> None:
    left = of(member(1, account("a")), member(2, account("b"), ago=600, stopped=True))
    assert "The only replica is ready" in part(left, "verdict")
    assert hosts(left) == ["a", "b"]


def test_an_incomplete_view_says_why_what_to_do_and_of_when_it_is() -> None:
    shown = clusters.incomplete()
    verdict = part(shown, "verdict")
    assert "The registry cannot be used: 10.0.0.9:5432 refuses connections." in verdict
    assert "What is shown was so at 2027-01-15 07:56:30 UTC." in verdict
    assert "3 ready" not in verdict
    assert "See that PostgreSQL runs: systemctl status postgresql" in part(shown, "now")


def test_an_incomplete_view_knows_only_of_its_own_replica_how_it_is() -> None:
    own, other, _ = rows(clusters.incomplete())
    assert own.startswith("web-1 this one ready ")
    assert other.startswith("web-2 was ready ")
    known = clusters.incomplete()
    bad = failed("read-only", "no writes", SEEN)
    ill = replace(known, status=observe(known.status, "storage.backend", bad, at=NOW - 60))
    assert rows(ill)[0].startswith("web-1 this one not ready ")


def test_the_steps_stand_once_where_the_check_of_the_registry_tells_them() -> None:
    shown = clusters.incomplete()
    bad = failed("refused", "it refuses", SEEN, steps=("Start `postgresql` again.",))
    told = replace(shown, status=observe(shown.status, "cluster_registry", bad, at=NOW - 60))
    assert "Start postgresql again." in part(told, "now")
    assert "See that PostgreSQL runs" in part(shown, "now")
    assert "See that PostgreSQL runs" not in part(told, "now")


def test_without_a_cluster_the_page_says_how_to_turn_it_on() -> None:
    assert "cluster = true" in part(healthy(), "now")
    assert rows(healthy()) == []


def test_findings_about_all_replicas_stand_with_their_steps_and_no_others() -> None:
    shown = clusters.ill()
    soon = warned("expiring", "one ends soon", SEEN)
    shown = replace(shown, status=observe(shown.status, "certificates_current", soon, at=NOW - 60))
    now = part(shown, "now")
    assert "cluster_active_replicas warns: fewer" in now
    assert "pomhealth explain cluster_active_replicas/fewer" in now
    assert "cluster_version_current warns: outdated" in now
    assert "certificates_current" not in now


def test_where_only_single_replicas_ail_the_page_points_to_them() -> None:
    shown = of(member(1, account("a")), member(2, account("b", READ_ONLY, ready=False)))
    assert "What there is to do stands with each replica below." in part(shown, "now")
    assert "Nothing." in part(clusters.well(), "now")


def test_who_needs_a_person_comes_first_and_the_rest_by_host() -> None:
    order = ["web-2", "web-4", "10.0.0.8:443", "web-5", "web-1", "web-3", "web-6"]
    assert hosts(clusters.ill()) == order
    assert hosts(clusters.well(hosts=4)) == ["web-1", "web-2", "web-3", "web-4"]


def test_a_row_tells_state_finding_version_configuration_and_in_its_details_the_rest() -> None:
    row = rows(clusters.ill())[0]
    for told in (
        "web-2 ✗"[:5],
        "not ready",
        "storage.backend fails: read-only PostgreSQL takes no writes and 1 more",
        "certificates_current warns: expiring one of 3 ends in 3 days",
        f"id {uuid(2)}",
        "addresses address 10.0.0.5:443, grpc_address 127.0.0.1:5443",
        "agent's address 10.0.0.5",
        "Envoy 1.36.2",
        "agent 1.0.0",
        "first seen 2027-01-06 08:01:30 UTC",
        "configuration since 2027-01-15 07:01:30 UTC",
        "clock 0.021 s ahead of the database's (± 0.004 s)",
        " 0.33.1 9f2c41d07ab1",
    ):
        assert told in row, (told, row)


def test_states_are_told_in_words() -> None:
    by_host = {row.split()[0]: row for row in rows(clusters.ill())}
    assert "web-4 stale was ready" in by_host["web-4"]
    assert "10.0.0.8:443 no agent seen by the table of services; start an agent" in by_host["10.0.0.8:443"]
    assert "web-5 draining" in by_host["web-5"]
    assert "web-1 this one ready" in by_host["web-1"]
    assert "web-6 stopped" in by_host["web-6"]


def test_a_replica_that_a_policy_keeps_in_says_so() -> None:
    shown = of(member(1, account("a", READ_ONLY, sound=False)))
    assert "ready by the readiness policy, in spite of what fails" in rows(shown)[0]


def test_the_older_configuration_and_another_version_are_marked() -> None:
    by_host = {row.split()[0]: row for row in rows(clusters.ill())}
    assert by_host["web-3"].endswith("0.32.0 differs 11aa22bb33cc older")
    assert "differs" not in by_host["web-1"]


def _with(number: int, config: str, first: float, since: float) -> Member:
    return member(number, account(f"web-{number}", config=config), first_seen=first, config_since=since)


@pytest.mark.parametrize(
    "members",
    [
        (_with(1, NEW, 0.0, 900.0), _with(2, OLD, 0.0, 0.0), _with(3, OLD, 0.0, 0.0)),
        (_with(1, NEW, 0.0, 900.0), _with(2, OLD, 950.0, 950.0)),
        (_with(1, NEW, 0.0, 0.0), _with(2, NEW, 5.0, 5.0), _with(3, OLD, 50.0, 50.0)),
        (_with(1, NEW, 0.0, 900.0), _with(2, OLD, 0.0, 904.0), _with(3, "else", 0.0, 0.0)),
        (_with(1, NEW, 0.0, 0.0), _with(2, NEW, 0.0, 0.0)),
    ],
)
def test_what_is_older_is_what_the_check_says_is_older(members: Sequence[Member]) -> None:
    found = difference(members, lambda one: one.account.config, lambda one: one.config_since)
    behind = {one.account.host for one in found.behind} if found else set()
    shown = rows(of(*members))
    assert {row.split()[0] for row in shown if row.endswith("older")} == behind
    others = {row.split()[0] for row in shown if row.endswith("differs")}
    assert bool(others | behind) == (found is not None)


def test_who_has_leave_to_restart_is_named_until_the_leave_ends() -> None:
    told = "web-5 has leave to restart its replica until 2027-01-15 08:02:30 UTC; others wait for it."
    assert part(clusters.ill(), "rollout") == told
    gone = of(member(1, account("a")), lease=Lease(uuid(1), NOW - 1))
    assert part(gone, "rollout") == ""
    strange = of(member(1, account("a")), lease=Lease(uuid(9), NOW + 9))
    assert f"the replica with the id {uuid(9)} has leave" in part(strange, "rollout")


def test_who_was_silent_for_long_is_hidden_counted_and_shown_on_demand() -> None:
    shown = clusters.ill()
    assert "1 was silent for more than 24 hours, and is not shown. Show it too" in part(shown, "rest")
    assert "web-7" not in hosts(shown)
    assert hosts(shown, EVERY_REPLICA)[-1] == "web-7"
    rest = drawn.parts(shown, EVERY_REPLICA)["part-rest"]
    assert 'href="replicas"' in rest
    assert 'data-follows="every-replica"' in drawn.page(shown, document=EVERY_REPLICA).decode()


def test_when_a_replica_was_last_seen_is_told_by_the_clock_of_the_page() -> None:
    ahead = of(member(1, account("a", clock=3600.0), ago=7 + 3600.0), at=NOW - 3600)
    document = drawn.page(ahead, document=REPLICAS).decode()
    assert f'data-of="{uuid(1)}" datetime="2027-01-15T08:01:23Z">7 s ago' in document


def test_a_sign_of_life_changes_nothing_but_when_it_was_last_seen() -> None:
    before = clusters.well()
    told = tuple(replace(one, last_seen=one.last_seen + 3) for one in before.roster.members)
    after = replace(before, roster=replace(before.roster, members=told, at=before.roster.at + 3))
    first, second = drawn.parts(before, REPLICAS), drawn.parts(after, REPLICAS)
    assert {id_ for id_ in first if first[id_] != second[id_]} == {"part-looked"}


@pytest.mark.parametrize("document", [REPLICAS, EVERY_REPLICA])
def test_there_are_the_same_parts_whatever_the_view(document: str) -> None:
    parts = drawn.parts(healthy(), document).keys()
    for shown in (clusters.ill(), clusters.many(500), clusters.incomplete()):
        assert drawn.parts(shown, document).keys() == parts


@pytest.mark.parametrize("shown", [clusters.well(), clusters.ill(), healthy()])
def test_each_part_is_an_element_of_the_page_with_its_id(shown: View) -> None:
    ids = [attributes["id"] for _, attributes in read(shown).tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for id_, html in drawn.parts(shown, REPLICAS).items():
        assert ids.count(id_) == 1
        text = Text()
        text.feed(html)
        assert text.tags[0][1]["id"] == id_


def test_the_table_has_headers_for_columns_and_rows() -> None:
    document = drawn.page(clusters.ill(), document=REPLICAS).decode()
    assert document.count('<th scope="col">') == 6
    assert document.count('<th scope="row">') == 7
    assert "<caption" in document


def test_nothing_that_another_agent_wrote_becomes_markup() -> None:
    ailment = Ailment(EVIL, EVIL, EVIL, EVIL, EVIL)
    told = account(
        EVIL,
        ailment,
        ailment,
        addresses={EVIL: EVIL},
        pomerium=EVIL,
        envoy=EVIL,
        agent=EVIL,
        config=EVIL,
        metrics=EVIL,
        instead_of=EVIL,
    )
    hostile = replace(member(1, told), id=EVIL, peer=EVIL)
    shown = of(
        hostile,
        agentless=(Agentless(EVIL, EVIL),),
        lease=Lease(EVIL, NOW + 60),
        trouble=replace(clusters.AWAY, why=EVIL, steps=(f"Do `rm {EVIL}`",)),
    )
    document = drawn.page(shown, document=REPLICAS).decode()
    text = read(shown)
    assert [tag for tag, _ in text.tags].count("script") == 1
    assert not [name for _, attributes in text.tags for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in text.tags if "style" in attributes]
    for hidden in ("\u202e", "\x1b", "\udc80"):
        assert hidden not in document
    assert "alert(1)" in document  # it is shown, as what it is


@pytest.mark.parametrize("wrong", [math.inf, -math.inf, math.nan, 1e300, -1.0])
def test_numbers_and_times_that_are_none_are_left_out(wrong: float) -> None:
    odd = replace(
        member(1, account("a", clock=wrong, clock_error=wrong)),
        first_seen=wrong,
        config_since=wrong,
        version_since=wrong,
    )
    document = drawn.page(of(odd, lease=Lease(uuid(1), math.inf)), document=REPLICAS).decode()
    assert "inf" not in said(document)
    assert "nan" not in said(document)


def test_a_browser_gets_the_page_and_programs_get_json() -> None:
    shown = clusters.well()
    assert answer(asked("/replicas", BROWSER), shown).page == REPLICAS
    everyone = replace(asked("/replicas", BROWSER), query=(("all", ""),))
    assert answer(everyone, shown).page == EVERY_REPLICA
    plain = answer(asked("/replicas", "*/*"), shown)
    assert plain.kind == "application/json"
    assert ("Vary", "Accept") in plain.headers


def test_a_slash_at_the_end_leads_to_where_the_addresses_in_the_page_are_right() -> None:
    there = answer(asked("/replicas/", BROWSER), clusters.well())
    assert there.status == 308
    assert ("Location", "../replicas") in there.headers


def test_every_address_in_the_page_is_relative() -> None:
    for _, attributes in read(clusters.ill()).tags:
        for name in ("href", "src"):
            address = attributes.get(name) or ""
            assert not address.startswith(("/", "http")), address


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (clusters.well(), "Cluster: 3 of 3 ready"),
        (clusters.ill(), "Cluster: 2 of 8 ready"),
        (clusters.incomplete(), "Cluster: what is known of it is incomplete"),
        (healthy(roster=Roster(wanted=True)), "Cluster: not looked at yet"),
    ],
)
def test_the_replicas_own_page_leads_to_the_cluster(shown: View, line: str) -> None:
    assert f'<a href="replicas">{line}</a>' in drawn.page(shown).decode()


def test_the_replicas_own_page_says_nothing_of_a_cluster_that_is_off() -> None:
    assert 'href="replicas"' not in drawn.page(healthy()).decode()


def test_a_day_of_silence_is_told_in_days() -> None:
    shown = of(member(1, account("a")), member(2, account("b"), ago=2 * DAY))
    assert "2 d ago" in drawn.page(shown, document=EVERY_REPLICA).decode()
