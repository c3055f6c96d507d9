"""What one agent keeps of the registry."""

from __future__ import annotations

from dataclasses import replace

from pomhealth.cluster.book import EXACT, Book, signature
from pomhealth.cluster.model import BEAT, STALE, Account, Member, Standing
from pomhealth.cluster.registry import Sign

NOW = 1_000_000.0


def _member(id_: str, **values: object) -> Member:
    account = Account(host=f"host-{id_}", checks={"envoy.server": "pass"})
    return replace(Member(id_, account, NOW, NOW, revision=1), **values)  # type: ignore[arg-type]


def _book(*members: Member) -> Book:
    book = Book()
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
    book = _book(_member("a"), _member("b"))
    later = NOW + 100 * BEAT
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
    book = _book(_member("a"))
    before = signature(book.roster("", None))
    book.signs([Sign("a", NOW + 5, 1, stopped=False)], NOW + 5, everybody=True)
    assert signature(book.roster("", None)) == before
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
    book.fetched(known, NOW)
    assert book.unlike() == []
    book.fetched([replace(known[0], revision=2, account=replace(known[0].account, certificates={}))], NOW)
    assert book.unlike() == []


def test_replicas_with_the_same_map_share_it() -> None:
    members = _book(_member("a"), _member("b")).roster("", None).members
    assert members[0].account.checks is members[1].account.checks
