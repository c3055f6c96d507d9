"""Calls that may block (files, directories), each kind in a thread of its own, with a deadline."""

from __future__ import annotations

import asyncio
import queue
import threading
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from pomhealth import touch
from pomhealth.reach import Silent
from pomhealth.touch import Call, Stuck

T = TypeVar("T")
_Job = tuple[Callable[[], Any], Call, Callable[[Any, "BaseException | None"], None]]
_Jobs = queue.SimpleQueue["_Job | None"]
_LOOK = 0.25  # seconds between two looks whether a call hangs
_MOST_LEFT = 16  # threads that may be left behind; each waits at a place of its own


class Workers:
    """Runs blocking calls, one at a time under each name, in a thread that is kept for that name.

    A call that hangs holds its own name's thread and nothing else: the next call under that name fails at once until
    the thread comes back. Where the call says which file it touches (`touch.touching`), that thread is left behind
    and the call is made again in another, in which that place fails at once; so a stuck file system takes one thread
    and none of the rest. `told` hears of each such place, and whether it answers. Threads are daemons: a stuck one never delays exit.
    """

    def __init__(self, told: Callable[[str, bool], None] | None = None) -> None:
        self._busy: set[str] = set()
        self._jobs: dict[str, _Jobs] = {}
        self._told = told
        self._stuck = Stuck()
        self._left = 0
        weakref.finalize(self, _end, self._jobs)

    async def call(self, name: str, function: Callable[[], T], *, deadline: float) -> T:
        """The function's result, or its exception. Raises Silent after `deadline` seconds."""
        if name in self._busy:
            raise Silent(name, "an earlier look at it has still not come back")
        end = asyncio.get_running_loop().time() + deadline
        while True:
            call = Call(self._stuck)
            answer = self._start(name, function, call)
            path = await self._wait(answer, call, end)
            if not path:
                break
            self._leave(name, call, path)
        if answer.cancelled():
            raise Silent(name, f"no answer within {deadline:g} s")
        return answer.result()

    def _start(self, name: str, function: Callable[[], T], call: Call) -> asyncio.Future[T]:
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        self._busy.add(name)

        def settle(result: T, error: BaseException | None) -> None:
            if call.left:
                self._returns(call)
                return
            self._busy.discard(name)
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(result)

        def done(result: T, error: BaseException | None) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, result, error)

        self._queue(name).put((function, call, done))
        return answer

    async def _wait(self, answer: asyncio.Future[T], call: Call, end: float) -> str:
        """Waits for the answer until `end`; gives the path where the call hangs and can be left there."""
        loop = asyncio.get_running_loop()
        try:
            while not answer.done() and (left := end - loop.time()) > 0:
                await asyncio.wait((answer,), timeout=min(left, _LOOK))
                path = call.hangs_on() if not answer.done() and self._left < _MOST_LEFT else ""
                if path:
                    return path
        except asyncio.CancelledError:
            answer.cancel()
            raise
        if not answer.done():
            answer.cancel()
        return ""

    def _leave(self, name: str, call: Call, path: str) -> None:
        """Gives up the thread in which the call hangs: it ends as soon as the file system answers."""
        call.left = True
        self._left += 1
        place = self._stuck.mark(call, path)
        self._jobs.pop(name).put(None)
        if self._told is not None and place:
            self._told(place, False)

    def _returns(self, call: Call) -> None:
        self._left -= 1
        for place in self._stuck.free(call):
            if self._told is not None:
                self._told(place, True)

    def _queue(self, name: str) -> _Jobs:
        jobs = self._jobs.get(name)
        if jobs is None:
            jobs = self._jobs[name] = queue.SimpleQueue()
            threading.Thread(target=_work, args=(jobs,), name=f"look {name}", daemon=True).start()
        return jobs


def _work(jobs: _Jobs) -> None:
    while (job := jobs.get()) is not None:
        function, call, done = job
        result, error = None, None
        touch.enter(call)
        try:
            result = function()
        except BaseException as caught:  # noqa: BLE001  (it is raised again in the caller)
            error = caught
        touch.enter(None)
        done(result, error)
        del job, function, call, done, result, error  # nothing of one call is kept alive until the next


def _end(jobs: dict[str, _Jobs]) -> None:
    for waiting in jobs.values():
        waiting.put(None)
