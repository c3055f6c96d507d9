"""Blocking calls in threads: deadlines, errors, and nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading

import pytest

from pomhealth.blocking import Workers
from pomhealth.reach import Silent


async def test_gives_the_result_and_raises_the_error_of_the_call() -> None:
    workers = Workers()
    assert await workers.call("one", lambda: 1, deadline=5) == 1
    with pytest.raises(ZeroDivisionError):
        await workers.call("one", lambda: 1 // 0, deadline=5)


async def test_calls_under_one_name_share_one_thread() -> None:
    workers = Workers()
    threads = {await workers.call("one", threading.get_ident, deadline=5) for _ in range(3)}
    assert len(threads) == 1


async def test_a_call_that_hangs_holds_up_its_own_name_alone_until_it_comes_back() -> None:
    workers, release = Workers(), threading.Event()
    with pytest.raises(Silent):
        await workers.call("stuck", release.wait, deadline=0.05)
    with pytest.raises(Silent, match="still not come back"):
        await workers.call("stuck", lambda: 1, deadline=5)
    assert await workers.call("other", lambda: 1, deadline=5) == 1
    release.set()
    assert await asyncio.wait_for(_as_soon_as_free(workers, "stuck"), 5) == 2


async def _as_soon_as_free(workers: Workers, name: str) -> int:
    while True:
        with contextlib.suppress(Silent):
            return await workers.call(name, lambda: 2, deadline=5)
        await asyncio.sleep(0.01)


async def test_its_threads_end_with_it() -> None:
    workers = Workers()
    thread = await workers.call("one", threading.current_thread, deadline=5)
    del workers
    gc.collect()
    await asyncio.get_running_loop().run_in_executor(None, thread.join, 5)
    assert not thread.is_alive()
