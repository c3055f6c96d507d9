"""What one agent keeps of the registry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pomhealth.cluster.model import BEAT, STALE, Account, Member, Standing
from pomhealth.cluster.registry.book import EXACT, Book, signature
from pomhealth.cluster.registry.registry import Sign

NOW = 1_000_000.0


def _member(id_: str, **values: object) -> Member:
    account = Account(host=f"host-{id_}", checks={"envoy.server": "pass"})
    return replace(Member(id_, account, NOW, NOW, revision=1), **values)  # type: ignore[arg-type]


class _Clock:
    """A steady clock that a test moves on."""

    def __init__(self) -> None:
        self.at = 500.0

    def __call__(self) -> float:
        return self.at


def _book(*members: Member, clock: _Clock | None = None) -> Book:
    book = Book(clock or _Clock())
    book.loaded(members, NOW)
    return book


def test_members_come_by_host() -> None:
    roster = _book(_member("b"), _member("a")).roster("b", None)
    assert [one.id for one in roster.members] == ["a", "b"]
    assert roster.me is not None
    assert roster.complete


def test_a_sign_of_life_asks_for_rows_that_are_new_or_were_written_anew() -> None:
    book = _book(_member("a"), _member("b"))
    signs = [
        Sign("a", NOW + 1, 1, stopped=False),
        Sign("b", NOW, 2, stopped=False),
        Sign("c", NOW, 1, stopped=False),
    ]
    assert book.signs(signs, NOW + 1, everybody=True) == ["b", "c"]
    assert [one.last_seen for one in book.roster("", None).members] == [NOW + 1, NOW]


def test_a_row_that_is_gone_is_forgotten_when_everybody_was_asked_for() -> None:
    book = _book(_member("a"), _member("b"))
    book.signs([Sign("a", NOW, 1, stopped=False)], NOW, everybody=True)
    assert [one.id for one in book.roster("", None).members] == ["a"]


def test_who_is_not_among_the_silent_counts_as_present() -> None:
    clock = _Clock()
    book = _book(_member("a"), _member("b"), clock=clock)
    later = NOW + 100 * BEAT
    clock.at += 100 * BEAT
    book.signs([Sign("b", NOW + 1, 1, stopped=False)], later, everybody=False)
    roster = book.roster("", None)
    assert [roster.standing(one) for one in roster.members] == [Standing.PRESENT, Standing.STALE]


def test_while_the_registry_is_away_nobody_grows_stale() -> None:
    book = _book(_member("a", last_seen=NOW - STALE + 1))
    roster = book.roster("", None)
    assert [roster.standing(one) for one in roster.members] == [Standing.PRESENT]


def test_among_many_everybody_is_asked_for_the_more_seldom_the_more_they_are() -> None:
    few, many = (
        _book(*(_member(f"{n:04}") for n in range(EXACT))),
        _book(*(_member(f"{n:04}") for n in range(2000))),
    )
    asked = {"few": 0, "many": 0}
    for _ in range(100):
        for name, book in (("few", few), ("many", many)):
            asked[name] += book.everybody
            book.signs([], NOW, everybody=False)
    assert asked == {"few": 100, "many": 3}


def test_nobody_is_told_of_a_mere_sign_of_life_and_everybody_of_silence() -> None:
    clock = _Clock()
    book = _book(_member("a"), clock=clock)
    before = signature(book.roster("", None))
    book.signs([Sign("a", NOW + 5, 1, stopped=False)], NOW + 5, everybody=True)
    assert signature(book.roster("", None)) == before
    clock.at += 5 + STALE + 1
    book.signs([Sign("a", NOW + 5, 1, stopped=False)], NOW + 5 + STALE + 1, everybody=True)
    assert signature(book.roster("", None)) != before


def test_certificates_are_asked_for_where_replicas_have_different_ones_and_kept_while_they_are_the_same() -> (
    None
):
    a, b, c = (
        _member(id_, account=Account(host=id_, certificates_digest=digest))
        for id_, digest in (("a", "1"), ("b", "2"), ("c", "1"))
    )
    assert _book(a, c).unlike() == []
    book = _book(a, b, c)
    assert {one.account.certificates_digest for one in book.unlike()} == {"1", "2"}
    known = [replace(one, account=replace(one.account, certificates={"x": one.id})) for one in book.unlike()]
    book.completed(known)
    assert book.unlike() == []
    book.fetched([replace(known[0], revision=2, account=replace(known[0].account, certificates={}))], NOW)
    assert book.unlike() == []


def test_replicas_with_the_same_map_share_it() -> None:
    members = _book(_member("a"), _member("b")).roster("", None).members
    assert members[0].account.checks is members[1].account.checks


@pytest.mark.parametrize("set_by", [-7200.0, 7200.0, 40 * 86400.0])
def test_where_the_servers_clock_is_set_each_is_silent_for_as_long_as_before(set_by: float) -> None:
    clock = _Clock()
    book = _book(_member("lives"), _member("dies"), clock=clock)

    def standings(passed: float) -> list[str]:
        clock.at = 500.0 + passed
        lives = Sign("lives", NOW + set_by + passed if passed > BEAT else NOW, 1, stopped=False)
        dies = Sign("dies", NOW, 1, stopped=False)
        book.signs([lives, dies], NOW + set_by + passed, everybody=True)
        roster = book.roster("", None)
        return [roster.standing(one).value for one in roster.members]

    assert standings(5.0) == ["present", "present"]
    assert standings(STALE - 1) == ["present", "present"]
    assert standings(STALE + 1) == ["stale", "present"]


def test_a_sign_of_life_from_the_future_is_one_of_now_and_no_other_keeps_anybody_alive() -> None:
    clock = _Clock()
    book = _book(_member("a", last_seen=NOW + 7200.0), clock=clock)
    assert [one.last_seen for one in book.roster("", None).members] == [NOW]
    clock.at += STALE + 1
    book.signs([Sign("a", NOW + 7200.0, 1, stopped=False)], NOW + STALE + 1, everybody=True)
    assert book.roster("", None).present == ()


def test_after_an_outage_of_the_registry_nobody_counts_as_silent_who_could_not_give_a_sign_of_life() -> None:
    clock = _Clock()
    book = _book(_member("a", last_seen=NOW - 3), _member("b", last_seen=NOW - 200), clock=clock)
    for passed, present in ((90.0, ["a"]), (90.0 + STALE, [])):
        clock.at = 500.0 + passed
        signs = [Sign(id_, NOW - ago, 1, stopped=False) for id_, ago in (("a", 3), ("b", 200))]
        if present:
            book.loaded([_member("a", last_seen=NOW - 3), _member("b", last_seen=NOW - 200)], NOW + passed)
        else:
            book.signs(signs, NOW + passed, everybody=True)
        assert [one.id for one in book.roster("", None).present] == present


def test_after_an_outage_of_ones_own_way_to_the_registry_others_are_as_silent_as_they_were() -> None:
    clock = _Clock()
    book = _book(_member("a"), _member("b"), clock=clock)
    clock.at += 90.0
    book.loaded([_member("a"), _member("b", last_seen=NOW + 85.0)], NOW + 90.0)
    assert [one.id for one in book.roster("", None).present] == ["b"]
