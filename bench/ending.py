"""Benchmarks end in order, whenever they are told to."""

from __future__ import annotations

import signal
from types import FrameType

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_in_order() -> None:
    """From now on SIGINT, SIGTERM and SIGHUP raise SystemExit, once: what was started is ended on the way out.

    Later ones are ignored, so that they do not cut that short. To be called by a program's `main`.
    """
    for number in _ENDS:
        signal.signal(number, _end)


def _end(number: int, _frame: FrameType | None) -> None:
    for other in _ENDS:
        signal.signal(other, signal.SIG_IGN)
    raise SystemExit(128 + number)
