"""What probes remember between looks at one Envoy: counters seen, answers that serve several checks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

T = TypeVar("T")


class Notes:
    """A notebook that outlives contexts: a new configuration makes a new context, the counters go on."""

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}
        self._answers: dict[str, tuple[float, Any]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def recall(self, key: Hashable) -> Any:
        """What was kept under this key, or None."""
        return self._kept.get(key)

    def keep(self, key: Hashable, value: Any) -> None:
        self._kept[key] = value

    async def shared(
        self,
        name: str,
        ask: Callable[[], Awaitable[T]],
        *,
        fresh: float,
        lasts: Callable[[T], bool] = lambda _: True,
    ) -> tuple[T, bool]:
        """The answer of `ask`, or one under this name not older than `fresh` seconds; and whether it was asked now.

        One question serves all who ask at once; an answer that does not last serves nobody else. Raises what `ask`
        raises.
        """
        clock = asyncio.get_running_loop().time
        async with self._locks.setdefault(name, asyncio.Lock()):
            kept = self._answers.get(name)
            if kept is not None and clock() - kept[0] < fresh:
                return kept[1], False
            answer = await ask()
            if lasts(answer):
                self._answers[name] = (clock(), answer)
            return answer, True
