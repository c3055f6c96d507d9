"""How often a request is made that leaves a line in the replica's log: seldom, unless somebody waits for its answer."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from pomhealth.checks.seldom import Answered, lasts
from pomhealth.replica.budget import Haste

HOUR = 3600
USUAL = 600.0


def asked(haste: Haste, every: int, *, well: bool = True, seconds: int = HOUR) -> Iterator[int]:
    """The moments at which it is asked, when a look comes every so many seconds; the first answer came at 0."""
    last = 0
    for now in range(every, seconds + 1, every):
        if not lasts(Answered(True, well, now - last, now), haste, USUAL):
            last = now
            yield now


def test_at_rest_it_is_asked_six_times_an_hour() -> None:
    assert len(list(asked(Haste.NONE, 600))) == 6
    assert len(list(asked(Haste.NONE, 599))) == 6  # a look that comes a little early


def test_however_often_the_configuration_changes_it_is_asked_eight_times_an_hour() -> None:
    for every in (1, 7, 60, 200, 449):
        assert len(list(asked(Haste.SETTLED, every))) <= 8


def test_what_may_not_be_taken_over_yet_is_no_reason_to_ask() -> None:
    assert len(list(asked(Haste.CHANGED, 1))) <= 7


def test_a_replica_that_tells_of_a_change_or_is_new_is_asked_at_once() -> None:
    good = Answered(came=True, well=True, age=1.0, lasted=1.0)
    assert (lasts(good, Haste.TOLD, USUAL), lasts(good, Haste.FIRST, USUAL)) == (0.0, 0.0)


def test_what_gets_no_answer_leaves_no_line_and_is_asked_each_time() -> None:
    assert len(list(asked(Haste.NONE, 1, well=False))) < HOUR
    assert lasts(Answered(came=False, well=False, age=0.0, lasted=1e6), Haste.NONE, USUAL) == 0.0


def test_the_end_of_a_fault_is_seen_within_a_twentieth_of_its_length_and_half_a_minute() -> None:
    moments = [0, *asked(Haste.NONE, 1, well=False)]
    for before, moment in itertools.pairwise(moments):
        assert moment - before <= min(max(1, moment / 20), 30) + 1
    assert len(moments) < 250


def test_a_changed_configuration_has_a_fault_looked_at_again() -> None:
    bad = Answered(came=True, well=False, age=1.0, lasted=HOUR)
    assert lasts(bad, Haste.NONE, USUAL) == 29.0
    assert lasts(bad, Haste.CHANGED, USUAL) == 0.0
