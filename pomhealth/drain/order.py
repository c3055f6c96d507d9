"""What the command tells the agent: one line of JSON. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pomhealth.drain.model import Terms

DRAIN, CANCEL = "drain", "cancel"
LONGEST = 86400.0  # seconds
LARGEST = 4096  # bytes of an order


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


def written(order: Order) -> bytes:
    return json.dumps({"do": order.do, "notice": order.notice, "limit": order.limit}).encode() + b"\n"


def read(line: bytes) -> Order:
    """The order in this line. Raises ValueError with what is wrong with it."""
    try:
        said = json.loads(line)
    except ValueError:
        raise ValueError("it is not JSON") from None
    if not isinstance(said, dict) or said.get("do") not in (DRAIN, CANCEL):
        raise ValueError(f"there are {DRAIN} and {CANCEL}")
    return Order(said["do"], _seconds(said, "notice"), _seconds(said, "limit"))


def _seconds(said: dict[str, object], name: str) -> float | None:
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LONGEST:
        raise ValueError(f"{name}: {value!r} is not seconds from 0 to {LONGEST:g}")
    return float(value)
