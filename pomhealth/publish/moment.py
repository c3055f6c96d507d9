"""A moment as it is published. Pure."""

from __future__ import annotations

from datetime import datetime, timezone

_LAST = 253402300799.0  # seconds since the epoch: the end of the year 9999, beyond which RFC 3339 has no form


def when(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond; "" for never, which is 0."""
    if not seconds:
        return ""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def told(seconds: float) -> str:
    """The same of a time that somebody else says: "" also for what is no time."""
    return when(seconds) if 0.0 < seconds < _LAST else ""
