"""Calls that may block (files, directories), each kind in a thread of its own, with a deadline."""

from __future__ import annotations

import asyncio
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from pomhealth.reach import Silent

T = TypeVar("T")
_Job = tuple[Callable[[], Any], Callable[[Any, "BaseException | None"], None]]
_Jobs = queue.SimpleQueue["_Job | None"]


class Workers:
    """Runs blocking calls, one at a time under each name, in a thread that is kept for that name.

    A call that hangs (a stuck network file system) holds its own name's thread and nothing else: the next call
    under that name fails at once until the thread comes back. Threads are daemons: a stuck one never delays exit.
    """

    def __init__(self) -> None:
        self._busy: set[str] = set()
        self._jobs: dict[str, _Jobs] = {}
        weakref.finalize(self, _end, self._jobs)

    async def call(self, name: str, function: Callable[[], T], *, deadline: float) -> T:
        """The function's result, or its exception. Raises Silent after `deadline` seconds."""
        if name in self._busy:
            raise Silent(name, "an earlier look at it has still not come back")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._busy.add(name)

        def settle(result: T, error: BaseException | None) -> None:
            self._busy.discard(name)
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)

        def done(result: T, error: BaseException | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, result, error)

        self._queue(name).put((function, done))
        try:
            return await asyncio.wait_for(future, deadline)
        except asyncio.TimeoutError:
            raise Silent(name, f"no answer within {deadline:g} s") from None

    def _queue(self, name: str) -> _Jobs:
        jobs = self._jobs.get(name)
        if jobs is None:
            jobs = self._jobs[name] = queue.SimpleQueue()
            threading.Thread(target=_work, args=(jobs,), name=f"look {name}", daemon=True).start()
        return jobs


def _work(jobs: _Jobs) -> None:
    while (job := jobs.get()) is not None:
        function, done = job
        result, error = None, None
        try:
            result = function()
        except BaseException as caught:  # noqa: BLE001  (it is raised again in the caller)
            error = caught
        done(result, error)
        del job, function, done, result, error  # nothing of one call is kept alive until the next


def _end(jobs: dict[str, _Jobs]) -> None:
    for waiting in jobs.values():
        waiting.put(None)
