"""When the own row is written."""

from __future__ import annotations

from dataclasses import replace

from pomhealth.cluster.model import Account, Ailment
from pomhealth.cluster.registry.pace import GAP, WORDS, Pace

ILL = Ailment("storage.backend", "fail", "timeout", "ready", "no answer within 1 s")
SAID = Account(host="edge-1", ready=False, ailments=(ILL,), clock=0.1)
PACE = Pace().wrote(SAID, 0.0)


def test_what_was_never_written_is_written_at_once() -> None:
    assert Pace().due(SAID, 0.0) == 0.0


def test_what_is_the_same_is_not_written() -> None:
    assert PACE.due(SAID, 1000.0) is None


def test_another_state_is_written_at_once_and_told() -> None:
    turned = replace(SAID, ready=True, ailments=())
    assert PACE.due(turned, 200.0) == 0.0
    assert PACE.turned(turned)


def test_a_state_that_flaps_is_written_a_few_times_a_second_at_most() -> None:
    assert PACE.due(replace(SAID, ready=True), 0.0) == GAP


def test_mere_words_wait_and_are_not_told() -> None:
    reads = replace(SAID, ailments=(replace(ILL, summary="no answer within 2 s"),))
    assert PACE.due(reads, 1.0) == WORDS - 1.0
    assert not PACE.turned(reads)


def test_a_clock_that_creeps_is_not_worth_a_write_and_one_that_is_set_is() -> None:
    assert PACE.due(replace(SAID, clock=0.2), 1000.0) is None
    assert PACE.due(replace(SAID, clock=5.0), 1000.0) == 0.0
    assert PACE.due(replace(SAID, clock=None), 1000.0) == 0.0
