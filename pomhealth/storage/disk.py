"""The proof that a PostgreSQL server has disk left to write on: a temporary file, which it removes at once."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from pomhealth.storage import questions
from pomhealth.storage.questions import StorageFacts
from pomhealth.storage.wire import Wire

_OFTEN = 1.9  # seconds between two proofs: less than two looks, so that every second look is one
_SELDOM = 60.0
_LARGEST = 128 * 1024  # bytes; the file of a proof is smaller
_LEAST = 0.3  # seconds that must be left of a look: the server ends a proof after 0.25


class DiskProof:
    """Proves it now and then. One for each session."""

    def __init__(self) -> None:
        self._due = 0.0

    async def prove(self, wire: Wire, facts: StorageFacts, end: float) -> StorageFacts:
        """The facts, with the trouble of a full disk where there is one; `end` is the loop's time to be done by.

        Raises Failed when the connection is lost, asyncio.TimeoutError for no answer.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now < self._due or end - now < _LEAST:
            return facts
        results = await asyncio.wait_for(wire.ask(questions.SPILL), end - now)
        trouble = questions.error(results)
        if trouble is not None and trouble.cause == "disk-full":
            return replace(facts, trouble=trouble)
        self._due = now + interval(questions.logged_from(results))
        return facts


def interval(logged_from: int | None) -> float:
    """Seconds between two proofs, for a server that logs temporary files from so many bytes on. Pure.

    None where it does not say. Its log is not ours to fill.
    """
    quiet = logged_from is not None and not 0 <= logged_from <= _LARGEST
    return _OFTEN if quiet else _SELDOM
