"""Calls that may block (files, directories), each kind in a thread of its own, with a deadline."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from pomhealth.reach import Silent

T = TypeVar("T")


class Workers:
    """Runs blocking calls, one thread for each name at a time.

    A call that hangs (a stuck network file system) holds its own name's thread and nothing else: the next call
    under that name fails at once until the thread comes back. Threads are daemons: a stuck one never delays exit.
    """

    def __init__(self) -> None:
        self._busy: set[str] = set()

    async def call(self, name: str, function: Callable[[], T], *, deadline: float) -> T:
        """The function's result, or its exception. Raises Silent after `deadline` seconds."""
        if name in self._busy:
            raise Silent(name, "an earlier look at it has still not come back")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._busy.add(name)

        def settle(result: T | None, error: BaseException | None) -> None:
            self._busy.discard(name)
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]

        def work() -> None:
            result: T | None = None
            error: BaseException | None = None
            try:
                result = function()
            except BaseException as caught:  # noqa: BLE001  (it is raised again in the caller)
                error = caught
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, result, error)

        threading.Thread(target=work, name=f"look {name}", daemon=True).start()
        try:
            return await asyncio.wait_for(future, deadline)
        except asyncio.TimeoutError:
            raise Silent(name, f"no answer within {deadline:g} s") from None
