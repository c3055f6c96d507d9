"""The agent's one session with the registry: opened, asked, listened to. It is not opened again: the next one is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pomhealth.cluster.registry import statements
from pomhealth.cluster.registry.sql import Ask, Away, Row
from pomhealth.cluster.registry.trouble import meaning
from pomhealth.status import Unobservable
from pomhealth.storage import questions
from pomhealth.storage.connstring import BadDsn
from pomhealth.storage.opening import Opening
from pomhealth.storage.trouble import Failed, silence
from pomhealth.storage.wire import Wire

if TYPE_CHECKING:
    from psycopg import pq

_WRITABLE = (
    "read-write"  # of several servers the one that takes what is written, whatever the string asks for
)
_SETTING_UP = 3.0  # seconds for the first statements


class PostgresRegistry:
    """One connection; never two questions at a time.

    `heard` is called with what came on the channel, `lost` once when the server closes the connection while nothing is
    asked. `listens` is false where a pooler stands between, through which nothing is heard.
    """

    def __init__(self, opening: Opening, wire: Wire, where: str) -> None:
        self.where = where
        self.heard: Callable[[Sequence[str]], None] = lambda _: None
        self.lost: Callable[[], None] = lambda: None
        self.listens = True
        self._opening = opening
        self._wire: Wire | None = wire
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, opening: Opening, *, deadline: float) -> PostgresRegistry:
        """Connects, and listens. Raises Away."""
        try:
            wire, host = await asyncio.wait_for(opening.connect(lambda: 0.0), deadline)
        except asyncio.TimeoutError:
            target = opening.target
            where = target.where if target is not None else "the server"
            raise Away(meaning(silence(f"no session with {where} within {deadline:g} s"), target)) from None
        except Failed as failed:
            raise Away(meaning(failed.trouble, opening.target)) from None
        except (BadDsn, Unobservable) as error:
            raise Away(meaning(silence(str(error)), opening.target)) from None
        session = cls(opening, wire, host.where)
        try:
            *_, pid = await session.ask(
                *statements.SETTINGS, statements.LISTEN, statements.PID, deadline=_SETTING_UP
            )
            session.listens = pid[0][0] == str(wire.backend_pid)
        except BaseException:
            session.close()
            raise
        return session

    async def ask(self, *asks: Ask, deadline: float) -> Sequence[Sequence[Row]]:
        """The rows of each statement, as text; all of them are one transaction, and one round trip. Raises Away.

        Where one ends in an error, those before it are undone, and the session goes on.
        """
        async with self._turn:
            return await self._ask(asks, deadline)

    async def finish(self, *asks: Ask, deadline: float) -> None:
        """Asks as the last, and ends the session: nobody asks after it. Raises Away."""
        async with self._turn:
            try:
                await self._ask(asks, deadline)
            finally:
                self.close()

    async def _ask(self, asks: Sequence[Ask], deadline: float) -> Sequence[Sequence[Row]]:
        wire = self._wire
        if wire is None:
            raise self._ended()
        text = ";".join(one.written(wire.literal) for one in asks)
        try:
            results = await asyncio.wait_for(wire.ask(text), deadline)
        except asyncio.TimeoutError:
            self.close()
            trouble = silence(f"{self.where} did not answer within {deadline:g} s")
            raise Away(meaning(trouble, self._opening.target)) from None
        except Failed as failed:
            self.close()
            raise Away(meaning(failed.trouble, self._opening.target)) from None
        except BaseException:
            self.close()
            raise
        if self._wire is not wire:
            raise self._ended()  # it was closed while the answer came
        payloads = wire.heard()
        trouble_said = questions.error(results)
        if trouble_said is not None and (trouble_said.lost or not wire.usable):
            self.close()
        else:
            wire.watch(self._gone, self._tell)
        if payloads:
            self._tell(payloads)
        if trouble_said is not None:
            raise Away(meaning(trouble_said, self._opening.target))
        return [_rows(one) for one in results]

    def _ended(self) -> Away:
        return Away(meaning(silence("the session with the registry has ended"), self._opening.target))

    def close(self) -> None:
        """Ends it, waiting for nobody."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.close()

    def _tell(self, payloads: list[str]) -> None:
        self.heard(payloads)

    def _gone(self) -> None:
        self.close()
        self.lost()


def opening(dsn: str, environment: dict[str, str], root: str, cwd: str) -> Opening:
    """The way to the registry: of several servers to the one that can be written to."""
    return Opening(dsn, environment, root, cwd, attrs=_WRITABLE)


def _rows(result: pq.abc.PGresult) -> list[Row]:
    return [
        tuple(_text(result.get_value(row, column)) for column in range(result.nfields))
        for row in range(result.ntuples)
    ]


def _text(value: bytes | None) -> str | None:
    return None if value is None else bytes(value).decode("utf-8", "replace")
