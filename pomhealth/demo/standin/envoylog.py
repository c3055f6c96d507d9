"""Envoy's log as Pomerium passes it on: each line as one of its own."""

from __future__ import annotations

import asyncio
import os
import re

from pomhealth.demo.standin import log

_MARK = "[LOG_FORMAT]"  # what Envoy's --log-format begins each entry with
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}  # by --log-format-escaped
_REFUSED = "Filesystem config update rejected: "


class EnvoyLog:
    """Reads what Envoy writes into a pipe, whose other end, `writer`, is given to Envoy.

    `last_refusal` is Envoy's own account of the last update that it refused.
    """

    def __init__(self) -> None:
        self._reader, self.writer = os.pipe()
        self.last_refusal = ""

    async def pass_on(self) -> None:
        """Passes every line on until Envoy closes its end. Call it once Envoy has started."""
        os.close(self.writer)
        stream = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(self._reader, "rb")
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
        try:
            while line := await stream.readline():
                self._pass_on(line.decode(errors="replace").rstrip())
        finally:
            transport.close()

    def _pass_on(self, line: str) -> None:
        level, name, message = "info", "envoy", line
        if line.startswith(_MARK):
            level, name, message = [*line.removeprefix(_MARK).split("--", 2), "", ""][:3]
        message = re.sub(r"\\(.)", lambda found: _ESCAPED.get(found[1], found[1]), message)
        if message.startswith("  "):
            return  # the list of everything that is built into Envoy, a hundred lines at each start
        if message.startswith(_REFUSED):
            self.last_refusal = message.removeprefix(_REFUSED)
        log.write(level, message, service="envoy", name=name)
