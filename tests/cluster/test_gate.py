"""Whether a replica may be restarted, in words; and when it is back."""

from __future__ import annotations

import pytest

from pomhealth.cluster.model import OFF, Account, Lease, Member, Roster, Trouble
from pomhealth.cluster.rollout.back import Running, Watch, left, seen
from pomhealth.cluster.rollout.gate import Look, Need, Other, Terms, barred, need, verdict
from pomhealth.cluster.rollout.passing import Order, last, read, told, written
from pomhealth.orders import line

NOON = 1_700_000_000.0  # 22:13:20 UTC


def other(host: str, *, ready: bool = False, draining: bool = False, silent: bool = False) -> Other:
    return Other(f"id-of-{host}", host, ready, draining, silent, NOON - 45)


@pytest.mark.parametrize(
    ("least", "expected", "needed"),
    [
        (None, 0, Need(1, all=True)),
        (None, 1, Need(1, all=True)),
        (None, 5, Need(4, all=True)),
        (0, 5, Need(0, all=False)),
        (2, 5, Need(2, all=False)),
    ],
)
def test_how_many_others_must_be_ready(least: int | None, expected: int, needed: Need) -> None:
    assert need(Terms(least=least), expected) == needed


@pytest.mark.parametrize(
    ("look", "least", "expected", "why", "fix"),
    [
        (Look(NOON), None, 0, "no other replica is registered", "--min-ready 0"),
        (
            Look(NOON, fit=1, unfit=1, amiss=(other("b"),)),
            None,
            0,
            "b is not ready",
            "--min-ready 1 does without",
        ),
        (
            Look(NOON, unfit=1, amiss=(other("b", ready=True, draining=True),)),
            None,
            0,
            "b is being drained",
            "",
        ),
        (
            Look(NOON, unfit=1, amiss=(other("b", ready=True, silent=True),)),
            None,
            0,
            "b is silent since 22:12:35 UTC",
            "",
        ),
        (
            Look(NOON, fit=6, unfit=3, amiss=(other("b"), other("c"))),
            None,
            0,
            "b is not ready; c is not ready; 1 more is not ready",
            "",
        ),
        (
            Look(NOON, fit=1),
            None,
            3,
            "1 other replica is ready, and 2 must be: expected_replicas is 3",
            "start the missing replica",
        ),
        (Look(NOON, fit=1), 2, 0, "1 other replica is ready, and --min-ready asks for 2", "fewer"),
        (
            Look(NOON, fit=1, unfit=1, amiss=(other("b"),)),
            2,
            0,
            "1 other replica is ready, and --min-ready asks for 2: b is not ready",
            "pomhealth check",
        ),
        (
            Look(NOON, busy=Lease("id-of-b", NOON + 60), host="b"),
            None,
            0,
            "b is being restarted; its lease ends when it is ready again, or at 22:14:20 UTC",
            "--release on b",
        ),
        (Look(NOON, busy=Lease("id-of-b", NOON + 60)), None, 0, "id-of-b is being restarted", ""),
    ],
)
def test_why_it_is_not_safe_is_told_with_what_to_do(
    look: Look, least: int | None, expected: int, why: str, fix: str
) -> None:
    said = verdict(look, Terms(least=least), expected)
    assert not said.safe
    assert why in said.why
    assert fix in said.fix


def test_what_is_safe_is_told_with_its_end() -> None:
    said = verdict(Look(NOON, until=NOON + 600, fit=2), Terms(), 0)
    assert said.safe
    assert said.why == "safe to restart: 2 other replicas are ready, and no other may go before 22:23:20 UTC"
    alone = verdict(Look(NOON, until=NOON + 600), Terms(least=0), 0)
    assert alone.why.startswith("safe to restart: no other replica is ready")


def test_another_hosts_name_is_told_harmlessly() -> None:
    hostile = "b\x1b]0;x\x07\u202ez" + "y" * 500
    said = verdict(Look(NOON, unfit=1, amiss=(other(hostile),)), Terms(), 0)
    assert said.why.isprintable()
    assert len(said.why) < 200
    far = verdict(Look(NOON, busy=Lease("id", 1e300), host=hostile), Terms(), 0)
    assert far.why.isprintable()


