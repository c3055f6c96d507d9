"""When the lack of a server that takes writes is a failover under way, and when it is a fault."""

from __future__ import annotations

import pytest

from pomhealth.storage.failover import FAILOVER, under_way
from pomhealth.storage.trouble import Trouble

REFUSED = Trouble("refused", "connection refused", lost=True)
STANDBY = Trouble("read-only", "it is a standby", lost=True)


def test_a_standby_that_answers_may_be_about_to_take_over() -> None:
    assert under_way([REFUSED, STANDBY], gone=0.5)


@pytest.mark.parametrize(
    ("troubles", "gone"),
    [
        ([REFUSED, STANDBY], FAILOVER),
        ([REFUSED, REFUSED], 0.5),
        ([STANDBY], 0.5),
    ],
    ids=["it takes too long", "no server is left", "there is no other server"],
)
def test_else_it_is_a_fault(troubles: list[Trouble], gone: float) -> None:
    assert not under_way(troubles, gone=gone)
