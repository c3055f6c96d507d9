"""One connection to one PostgreSQL server, on libpq without blocking: opened, asked, closed.

psycopg's own connection is a layer too high here: it hides how far a failed connection had come and its SQLSTATE,
keeps no answer that came before an error, and waits when it closes.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from psycopg import OperationalError, pq
from psycopg.conninfo import make_conninfo

from pomhealth.storage.trouble import Failed, Stage, silence, unconnected

_VERBOSE = 2  # PQERRORS_VERBOSE: messages carry their SQLSTATE, also those that end a connection attempt
_KEEPALIVE = {"keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3"}
_STAGES = {
    pq.ConnStatus.STARTED: Stage.NETWORK,
    pq.ConnStatus.NEEDED: Stage.NETWORK,
    pq.ConnStatus.SSL_STARTUP: Stage.TLS,
}


def forget_environment() -> None:
    """Takes PG* out of this process's environment: libpq would read them, and they are not the replica's."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


class Wire:
    """An open connection."""

    def __init__(self, connection: pq.abc.PGconn) -> None:
        self._connection = connection
        self._watched = -1

    @classmethod
    async def open(cls, parameters: Mapping[str, str], *, network: float, login: float) -> Wire:
        """Connects to one address.

        `network` is the seconds until the network connection, `login` those until the session. Raises Failed.
        """
        connection = pq.PGconn.connect_start(make_conninfo(**_KEEPALIVE, **parameters).encode())
        _say_more(connection)
        try:
            await _connect(connection, network, login)
        except BaseException:
            connection.finish()
            raise
        connection.nonblocking = 1
        return cls(connection)

    async def ask(self, statements: str) -> list[pq.abc.PGresult]:
        """Sends the statements in one message and returns their results; an error is the last of them.

        Raises Failed when the connection is lost. When cancelled, the connection is of no more use: close it.
        """
        self.unwatch()
        connection = self._connection
        try:
            connection.send_query(statements.encode())
            while connection.flush():
                await _ready(connection.socket, write=True)
            results: list[pq.abc.PGresult] = []
            while True:
                while connection.is_busy():
                    await _ready(connection.socket)
                    connection.consume_input()
                result = connection.get_result()
                if result is None:
                    return results
                results.append(result)
        except OperationalError as error:
            raise Failed(unconnected(str(error), stage=Stage.LOGIN)) from None

    @property
    def backend_pid(self) -> int:
        """The server process that serves this connection, by what was said at its start: a pooler says its own."""
        return self._connection.backend_pid

    @property
    def usable(self) -> bool:
        return bool(self._connection.status == pq.ConnStatus.OK)

    def literal(self, text: str) -> str:
        """The text as a literal of SQL."""
        quoted = pq.Escaping(self._connection).escape_literal(text.encode("utf-8", "replace"))
        return bytes(quoted).decode()

    def heard(self) -> list[str]:
        """What came on the channels that this session listens to, since it was asked last: the payloads."""
        told = []
        while (note := self._connection.notifies()) is not None:
            told.append(bytes(note.extra).decode("utf-8", "replace"))
        return told

    def watch(self, lost: Callable[[], None], told: Callable[[list[str]], None] | None = None) -> None:
        """While nothing is asked: calls `lost` once when the server closes this connection, `told` with what it hears."""
        self._watched = self._connection.socket

        def look() -> None:
            try:
                self._connection.consume_input()
                gone = self._connection.is_busy() or not self.usable
            except OperationalError:
                gone = True
            if gone:
                self.unwatch()
                lost()
            elif told is not None and (payloads := self.heard()):
                told(payloads)

        asyncio.get_running_loop().add_reader(self._watched, look)

    def unwatch(self) -> None:
        if self._watched >= 0:
            asyncio.get_running_loop().remove_reader(self._watched)
            self._watched = -1

    def close(self) -> None:
        """Ends the connection without waiting for anybody."""
        self.unwatch()
        self._connection.finish()


async def _connect(connection: pq.abc.PGconn, network: float, login: float) -> None:
    loop = asyncio.get_running_loop()
    begun = loop.time()
    while True:
        stage = _stage(connection)
        poll = connection.connect_poll()
        if poll == pq.PollingStatus.OK:
            return
        if poll == pq.PollingStatus.FAILED:
            message = connection.get_error_message()
            raise Failed(unconnected(message, stage=stage, wanted_password=connection.needs_password))
        early = _stage(connection) is Stage.NETWORK
        limit = network if early else login
        come = _ready(connection.socket, write=poll == pq.PollingStatus.WRITING)
        try:
            await asyncio.wait_for(come, begun + limit - loop.time())
        except asyncio.TimeoutError:
            what = "a connection" if early else "the login"
            raise Failed(silence(f"no answer to {what} within {limit:g} s")) from None


def _stage(connection: pq.abc.PGconn) -> Stage:
    """Before the first poll a failed connection is one that the kernel refused at once."""
    if connection.status == pq.ConnStatus.BAD:
        return Stage.NETWORK
    return _STAGES.get(pq.ConnStatus(connection.status), Stage.LOGIN)


async def _ready(descriptor: int, *, write: bool = False) -> None:
    """Returns when the socket can be read, or written."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[None] = loop.create_future()

    def come() -> None:
        if not future.done():
            future.set_result(None)

    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(descriptor, come)
    try:
        await future
    finally:
        remove(descriptor)


def _say_more(connection: pq.abc.PGconn) -> None:
    """A call that psycopg has not, to the very libpq that psycopg is linked with."""
    pointer = getattr(connection, "pgconn_ptr", None)
    if pointer is not None:
        _libpq().PQsetErrorVerbosity(ctypes.c_void_p(pointer), _VERBOSE)


@cache
def _libpq() -> Any:
    module = sys.modules[pq.PGconn.__module__]
    return ctypes.CDLL(str(module.__file__))
