"""Contexts for probes under test, on a stand-in replica found by discovery itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pomhealth.agent.instruments import close_context, open_context
from pomhealth.checks import Context
from pomhealth.demo.running import RunningReplica
from pomhealth.replica.discover import discover
from pomhealth.settings import Settings


@asynccontextmanager
async def context_of(replica: RunningReplica) -> AsyncIterator[Context]:
    """What a probe gets for this replica, closed afterwards."""
    settings = Settings(pid=replica.pid)
    context = open_context(discover(settings), settings)
    try:
        yield context
    finally:
        await close_context(context)
