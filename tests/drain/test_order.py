"""What the command tells the agent."""

from __future__ import annotations

import pytest

from pomhealth.drain.model import Terms
from pomhealth.drain.order import Order, read, written
from pomhealth.orders import line
from pomhealth.orders.kinds import CANCEL, DRAIN


def sent(text: bytes) -> Order:
    """The order as the agent takes it."""
    return read(line.read(text, (DRAIN, CANCEL)))


@pytest.mark.parametrize("order", [Order(), Order(CANCEL), Order(DRAIN, 0.0, 12.5)])
def test_an_order_is_read_as_it_was_written(order: Order) -> None:
    assert sent(line.written(written(order))) == order


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"drain\n", "it is not JSON"),
        (b"[]\n", "there are drain, cancel"),
        (b'{"do": "reboot"}\n', "there are drain, cancel"),
        (b'{"do": "drain", "limit": -1}\n', "limit: -1 is not seconds"),
        (b'{"do": "drain", "notice": "soon"}\n', "notice: 'soon' is not seconds"),
        (b'{"do": "drain", "limit": true}\n', "limit: True is not seconds"),
        (b'{"do": "drain", "limit": NaN}\n', "limit: nan is not seconds"),
    ],
)
def test_what_is_no_order_is_refused_with_what_is_wrong(text: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        sent(text)


def test_what_an_order_leaves_open_is_as_in_the_settings() -> None:
    usual = Terms(10, 90)
    assert Order().terms(usual) == usual
    assert Order(DRAIN, None, 5).terms(usual) == Terms(10, 5)
    assert Order(DRAIN, 0, None).terms(usual) == Terms(0, 90)
