"""The cluster as a person reads it: the table, one replica, what is new. On answers as the agent makes them."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from pomhealth.cluster.model import Agentless, Roster
from pomhealth.cluster.show.detail import detail
from pomhealth.cluster.show.model import Cluster
from pomhealth.cluster.show.news import News
from pomhealth.cluster.show.reading import NotACluster, cluster, parse, replica
from pomhealth.cluster.show.table import listing, screen
from pomhealth.cluster.show.words import rows, span
from pomhealth.publish.replicas import answer_one, listed
from pomhealth.report.style import Style
from tests.cluster.rosters import CUT, EXPIRING, HOSTILE, READ_ONLY, TURN, WHOLE, id_of, member, roster
from tests.publish.views import AT, view

_SGR = re.compile(r"\x1b\[[0-9;]*m")


def document(known: Roster, *, everyone: bool = False, expected: int = 0) -> Mapping[str, Any]:
    """The agent's answer."""
    return parse(listed(view({}, roster=known, expected=expected), everyone=everyone))


def read(known: Roster, *, everyone: bool = False, expected: int = 0) -> Cluster:
    return cluster(document(known, everyone=everyone, expected=expected))


def shown(known: Roster, width: int = 80, *, everyone: bool = False, expected: int = 0, **style: bool) -> str:
    look = Style(width=min(max(width, 40), 100), **style)
    return listing(read(known, everyone=everyone, expected=expected), look, width)


def line(text: str, begin: str) -> str:
    return next(one for one in text.splitlines() if one.startswith(begin))


def test_a_row_tells_what_a_replica_is_suffers_from_runs_and_when_it_was_seen() -> None:
    known = roster(member(1, "db1"), member(2, "db2", READ_ONLY, EXPIRING))
    assert shown(known, 120).splitlines()[:3] == [
        "REPLICA  STATE        FINDING                          VERSION  CONFIG   SEEN",
        "db1 *    ✓ ready                                       0.33.1   3f2a9c1  4 s ago",
        "db2      ✗ not ready  storage.backend: read-only (+1)  0.33.1   3f2a9c1  4 s ago",
    ]


def test_under_the_table_stands_the_sum_and_what_the_star_means() -> None:
    known = roster(member(1, "db1"), member(2, "db2"), member(3, "db3", READ_ONLY))
    assert shown(known, expected=3).splitlines()[-2:] == [
        "3 replicas, 2 ready, 1 not ready; expected 3.",
        "* the replica of the agent that answers",
    ]
    assert "1 replica, 1 ready." in shown(roster(member(1, "db1")))


def test_those_that_are_silent_stopped_or_without_an_agent_say_so() -> None:
    text = shown(WHOLE, 120)
    assert "! stale      no sign of life for 6 min; was ready" in line(text, "db4")
    assert "- stopped    its agent was stopped; was ready" in line(text, "db5")
    assert "? no agent   the databroker's services name it" in line(text, "10.0.0.7:443")
    assert "! draining" in line(text, "db3")
    assert "6 replicas, 1 ready, 1 not ready, 1 draining, 1 stale, 1 stopped, 1 no agent." in text


def test_those_that_are_hidden_are_counted_with_the_option_that_shows_them() -> None:
    assert "1 replica was silent for more than 24 hours: --all shows them." in shown(WHOLE)
    everyone = shown(WHOLE, 120, everyone=True)
    assert "- forgotten  no sign of life for 3 days; was ready" in line(everyone, "db6")
    assert "--all" not in everyone


def test_a_held_lease_says_who_may_restart_and_until_when() -> None:
    said = "db1 may restart until 08:03:10 UTC: it holds the rollout's lease."
    assert said in shown(replace(WHOLE, lease=TURN))


def test_an_incomplete_view_says_why_and_what_to_do_in_commands_that_can_be_copied() -> None:
    long = (
        "`psql -h 127.0.0.1 -c 'GRANT SELECT, INSERT, UPDATE, DELETE ON pomhealth.replicas TO \"pomerium\"'`"
    )
    text = shown(replace(WHOLE, trouble=replace(CUT, steps=(f"Allow it: {long}.",))), 60)
    assert "The cluster view is incomplete, as of 08:00:00 UTC:" in text
    assert f"{long}." in text


def test_the_configuration_and_release_that_most_do_not_have_are_marked_as_older_or_newer() -> None:
    usual = [member(number, f"db{number}") for number in (1, 2)]
    older = member(3, "db3", pomerium="0.32.0", config="91ab77ce", since=AT - 9000)
    newer = member(3, "db3", pomerium="0.34.0-rc1", config="91ab77ce", since=AT - 10)
    assert [(one.version_is, one.config_is) for one in rows(read(roster(*usual, older)))] == [
        ("", ""),
        ("", ""),
        ("older", "older"),
    ]
    assert [(one.version_is, one.config_is) for one in rows(read(roster(*usual, newer)))][2] == (
        "newer",
        "newer",
    )
    strange = rows(read(roster(*usual, member(3, "db3", pomerium="main-4f2a", config=""))))[2]
    assert (strange.version_is, strange.config_is) == ("other", "")


