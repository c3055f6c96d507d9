"""Envoy's admin interface, asked without ever changing anything: GET only (it also takes POSTs that stop Envoy)."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

from pomhealth.reach import Garbled, Silent
from pomhealth.replica.budget import Budget
from pomhealth.replica.connect import tcp_socket, unix_socket
from pomhealth.replica.httpget import Answer, Gets, Take
from pomhealth.replica.model import AdminAddress

__all__ = ["Answer", "EnvoyAdmin"]


class EnvoyAdmin:
    """One Envoy's admin interface, over connections that stay open.

    `spent` adds up the seconds waited for answers: all of them are made on Envoy's main thread. While a dear question
    is `busy` there, no other answer can come: that it does not is no sign of a hang. `budget` is what dear checks may
    still take; who asks for one of them charges it.
    """

    def __init__(self, address: AdminAddress) -> None:
        self.address = address
        self.spent = 0.0
        self.budget = Budget()
        self._dear = 0
        self._turn = asyncio.Lock()
        self._gets = Gets(address.where, self._connect)

    @property
    def where(self) -> str:
        return self.address.where

    def when_closed(self, told: Callable[[], None]) -> None:
        """From now on `told` is called when Envoy closes a connection between two questions: it may have ended."""
        self._gets.closed = told

    @property
    def busy(self) -> bool:
        """Whether a dear question of ours keeps Envoy's main thread."""
        return self._dear > 0

    async def ask(
        self, path: str, *, deadline: float, dear: bool = False, take: Take | None = None
    ) -> Answer:
        """The answer to `GET path` within `deadline` seconds; with `take` its body goes there, piece by piece.

        Raises Refused, Silent, Garbled or Denied.
        """
        self._dear += dear
        try:
            answer = await self._gets.get(path, deadline=deadline, take=take)
        except Silent:
            if dear:  # it works on the answer all the same
                self.budget.charge(deadline)
            raise
        finally:
            self._dear -= dear
        self.spent += answer.seconds
        return answer

    async def json(self, path: str, *, deadline: float) -> Any:
        """The JSON of a 200 answer; anything else is Garbled. Raises as `ask` does."""
        answer = await self.ask(path, deadline=deadline)
        if answer.status != 200:
            raise Garbled(self.where, f"{path.partition('?')[0]} answers {answer.status}")
        try:
            return json.loads(answer.body)
        except ValueError:
            raise Garbled(
                self.where, f"{path.partition('?')[0]} answers something that is not JSON"
            ) from None

    async def close(self) -> None:
        await self._gets.close()

    async def _connect(self) -> socket.socket:
        if self.address.kind == "abstract":
            return await unix_socket("\0" + self.address.address)
        if self.address.kind == "path":
            async with self._turn:  # its file is looked for in one thread
                return await unix_socket(self.address.address)
        host, _, port = self.address.address.rpartition(":")
        return await tcp_socket(host.strip("[]") or "127.0.0.1", int(port))
