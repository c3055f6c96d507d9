"""The agent's parts as tasks of an event loop: kept going while it runs, and ended with it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

_AGAIN = 1.0  # seconds until a part that broke off starts again
_LAST = 0.5  # seconds for what is still left at the end


def kept_going(
    work: Callable[[], Coroutine[Any, Any, None]], broken: Callable[[Exception], None]
) -> asyncio.Task[None]:
    """Runs a part of the agent, and starts it again should it break: the others go on meanwhile."""

    async def keep() -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001  (one part must not take the agent with it)
                broken(error)
            await asyncio.sleep(_AGAIN)

    return asyncio.ensure_future(keep())


def end(loop: asyncio.AbstractEventLoop) -> None:
    """Closes the loop. What does not end in time ends with the process, and without a word: it is on its way out."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=_LAST))
    if asyncio.all_tasks(loop):
        loop.set_exception_handler(lambda *_: None)
        sys.unraisablehook = lambda _: None
    loop.close()
