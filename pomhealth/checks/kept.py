"""Envoy's last answer to a dear question, kept between looks that also judge what can be seen without Envoy."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from pomhealth.checks.context import Context
from pomhealth.replica.budget import USUAL, Haste, rest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kept(Generic[T]):
    """An answer, when it was had (by the event loop's clock), and what the last ones took of Envoy's main thread.

    `cost` is what this one took, in seconds; 0 when it was not asked for now.
    """

    answer: T
    at: float
    took: tuple[float, ...]
    cost: float


def due(haste: Haste, age: float, pause: float, owing: float) -> bool:
    """Whether to ask anew. Pure; in seconds.

    `age` is that of the last answer, `pause` how long one serves at rest, `owing` the time until the account allows a
    look with this haste.
    """
    return owing <= 0.0 and (haste is not Haste.NONE or age >= pause)


async def asked_or_kept(
    context: Context,
    name: str,
    ask: Callable[[], Awaitable[tuple[T, float]]],
    *,
    every: float,
    watching: bool = False,
    urgent: bool = False,
) -> Kept[T]:
    """The answer of `ask` (with the seconds it took), or the last one under this name while a new one is not due.

    One serves at rest for `every` seconds, longer where it is dear; `watching` where somebody waits for another: then
    its cost alone counts; `urgent` where what was seen says that there is one. Raises what `ask` raises.
    """
    now = asyncio.get_running_loop().time()
    kept: Kept[T] | None = context.notes.recall(("kept", name))
    if kept is not None:
        haste = max(context.haste, Haste.CHANGED) if urgent else context.haste
        pause = max(0.0 if watching else every, rest(min(kept.took), watching=watching))
        if not due(haste, now - kept.at, pause, context.admin.budget.wait(haste)):
            return replace(kept, cost=0.0)
    answer, seconds = await ask()
    took = (*(kept.took if kept is not None else ()), seconds)[-USUAL:]
    new = Kept(answer, now, took, seconds)
    context.notes.keep(("kept", name), new)
    return new
