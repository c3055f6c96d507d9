"""What a rollout counts: requests, failures with their moment, and how long a replica was out of rotation."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from bench.rollout.counting import Act, Failure, Seen, Tally, absences, told

BOTH, ONLY_B = frozenset("ab"), frozenset("b")
CUT = Failure("stream", 12.5, "cut", "a", 7.0)
ACTS = [
    Act(1, "a", "pomhealth drain", 2.0, 9.0),
    Act(1, "a", "SIGTERM to the replica", 12.0, 13.0),
    Act(2, "b", "pomhealth drain", 20.0, 21.0),
]


def test_what_the_clients_have_seen_comes_back_from_their_line_of_json() -> None:
    tally = Tally(Counter(kept=3, stream=2), [CUT])
    read = Tally.from_json(json.loads(json.dumps(tally.as_json())))
    assert read == tally
    assert (read.total, read.failed("stream"), read.failed("kept")) == (5, 1, 0)
    assert read.ways() == {"cut": 1}


def test_each_absence_from_the_rotation_is_measured_by_itself() -> None:
    seen = [Seen(1.0, BOTH), Seen(2.0, ONLY_B), Seen(5.5, BOTH), Seen(8.0, ONLY_B), Seen(9.0, BOTH)]
    assert absences(seen, "a", 10.0) == [3.5, 1.0]
    assert absences(seen, "b", 10.0) == []


def test_an_absence_that_has_not_ended_counts_to_the_end() -> None:
    assert absences([Seen(1.0, BOTH), Seen(2.0, ONLY_B), Seen(3.0, frozenset())], "a", 10.0) == [8.0]


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (1.0, "before the first restart"),
        (2.5, "during pomhealth drain of a (restart 1), 0.50 s from its begin"),
        (10.0, "after pomhealth drain of a (restart 1), 8.00 s from its begin"),
        (12.5, "during SIGTERM to the replica of a (restart 1), 0.50 s from its begin"),
    ],
)
def test_a_failure_is_told_with_what_was_done_at_its_moment(at: float, words: str) -> None:
    failure = Failure("stream", at, "cut", "a", 7.0)
    assert told(failure, ACTS) == f"stream: cut at replica a, 7.00 s after it was sent; {words}"
