"""An order, as one line of JSON: {"do": WHAT, …}. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

LARGEST = 4096  # bytes of an order
LONGEST = 86400.0  # seconds that an order may name

Said = Mapping[str, Any]


def written(order: Said) -> bytes:
    return json.dumps(order).encode() + b"\n"


def read(line: bytes, known: Collection[str]) -> Said:
    """The order in this line, of one of the `known` kinds. Raises ValueError with what is wrong with it."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("it is not JSON") from None
    if not isinstance(said, dict) or said.get("do") not in tuple(known):
        raise ValueError(f"there are {', '.join(known)}")
    return said


def seconds(said: Said, name: str, *, least: float = 0.0) -> float | None:
    """Seconds that an order names; None where it does not. Raises ValueError."""
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= LONGEST:
        raise ValueError(f"{name}: {value!r} is not seconds from {least:g} to {LONGEST:g}")
    return float(value)