def test_one_that_is_silent_is_not_compared() -> None:
    known = roster(member(1, "db1"), member(2, "db2", pomerium="0.32.0", config="0", silent=500))
    assert {(one.version_is, one.config_is) for one in rows(read(known))} == {("", "")}


def test_replicas_of_one_host_are_told_apart_by_their_ids() -> None:
    known = roster(member(1 << 100, "db1"), member(2 << 100, "db1"), member(3, "db2"))
    names = [one.name for one in rows(read(known))]
    assert names == [f"db1 ({id_of(1 << 100)[:8]})", f"db1 ({id_of(2 << 100)[:8]})", "db2"]


LONG = "ip-10-0-12-113.eu-central-1.compute.internal"


@pytest.mark.parametrize("width", [40, 48, 50, 60, 71, 72, 80, 100, 140])
def test_no_row_is_wider_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    known = roster(
        member(1, LONG, READ_ONLY, EXPIRING, pomerium="0.33.1-123-gabcdef0123"),
        *(member(number, f"db{number}", config="7777777") for number in (3, 4)),
        member(5, LONG.upper(), silent=400),
        agentless=(Agentless("[2001:db8:1234:5678:9abc:def0:1234:5678]:65535", "the databroker's services"),),
    )
    text = shown(known, width, expected=6)
    assert max(map(len, text.splitlines())) <= width
    listed = rows(read(known))
    assert column(text, "REPLICA") == "".join(row.name + "*" * row.own for row in listed)
    states = column(text, "STATE")
    assert all(row.state.replace(" ", "") in states for row in listed)
    findings = states if width < 50 else column(text, "FINDING")
    assert all("".join(row.finding.split()) in findings for row in listed)
    if width >= 72:
        assert column(text, "VERSION").startswith("0.33.1-123-gab")


@pytest.mark.parametrize("width", [40, 60, 80])
def test_letters_that_take_two_columns_are_counted_so(width: int) -> None:
    text = shown(roster(member(1, "データベース" * 6), member(2, "db2")), width)
    assert max(map(cell_len, text.splitlines())) <= width


def column(text: str, head: str) -> str:
    """What a column of the table holds, without spaces."""
    title, *lines = text.split("\n\n", maxsplit=1)[0].splitlines()
    begin = title.index(head)
    after = re.search(r" +[A-Z]+", title[begin + len(head) :])
    end = begin + len(head) + (after.end() - len(after[0].lstrip()) if after else 1000)
    return "".join("".join(line[begin:end].split()) for line in lines)


def test_where_the_terminal_is_narrow_what_differs_is_still_told() -> None:
    usual = [member(number, f"db{number}") for number in (1, 2)]
    odd = member(3, "db3", pomerium="0.32.0", config="91ab77ce", since=AT - 9000)
    for width in (40, 60):
        text = " ".join(shown(roster(*usual, odd), width).split())
        assert "version 0.32.0 (older) configuration 91ab77c (older)" in text


def test_what_does_not_fit_a_terminal_is_left_out_and_counted_the_worst_first() -> None:
    many = [member(number, f"a{number}") for number in range(10, 40)]
    known = read(roster(*many, member(40, "db3", READ_ONLY), member(41, "db4", EXPIRING), member(42, "db5")))
    out = io.StringIO()
    Console(file=out, width=80).print(screen(known, Style(), 80, 14, "No answer from the agent: x."))
    lines = out.getvalue().splitlines()
    assert len(lines) <= 14
    assert lines[0] == "No answer from the agent: x."
    assert "33 replicas, 32 ready, 1 not ready." in lines
    shown = [one.split()[0] for one in lines[lines.index("") :] if one.startswith(("a", "db"))]
    assert "db3" in shown
    assert "db4" in shown
    assert re.fullmatch(r"and \d+ more, none of them worse", lines[-1])


def test_without_unicode_and_colour_plain_letters_will_do() -> None:
    text = shown(replace(WHOLE, lease=TURN, trouble=CUT), 80, unicode=False)
    assert text.isascii()
    assert "x not ready" in text
    assert "\x1b" not in text


def test_colour_changes_no_word() -> None:
    plain, coloured = shown(WHOLE, 80), shown(WHOLE, 80, colour=True)
    assert "\x1b[31m✗ not ready" in coloured
    assert [one.rstrip() for one in _SGR.sub("", coloured).splitlines()] == plain.splitlines()


def test_no_line_ends_in_spaces() -> None:
    assert not re.search(r" $", shown(WHOLE, 120), re.MULTILINE)


