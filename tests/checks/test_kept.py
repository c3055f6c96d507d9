"""Envoy's last answer serves until a new one is due: by time and its cost at rest, by the account always."""

from __future__ import annotations

from pomhealth.checks.kept import due
from pomhealth.replica.budget import Haste


def test_at_rest_an_answer_serves_for_its_time() -> None:
    assert not due(Haste.NONE, age=4.9, pause=5.0, owing=0.0)
    assert due(Haste.NONE, age=5.0, pause=5.0, owing=0.0)


def test_whatever_speaks_for_a_change_has_it_asked_at_once() -> None:
    assert all(due(haste, age=0.0, pause=5.0, owing=0.0) for haste in Haste if haste is not Haste.NONE)


def test_nothing_is_asked_that_the_account_does_not_allow() -> None:
    assert not any(due(haste, age=1e9, pause=5.0, owing=0.1) for haste in Haste)
