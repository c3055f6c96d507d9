"""What the replica says of itself on its health server (Pomerium 0.31 and newer)."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

from pomhealth.reach import Garbled
from pomhealth.replica import processes
from pomhealth.replica.connect import tcp_socket
from pomhealth.replica.httpget import Gets
from pomhealth.replica.model import Endpoint
from pomhealth.replica.sockdiag import accepted_inode
from pomhealth.replica.sockets import ListeningSocket, SocketTable
from pomhealth.status import Report, Unobservable

_PATH = "/status"
_MOST = 1024 * 1024  # bytes; a report of a hundred checks is some 20 KB


class ReportClient:
    """Asks one replica for its report, over a connection that stays open.

    Pomerium shares its health port (SO_REUSEPORT), so the kernel may hand the question to another replica of the
    same user: where `pid` is known and its sockets may be seen, an answer of another process is refused.
    """

    def __init__(self, endpoint: Endpoint, pid: int | None) -> None:
        self._endpoint = endpoint
        self._pid = pid
        self._where = f"http://{endpoint.where}{_PATH}"
        self._last: tuple[bytes, Mapping[str, Report]] | None = None
        self._gets = Gets(self._where, self._connect, host=endpoint.where, admit=self._admit, most=_MOST)

    async def fetch(self, *, deadline: float) -> Mapping[str, Report]:
        """What it reports, by check id, within `deadline` seconds. Raises Refused, Silent, Garbled or Denied.

        While it reports the same, the very same mapping.
        """
        answer = await self._gets.get(_PATH, deadline=deadline)
        if answer.status != 200:
            raise Garbled(self._where, f"it answers {answer.status}")
        if self._last is None or self._last[0] != answer.body:
            self._last = answer.body, parse_status(answer.body)
        return self._last[1]

    def when_closed(self, told: Callable[[], None]) -> None:
        """From now on `told` is called when the replica closes the connection between two questions: it may have ended."""
        self._gets.closed = told

    async def close(self) -> None:
        await self._gets.close()

    async def _connect(self) -> socket.socket:
        return await tcp_socket(self._endpoint.connect_host, self._endpoint.port)

    def _admit(self, connection: socket.socket) -> None:
        main = processes.process(self._pid) if self._pid is not None else None
        if main is None:
            return
        inode = accepted_inode(connection.getpeername()[:2], connection.getsockname()[:2])
        if not inode:
            return
        table = SocketTable()
        try:
            if inode in table.held_by(main):
                return
        except Unobservable:
            return
        accepted = ListeningSocket(self._endpoint.host, self._endpoint.port, inode, 0, 0, udp=False)
        owner = table.owner(accepted)
        raise Garbled(self._where, f"{owner} answers there, not the replica (pid {main.pid})")


def parse_status(body: bytes) -> Mapping[str, Report]:
    """The reports in an answer of /status, by check id.

    An id that is required but has no entry counts as UNAVAILABLE, as the replica's own /readyz has it.
    Raises Garbled for anything else than such an answer.
    """
    try:
        document = json.loads(body)
        required = frozenset(str(one) for one in document.get("checks") or ())
        entries = dict(document["statuses"] or {})
        reports = {str(id_): _report(entry, required=id_ in required) for id_, entry in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Garbled(_PATH, "what answers is not Pomerium's health report") from None
    for id_ in required - reports.keys():
        reports[id_] = Report("UNAVAILABLE", required=True)
    return reports


def _report(entry: Mapping[str, Any], *, required: bool) -> Report:
    attributes = tuple((str(one["Key"]), str(one["Value"])) for one in entry.get("attributes") or ())
    return Report(str(entry["status"]), str(entry.get("error") or ""), attributes, required)
