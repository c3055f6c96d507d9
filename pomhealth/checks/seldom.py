"""When a request that leaves a line in the replica's log is made anew. Pure; all times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from pomhealth.replica.budget import Haste

_ALMOST = 0.9  # of the usual time: a look that comes a little early is in time
_RELOADS = 450.0  # however often the configuration changes, it asks for no more than 8 lines an hour
_BACK_OFF = 1 / 20  # the end of a fault is seen within 5 % of the time for which it has lasted …
_LEAST = 30.0  # … or this


@dataclass(frozen=True, slots=True)
class Answered:
    """The last answer: whether one came at all, whether it was a good one, its age, and for how long it has been so."""

    came: bool
    well: bool
    age: float
    lasted: float


def lasts(last: Answered, haste: Haste, usual: float) -> float:
    """For how many seconds more the last answer serves; 0 to ask anew. `usual` is the time between two at rest.

    A good one serves through a reload, unless it is so old that the hour's lines allow another; the replica has had its
    time to take the configuration over by then. A bad one is soon asked for again, the later the longer it has been so:
    until then users may be kept from a replica that is well. What gets no answer leaves no line.
    """
    if haste >= Haste.TOLD or not last.came:
        return 0.0
    if last.well:
        serves = _ALMOST * usual
        if haste is Haste.SETTLED:
            serves = min(serves, _RELOADS)
        return usual - last.age if last.age < serves else 0.0
    return max(0.0, min(last.lasted * _BACK_OFF, _LEAST) - last.age) if haste is Haste.NONE else 0.0
