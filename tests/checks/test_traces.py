"""When PostgreSQL's clock is set, all rows grow old at once: nobody could have swept them yet."""

from __future__ import annotations

import math
from dataclasses import replace

from pomhealth.checks.notes import Notes
from pomhealth.checks.traces import settling, stepped
from pomhealth.storage.traces import Traces
from tests.storage.looking import context, replica

SEEN = Traces("db", False, 1e9, 0.0, 1e9, True, 1, 1, 1, (), 0, 1, 3600.0, 1, 0.0)


def test_a_servers_clock_that_gains_an_hour_at_once_was_set() -> None:
    notes = Notes()
    assert stepped(notes, 1000.0, 50.0) == math.inf
    assert stepped(notes, 1060.0, 110.0) == math.inf
    assert stepped(notes, 4720.0, 170.0) == 0
    assert stepped(notes, 4780.0, 230.0) == 60


def test_a_server_that_is_started_anew_or_set_back_makes_nothing_old() -> None:
    notes = Notes()
    stepped(notes, 5000.0, 50.0)
    assert stepped(notes, 3.0, 110.0) == math.inf
    assert stepped(notes, 63.0, 170.0) == math.inf


def test_our_own_clock_that_is_slewed_makes_no_step_of_the_servers() -> None:
    notes = Notes()
    for look in range(100):
        assert stepped(notes, 1000.0 + look * 60.03, 50.0 + look * 60.0) == math.inf


def test_after_a_step_pomerium_has_its_time_to_sweep() -> None:
    where = context(replica())
    assert "clock was set 5 s ago" in settling(where, replace(SEEN, stepped=5.0), 20.0)
    assert settling(where, replace(SEEN, stepped=25.0), 20.0) == ""
    assert settling(where, SEEN, 20.0) == ""
