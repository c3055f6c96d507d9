"""Whether a file is just being written: what stands in it then may be half of what will. Pure."""

from __future__ import annotations

from collections.abc import Mapping

QUIET = 0.05  # seconds without a write after which a file counts as whole
_EMPTIED = (
    1.0  # the same for an empty one: it is emptied before it is written, and a busy machine may come between
)
_SIZE, _WRITTEN = 2, 3  # in the mark of a file that is there


def being_written(stamps: Mapping[str, tuple[int, ...]], now: float) -> bool:
    """Whether one of these files was written so short a time before `now` (seconds since the epoch).

    `stamps` are the marks of files by path, as `paths.stamp` makes them.
    """
    return any(
        0 <= now - mark[_WRITTEN] / 1e9 < (QUIET if mark[_SIZE] else _EMPTIED)
        for mark in stamps.values()
        if len(mark) > _WRITTEN
    )