@pytest.mark.parametrize("colour", [False, True])
def test_hostile_rows_send_nothing_to_the_terminal(colour: bool) -> None:
    bad = replace(READ_ONLY, id=HOSTILE, cause=HOSTILE, summary=HOSTILE)
    known = roster(
        member(
            1, HOSTILE * 9, bad, pomerium=HOSTILE, config=HOSTILE, checks={HOSTILE: HOSTILE}, envoy=HOSTILE
        ),
        agentless=(Agentless(HOSTILE, HOSTILE),),
        trouble=replace(CUT, why=HOSTILE, steps=(HOSTILE,)),
    )
    one = parse(answer_one(id_of(1), view({}, roster=known)).body)
    texts = [
        shown(known, 80, colour=colour),
        shown(known, 40, colour=colour),
        detail(replica(one), cluster(one), Style(colour=colour)),
        *(note.as_text(Style(colour=colour)) for note in News().of(document(known))),
        *(note.as_json() for note in News().of(document(known))),
    ]
    for text in texts:
        assert _SGR.sub("", text).replace("\n", "").isprintable()
        if not colour:
            assert "\x1b" not in text


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"enabled": "yes"}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"statuses": {}}',
    ],
)
def test_an_answer_that_is_no_agents_is_none(body: bytes) -> None:
    with pytest.raises(NotACluster):
        parse(body)


@pytest.mark.parametrize("junk", [None, 1, -1, 1e400, "x" * 10_000, [], {}, [[]], {"a": {}}, True])
def test_junk_in_any_place_of_an_answer_is_passed_over(junk: object) -> None:
    whole = dict(document(replace(WHOLE, lease=TURN)))
    for key in set(whole) - {"enabled"}:
        listing(cluster({**whole, key: junk}), Style(), 80)
    for key in whole["replicas"][1]:
        spoilt = {**whole, "replicas": [{**whole["replicas"][1], key: junk}, junk]}
        listing(cluster(spoilt), Style(), 80)
        detail(replica(spoilt["replicas"][0]), cluster(spoilt), Style())
        assert [note.as_json() for note in News().of(spoilt)]


def test_one_replica_is_shown_with_all_that_is_known_of_it() -> None:
    checks = {"storage.backend": "fail read-only", "envoy.server": "pass"}
    known = roster(
        member(1, "db1"),
        member(
            2, "db2", READ_ONLY, EXPIRING, checks=checks, addresses={"address": "10.0.0.2:443"}, clock=-1.25
        ),
    )
    one = parse(answer_one("db2", view({}, roster=known)).body)
    assert detail(replica(one), cluster(one), Style()).splitlines() == [
        "✗ db2: not ready: storage.backend: read-only (+1)",
        f"  id             {id_of(2)}",
        "  last seen      4 s ago, 2027-01-15 07:59:56 UTC",
        "  first seen     2027-01-14 08:00:00 UTC",
        "  versions       Pomerium 0.33.1, Envoy 1.36.2, agent 0.8.0",
        "  configuration  3f2a9c1e55aa, since 2027-01-15 06:36:40 UTC",
        "  address        address 10.0.0.2:443",
        "  clock          1.25 s behind the database's",
        "",
        "✗ storage.backend: read-only (stops /readyz)",
        "    PostgreSQL takes no writes",
        "    More: `pomhealth explain storage.backend/read-only`",
        "",
        "! certificates_current: expiring",
        "    one ends in 3 days",
        "    More: `pomhealth explain certificates_current/expiring`",
        "",
        "Checks",
        "  ✗ storage.backend: fail read-only",
        "  ✓ envoy.server: pass",
    ]


def test_the_first_answer_is_all_news_and_the_same_again_is_none() -> None:
    news = News()
    first = [note.text for note in news.of(document(WHOLE, expected=3))]
    assert first[1] == "db2: not ready: storage.backend: read-only (+1): PostgreSQL takes no writes"
    assert first[-1].startswith("6 replicas, 1 ready, ")
    later = replace(WHOLE, members=tuple(replace(one, last_seen=one.last_seen + 1) for one in WHOLE.members))
    assert list(news.of(document(later, expected=3))) == []


def test_what_turns_is_told_with_what_was_before() -> None:
    news = News()
    list(news.of(document(roster(member(1, "db1"), member(2, "db2")))))
    turned = roster(member(1, "db1"), member(2, "db2", READ_ONLY, config="91ab77ce", pomerium="0.34.0"))
    ill = "db2: not ready: storage.backend: read-only: PostgreSQL takes no writes"
    assert [note.text for note in news.of(document(turned))] == [
        f"{ill} (was ready; Pomerium 0.34.0, was 0.33.1; configuration 91ab77c, was 3f2a9c1)",
        "2 replicas, 1 ready, 1 not ready",
    ]
    assert [note.text for note in news.of(document(roster(member(1, "db1"))))] == [
        "db2: not listed any more",
        "1 replica, 1 ready",
    ]


def test_a_program_is_told_the_same_as_objects() -> None:
    news = News()
    said = [json.loads(note.as_json()) for note in news.of(document(roster(member(2, "db2", READ_ONLY))))]
    assert [one["event"] for one in said] == ["replica", "cluster"]
    assert (said[0]["was"], said[0]["replica"]["worst"]["cause"]) == ("", "read-only")
    cut = list(news.of(document(roster(member(2, "db2", READ_ONLY), trouble=CUT))))
    assert [json.loads(note.as_json())["complete"] for note in cut] == [False]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-3, "0 s"),
        (4.4, "4 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (3 * 86400.0, "3 days"),
    ],
)
def test_how_long_is_said_as_people_say_it(seconds: float, said: str) -> None:
    assert span(seconds) == said
