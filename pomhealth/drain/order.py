"""What `pomhealth drain` tells the agent. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from pomhealth.drain.model import Terms
from pomhealth.orders.kinds import DRAIN
from pomhealth.orders.line import Said, seconds


@dataclass(frozen=True, slots=True)
class Order:
    """To drain, or to undo it. `notice` and `limit` are in seconds, None for those of the agent's settings."""

    do: str = DRAIN
    notice: float | None = None
    limit: float | None = None

    def terms(self, usual: Terms) -> Terms:
        """The terms of this drain, where `usual` are those of the settings."""
        return Terms(
            usual.notice if self.notice is None else self.notice,
            usual.limit if self.limit is None else self.limit,
        )


def written(order: Order) -> Said:
    return {"do": order.do, "notice": order.notice, "limit": order.limit}


def read(said: Said) -> Order:
    """The order as it was given. Raises ValueError with what is wrong with it."""
    return Order(said["do"], seconds(said, "notice"), seconds(said, "limit"))


def last(said: Said) -> bool:
    """Whether the agent says nothing more of this drain."""
    return said.get("cancelled") is not None or said.get("end") is not None
