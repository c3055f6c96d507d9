"""A drain, as a value: when it is over, and how it is told."""

from __future__ import annotations

from pomhealth.drain.model import (
    QUIET,
    Drain,
    End,
    Left,
    Phase,
    Reason,
    Terms,
    advance,
    gone,
    renewed,
    summary,
    told,
)

TERMS = Terms(notice=10, limit=90)
NOBODY = Left(connections=0, requests=0)


def begun(reason: Reason = Reason.ASKED, terms: Terms = TERMS) -> Drain:
    return Drain(reason, terms)


def test_nobody_connected_ends_it_only_once_the_load_balancer_has_had_its_time() -> None:
    early = advance(begun(), NOBODY, 9.9)
    assert (early.phase, early.end) == (Phase.NOTICE, None)
    late = advance(early, NOBODY, 10.0)
    assert (late.phase, late.end) == (Phase.OVER, End.ENDED)


def test_without_time_for_the_load_balancer_nobody_connected_ends_it_at_once() -> None:
    assert advance(begun(terms=Terms(0, 90)), NOBODY, 0.0).end is End.ENDED


def test_an_open_connection_is_waited_for_up_to_the_limit() -> None:
    busy = Left(connections=1, requests=1)
    waiting = advance(begun(), busy, 89.9)
    assert waiting.phase is Phase.ENDING
    over = advance(waiting, busy, 90.0)
    assert over.end is End.LIMIT
    assert not End.LIMIT.drained
    assert "1 connection open, 1 request under way after 90 s, the limit" in summary(over)


def test_connections_without_a_request_and_without_a_byte_are_not_waited_for() -> None:
    idle = Left(connections=3, requests=0, quiet=QUIET)
    assert advance(begun(), idle, 20).end is End.IDLE
    assert advance(begun(), idle, 5).end is None


def test_a_connection_that_was_used_since_envoy_told_of_its_requests_may_carry_one() -> None:
    assert advance(begun(), Left(connections=1, requests=0, quiet=QUIET, asked=QUIET + 1), 20).end is None
    assert advance(begun(), Left(connections=1, requests=0, quiet=QUIET + 1, asked=QUIET), 20).end is End.IDLE


def test_a_request_that_is_silent_for_long_is_waited_for() -> None:
    assert advance(begun(), Left(connections=1, requests=1, quiet=60), 20).end is None


def test_what_envoy_counts_no_requests_of_must_end_by_itself() -> None:
    assert advance(begun(), Left(connections=0, requests=0, quiet=60, others=1), 20).end is None


def test_where_the_kernel_cannot_count_all_of_them_envoys_word_is_needed_too() -> None:
    assert advance(begun(), Left(connections=0, requests=2, unseen=True), 20).end is None
    assert advance(begun(), Left(connections=0, requests=0, unseen=True), 20).end is End.ENDED


def test_where_nothing_can_be_counted_the_limit_is_waited_for() -> None:
    assert advance(begun(), Left(), 89).end is None
    over = advance(begun(), Left(), 90)
    assert over.end is End.LIMIT
    assert "cannot be counted from here" in summary(over)


def test_a_limit_shorter_than_the_notice_counts() -> None:
    assert advance(begun(terms=Terms(10, 5)), NOBODY, 5).end is End.LIMIT


def test_the_end_of_the_replica_is_the_end_of_its_drain() -> None:
    assert gone(begun(), 1.0).end is End.GONE
    assert End.GONE.drained


def test_what_is_over_stays_so() -> None:
    over = advance(begun(), NOBODY, 20)
    assert advance(over, Left(connections=5, requests=5), 30).end is End.ENDED
    assert gone(over, 30) == over


def test_who_asks_again_gets_its_own_limit_from_then_on() -> None:
    under_way = advance(begun(), Left(connections=1, requests=1), 60)
    again = renewed(under_way, Reason.STOP, TERMS, 60)
    assert again.terms.limit == 150
    assert again.phase is Phase.ENDING
    assert again.most == 1


def test_a_drain_that_came_to_its_limit_goes_on_when_it_is_asked_for_again() -> None:
    over = advance(begun(), Left(connections=1, requests=1), 90)
    assert renewed(over, Reason.ASKED, TERMS, 100).end is None


def test_a_drain_that_is_done_is_done_for_whoever_asks_again() -> None:
    done = advance(begun(), NOBODY, 20)
    assert renewed(done, Reason.STOP, TERMS, 100) == done


def test_it_is_told_with_its_reason_and_with_how_many_there_were_at_most() -> None:
    seen = advance(begun(Reason.STOP), Left(connections=7, requests=2), 12)
    seen = advance(seen, Left(connections=1, requests=0), 13)
    said = told(seen)
    assert (said["most"], said["connections"], said["requests"]) == (7, 1, 0)
    assert (said["reason"], said["phase"], said["end"]) == ("stop", "ending", None)
    assert said["summary"].startswith("taken out of rotation (pomhealth was told to stop): 1 connection open")