@pytest.mark.parametrize(
    ("roster", "wanted", "why", "fix"),
    [
        (OFF, False, "the cluster is off here", "cluster = true"),
        (Roster(wanted=True, mine="me", at=NOON), True, "this replica is not in it yet", "--wait"),
        (OFF, True, "this replica is not in it yet", "--wait"),
        (
            Roster(wanted=True, mine="me", trouble=Trouble("refused", "x", ("do y",))),
            True,
            "asked: x",
            "do y",
        ),
    ],
)
def test_nobody_is_asked_where_nobody_can_say(roster: Roster, wanted: bool, why: str, fix: str) -> None:
    said = barred(roster, wanted=wanted)
    assert said is not None
    assert not said.safe
    assert why in said.why
    assert fix in said.fix


def test_the_registry_must_say_where_it_is_there() -> None:
    me = Member("me", Account("host"), NOON, NOON)
    assert barred(Roster(wanted=True, mine="me", members=(me,), at=NOON), wanted=True) is None


@pytest.mark.parametrize("order", [Order(), Order(Terms(30.0, 2), 12.5), Order(Terms(86400.0, 0), 600)])
def test_an_order_is_read_as_it_was_written(order: Order) -> None:
    assert read(line.read(line.written(written(order)), ("pass", "release"))) == order


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"hold": 5}, "hold: 5 is not seconds from 30"),
        ({"hold": float("nan")}, "hold: nan"),
        ({"wait": -1}, "wait: -1"),
        ({"least": -1}, "least: -1"),
        ({"least": 1.5}, "least: 1.5"),
        ({"least": True}, "least: True"),
    ],
)
def test_what_is_no_order_is_refused_with_what_is_wrong(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read({"do": "pass", **said})


def test_what_is_waited_for_is_not_the_last_word() -> None:
    not_safe = verdict(Look(NOON), Terms(), 0)
    assert not last(told(not_safe, last=False))
    assert last(told(not_safe, last=True))
    assert last(told(verdict(Look(NOON, until=NOON, fit=1), Terms(), 0), last=False))


def after(of: str, *looks: tuple[float, str, bool]) -> Watch:
    """What is known after these looks: the moment, the process, and whether it is ready."""
    watch = Watch(of)
    for at, process, ready in looks:
        watch = seen(watch, Running(process, ready), at)
    return watch


def test_a_replica_is_back_once_another_process_was_ready_for_as_long_as_is_noticed() -> None:
    watch = after("one", (0, "one", True), (5, "", False), (6, "two", False), (7, "two", True))
    assert left(watch, 16, 10) == 1
    assert left(watch, 17, 10) == 0


def test_a_replica_that_flaps_is_back_when_it_stays_ready() -> None:
    watch = after("one", (1, "two", True), (9, "two", False), (10, "two", True))
    assert left(watch, 19, 10) == 1
    assert left(watch, 20, 10) == 0


def test_a_replica_that_is_restarted_twice_is_back_when_the_second_is() -> None:
    watch = after("one", (1, "two", True), (9, "three", True))
    assert left(watch, 11, 10) == 8
    assert left(watch, 19, 10) == 0


def test_the_same_process_is_not_another_however_ill_it_was() -> None:
    watch = after("one", (0, "one", True), (1, "one", False), (2, "one", True))
    assert left(watch, 1000, 10) is None


def test_where_no_process_can_be_seen_the_first_looks_of_a_later_agent_are_no_restart() -> None:
    later = seen(Watch("", away=None), Running("", ready=False), 0)
    later = seen(later, Running("", ready=True), 1)
    assert left(later, 1000, 10) is None
    later = seen(seen(later, Running("", ready=False), 1001), Running("", ready=True), 1002)
    assert left(later, 1012, 10) == 0


def test_an_agent_that_comes_later_knows_another_process_too() -> None:
    assert left(after("one", (0, "two", True)), 10, 10) == 0


def test_where_no_process_can_be_seen_it_is_back_when_it_was_away() -> None:
    assert left(after("", (0, "", True)), 1000, 10) is None
    assert left(after("", (0, "", True), (1, "", False), (2, "", True)), 12, 10) == 0
