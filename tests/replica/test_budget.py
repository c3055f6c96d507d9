"""What may be taken of Envoy's main thread: never more than its share for long, and nothing that matters waits."""

from __future__ import annotations

from pomhealth.replica.budget import FULL, RESERVE, SHARE, Account, Budget, Haste, charged, grown, until_paid


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def taken(*, cost: float, seconds: float, haste: Haste = Haste.NONE) -> float:
    """The share of the time that looks of this cost take which are made whenever they may be."""
    account, now, spent = Account(FULL, 0.0), 0.0, 0.0
    while now < seconds:
        wait = until_paid(account, haste, now)
        if wait:
            now += wait + 1e-6
            continue
        account = charged(account, cost, now)
        spent += cost
    return spent / seconds


def test_looks_without_end_take_no_more_than_their_share_and_what_was_saved() -> None:
    day = 86_400.0
    for cost in (0.001, 0.05, 0.7, 10.0):
        assert taken(cost=cost, seconds=day) <= SHARE + (FULL + cost) / day
    assert taken(cost=0.05, seconds=day) > 0.99 * SHARE


def test_urgent_looks_without_end_take_no_more_either() -> None:
    day = 86_400.0
    assert taken(cost=0.05, seconds=day, haste=Haste.TOLD) <= SHARE + (FULL + RESERVE + 0.05) / day


def test_a_first_look_at_everything_and_the_looks_after_a_reload_come_at_once() -> None:
    account = Account(FULL, 0.0)
    for cost in (0.06, 0.05, 0.04, 0.7, 0.02) * 3:  # as measured at 10,000 routes
        assert until_paid(account, Haste.NONE, 0.0) == 0.0
        account = charged(account, cost, 0.0)


def test_what_the_replica_tells_of_does_not_wait_for_what_was_overdrawn() -> None:
    overdrawn = Account(-1.0, 0.0)
    assert until_paid(overdrawn, Haste.NONE, 0.0) == 1.0 / SHARE
    assert until_paid(overdrawn, Haste.TOLD, 0.0) == 0.0
    assert until_paid(Account(-RESERVE - 1.0, 0.0), Haste.TOLD, 0.0) == 1.0 / SHARE


def test_a_first_look_never_waits() -> None:
    assert until_paid(Account(-1000.0, 0.0), Haste.FIRST, 0.0) == 0.0


def test_time_pays_off_a_debt_and_never_saves_more_than_a_full_account() -> None:
    assert grown(Account(-1.0, 0.0), 1.0 / SHARE).balance == 0.0
    assert grown(Account(0.0, 0.0), 1e9).balance == FULL
    assert grown(Account(1.0, 100.0), 50.0).balance == 1.0  # a clock that went back takes nothing away


def test_a_budget_is_full_at_first_and_keeps_account_by_its_clock() -> None:
    clock = Clock()
    budget = Budget(clock)
    budget.charge(FULL + 0.8)
    assert round(budget.wait(Haste.NONE), 6) == round(0.8 / SHARE, 6)
    clock.now += 100.1
    assert budget.wait(Haste.NONE) == 0.0
