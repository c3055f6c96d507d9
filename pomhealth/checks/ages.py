"""How long ago a file changed, though the clock be set meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable

from pomhealth.checks.notes import Notes
from pomhealth.clock import steady


def since(
    notes: Notes,
    what: str,
    mark: Hashable,
    changed: float,
    *,
    wall: Callable[[], float] = time.time,
    steady: Callable[[], float] = steady,
) -> float:
    """Seconds since `mark`, by which one state of the file `what` is told from the next, became what it is.

    `changed` is the file's own time in seconds since the epoch. It is believed at first sight, and later where the
    change can be that old; else an old file was put in place, or the clock was set, and it changed just now. From then
    on only time that passes counts.
    """
    now = steady()
    known = notes.recall((what, "age"))
    if known is not None and known[0] == mark:
        began = float(known[1])
    else:
        age = max(0.0, wall() - changed)
        began = now - age if known is None or age <= now - known[2] else now
    notes.keep((what, "age"), (mark, began, now))
    return now - began
