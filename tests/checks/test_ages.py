"""How long ago a file changed, though the clock be set meanwhile."""

from __future__ import annotations

import pytest

from pomhealth.checks.ages import since
from pomhealth.checks.notes import Notes


class Files:
    """One file as a check sees it, on a machine whose clock the test sets."""

    def __init__(self) -> None:
        self.notes = Notes()
        self.passed = 0.0
        self.set = 1_000_000.0
        self.changed = self.set - 100.0

    def write(self) -> None:
        self.changed = self.set + self.passed

    def age(self) -> float:
        return since(
            self.notes,
            "a file",
            self.changed,
            self.changed,
            wall=lambda: self.set + self.passed,
            steady=lambda: 5.0 + self.passed,
        )


def test_at_first_sight_the_files_own_time_counts() -> None:
    assert Files().age() == 100


@pytest.mark.parametrize("by", [3600.0, -3600.0])
def test_when_the_clock_is_set_a_file_is_as_old_as_it_was(by: float) -> None:
    one = Files()
    one.age()
    one.set += by
    one.passed = 1
    assert one.age() == 101


@pytest.mark.parametrize("by", [3600.0, -3600.0])
def test_a_change_just_before_the_clock_is_set_is_a_recent_one(by: float) -> None:
    one = Files()
    one.age()
    one.passed = 10
    one.write()
    one.set += by
    assert one.age() == 0
    one.passed = 15
    assert one.age() == 5


def test_a_change_that_is_seen_late_is_as_old_as_its_file_says() -> None:
    one = Files()
    one.age()
    one.passed = 10
    one.write()
    one.passed = 70
    assert one.age() == 60


def test_a_file_from_the_future_grows_older_all_the_same() -> None:
    one = Files()
    one.changed = one.set + 3600
    assert one.age() == 0
    one.passed = 30
    assert one.age() == 30


def test_an_old_file_put_in_place_has_changed_just_now() -> None:
    one = Files()
    one.age()
    one.passed = 10
    one.changed -= 5000
    assert one.age() == 0
