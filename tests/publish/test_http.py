"""The HTTP interface, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import select
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from pomhealth.publish import connection, http, room
from pomhealth.publish.http import Server
from pomhealth.publish.pages import Pages
from pomhealth.publish.view import View
from pomhealth.status import Finding, failed, passed
from tests.findings import SEEN
from tests.publish.views import NoPage, view

WELL: dict[str, Finding | None] = {"pomerium.process": passed("fine"), "storage.backend": passed("fine")}
ILL: dict[str, Finding | None] = {**WELL, "storage.backend": failed("refused", "refused", SEEN)}
PATIENCE = 10.0  # seconds


class Site:
    """A server on a free port; `show` changes what it shows."""

    def __init__(self) -> None:
        self.view = view(WELL, started=True)
        self.made = 0
        self.pages = Pages(self._view, NoPage())
        self.server = Server(self.pages)
        self.port = 0
        self.clients: list[asyncio.StreamWriter] = []

    def _view(self) -> View:
        self.made += 1
        return self.view

    def show(self, new: View) -> None:
        self.view = new
        self.pages.changed()

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.clients.append(writer)
        return reader, writer

    async def leave(self) -> None:
        """Ends every client's connection."""
        for writer in self.clients:
            writer.transport.abort()
        for writer in self.clients:
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(writer.wait_closed(), PATIENCE)

    async def send(self, raw: bytes) -> bytes:
        """Everything that comes back on a connection of its own, until the server closes it."""
        reader, writer = await self.open()
        writer.write(raw)
        return await asyncio.wait_for(reader.read(), PATIENCE)

    async def ask(self, target: str, method: str = "GET", *headers: str) -> tuple[int, dict[str, str], bytes]:
        lines = (f"{method} {target} HTTP/1.1", "Host: x", "Connection: close", *headers)
        raw = await self.send(("\r\n".join(lines) + "\r\n\r\n").encode())
        head, _, body = raw.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        pairs = (line.partition(": ") for line in rest)
        return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}, body


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()
    site.port = await site.server.listen("127.0.0.1", 0)
    try:
        yield site
    finally:
        await site.leave()
        await site.server.close()


async def answer_on(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """One answer on a connection that stays open."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")
    )
    return int(head.split()[1]), await asyncio.wait_for(reader.readexactly(length), PATIENCE)


@pytest.mark.parametrize("page", ["/readyz", "/healthz", "/startupz"])
async def test_a_healthy_replica_is_200_with_the_flat_map(page: str) -> None:
    async with serving() as site:
        status, headers, body = await site.ask(page)
        assert (status, headers["content-type"]) == (200, "application/json")
        assert json.loads(body)["pomerium.process"]["status"] == "RUNNING"
        assert headers["date"].endswith("GMT")
        assert "server" not in headers


async def test_a_change_shows_in_the_very_next_answer() -> None:
    async with serving() as site:
        reader, writer = await site.open()
        for shown, expected in ((WELL, 200), (ILL, 503), (WELL, 200)):
            site.show(view(shown))
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await answer_on(reader))[0] == expected


async def test_what_is_shown_is_made_once_a_change_however_often_it_is_asked_for() -> None:
    async with serving() as site:
        reader, writer = await site.open()
        for _ in range(20):
            writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            await answer_on(reader)
        assert site.made == 1


async def test_the_page_does_not_exist_in_one_line() -> None:
    async with serving() as site:
        status, headers, body = await site.ask("/ready")
        assert (status, headers["content-type"]) == (404, "text/plain; charset=utf-8")
        assert b"/readyz" in body


async def test_the_index_names_every_page() -> None:
    async with serving() as site:
        status, _, body = await site.ask("/")
        assert status == 200
        assert all(
            page in body.decode() for page in ("/readyz", "/healthz", "/startupz", "/status", "/alerts")
        )


async def test_one_check_by_its_id() -> None:
    async with serving() as site:
        site.show(view({**ILL, "envoy.server": None}))
        assert (await site.ask("/readyz/pomerium.process"))[0] == 200
        status, _, body = await site.ask("/readyz/storage.backend")
        assert (status, list(json.loads(body))) == (503, ["storage.backend"])
        assert (await site.ask("/readyz/envoy.server"))[0] == 503
        status, _, body = await site.ask("/readyz/storage.backnd")
        assert status == 404
        assert b"did you mean storage.backend?" in body


async def test_excluding_works_repeatedly_and_an_unknown_id_is_a_warning_beside_the_map() -> None:
    async with serving() as site:
        site.show(view({**ILL, "xds.listener": failed("rejected", "?", SEEN)}))
        assert (await site.ask("/readyz?exclude=storage.backend"))[0] == 503
        status, headers, body = await site.ask(
            "/readyz?exclude=storage.backend&exclude=xds.listener&exclude=xds%0d%0aX-Evil:%20a%22"
        )
        assert (status, list(json.loads(body))) == (200, ["pomerium.process"])
        assert headers["warning"].startswith('299 pomhealth "there is no check')
        assert "x-evil" not in headers


@pytest.mark.parametrize(
    ("query", "plain"), [("?verbose", True), ("?verbose=1", True), ("?verbose=false", False)]
)
async def test_verbose_is_plain_text(query: str, plain: bool) -> None:
    async with serving() as site:
        site.show(view(ILL))
        status, headers, body = await site.ask(f"/readyz{query}")
        assert status == 503
        assert headers["content-type"].startswith("text/plain") is plain
        assert (b"[-]storage.backend failed: refused: refused" in body) is plain


async def test_the_fast_client_gets_lines_and_everybody_else_json() -> None:
    async with serving() as site:
        _, headers, body = await site.ask("/status", "GET", "Accept: text/tab-separated-values")
        assert headers["content-type"].startswith("text/tab-separated-values")
        assert body.startswith(b"pomhealth 1 ready=1 live=1\n")
        assert json.loads((await site.ask("/status", "GET", "Accept: */*"))[2])["ready"] is True
        assert (await site.ask("/status"))[0] == 200


async def test_status_and_alerts_are_200_whatever_is_wrong() -> None:
    async with serving() as site:
        site.show(view(ILL))
        assert (await site.ask("/status"))[0] == 200
        status, _, body = await site.ask("/alerts")
        assert (status, json.loads(body)["alerts"][0]["id"]) == (200, "storage.backend")


async def test_head_is_get_without_the_body() -> None:
    async with serving() as site:
        got = await site.ask("/readyz")
        head = await site.ask("/readyz", "HEAD")
        assert (head[0], head[1]["content-length"], head[2]) == (200, str(len(got[2])), b"")


async def test_options_tells_what_is_allowed() -> None:
    async with serving() as site:
        status, headers, body = await site.ask("/readyz", "OPTIONS")
        assert (status, headers["allow"], body) == (204, "GET, HEAD, OPTIONS", b"")
        assert "content-length" not in headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
async def test_nothing_can_be_changed(method: str) -> None:
    async with serving() as site:
        status, headers, _ = await site.ask("/readyz", method, "Content-Length: 0")
        assert (status, headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_a_body_is_not_read_and_the_answer_still_arrives() -> None:
    async with serving() as site:
        raw = b"POST /readyz HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
        reader, writer = await site.open()
        writer.write(raw)
        assert (await answer_on(reader))[0] == 405
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.transport.abort()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /readyz\r\n\r\n", 400),
        (b"GET /readyz HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET /readyz HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET /readyz HTTP/2.0\r\n\r\n", 505),
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 20000, 431),
    ],
)
async def test_what_is_no_request_is_refused_and_the_connection_closed(raw: bytes, status: int) -> None:
    async with serving() as site:
        answer = await site.send(raw)
        assert int(answer.split()[1]) == status


async def test_a_request_may_come_in_pieces_and_several_at_once() -> None:
    async with serving() as site:
        reader, writer = await site.open()
        for piece in (b"GET /rea", b"dyz HT", b"TP/1.1\r\nHost: x\r", b"\n\r", b"\n"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        assert (await answer_on(reader))[0] == 200
        writer.write(
            b"GET /readyz HTTP/1.1\r\n\r\nGET /nowhere HTTP/1.1\r\n\r\n\r\nHEAD / HTTP/1.1\r\nConnection: close\r\n\r\n"
        )
        assert (await answer_on(reader))[0] == 200
        assert (await answer_on(reader))[0] == 404
        assert (await asyncio.wait_for(reader.read(), PATIENCE)).startswith(b"HTTP/1.1 200")


async def test_http_1_0_closes_unless_it_asks_otherwise() -> None:
    async with serving() as site:
        assert b"Connection: close" in await site.send(b"GET /readyz HTTP/1.0\r\n\r\n")
        reader, writer = await site.open()
        for _ in range(2):
            writer.write(b"GET /readyz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            assert (await answer_on(reader))[0] == 200


async def test_a_whole_url_as_a_proxy_sends_it_is_understood() -> None:
    async with serving() as site:
        assert (await site.ask("http://127.0.0.1:28081/readyz"))[0] == 200


async def test_idle_and_slow_clients_keep_nobody_from_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST", 20)
    async with serving() as site:
        slow = [await site.open() for _ in range(60)]
        for _, writer in slow:
            writer.write(b"GET /readyz HTTP/1.1\r\nX: ")
        for _ in range(5):
            assert (await site.ask("/readyz"))[0] == 200


async def test_a_client_that_takes_no_answers_is_not_answered_without_end() -> None:
    async with serving() as site:
        _, greedy = await site.open()
        greedy.transport.pause_reading()  # type: ignore[attr-defined]
        greedy.write(b"GET /status HTTP/1.1\r\n\r\n" * 50_000)
        for _ in range(20):
            assert (await site.ask("/readyz"))[0] == 200


async def test_those_who_take_no_answers_make_room_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for them is kept in memory, so that only a few may leave it waiting."""
    monkeypatch.setattr(http, "MOST_STUCK", 2)
    async with serving() as site:
        with contextlib.ExitStack() as stack:
            gone = select.poll()
            for _ in range(6):
                client = stack.enter_context(socket.create_connection(("127.0.0.1", site.port)))
                client.setblocking(False)
                client.send(b"GET /status HTTP/1.1\r\n\r\n" * 50_000)
                gone.register(client, select.POLLHUP | select.POLLERR)

            async def asked_until_four_are_gone() -> None:
                while len(gone.poll(0)) < 4:
                    assert (await site.ask("/readyz"))[0] == 200

            await asyncio.wait_for(asked_until_four_are_gone(), PATIENCE)


async def test_one_who_asks_much_at_once_leaves_others_their_turn() -> None:
    async with serving() as site:
        reader, writer = await site.open()
        asked = 3_000
        writer.write(b"HEAD /readyz HTTP/1.1\r\n\r\n" * asked)
        turns = [asyncio.ensure_future(site.ask("/readyz")) for _ in range(5)]
        for turn in turns:
            assert (await asyncio.wait_for(turn, PATIENCE))[0] == 200
        for _ in range(asked):
            assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).startswith(
                b"HTTP/1.1 200"
            )


async def test_a_stalled_request_ends_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STALLED", 0.0)
    async with serving() as site:
        reader, writer = await site.open()
        writer.write(b"GET /rea")
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""


async def test_closing_ends_idle_connections_and_frees_the_port() -> None:
    site = Site()
    site.port = await site.server.listen("127.0.0.1", 0)
    reader, writer = await site.open()
    writer.write(b"GET /readyz HTTP/1.1\r\n\r\n")
    await answer_on(reader)
    await asyncio.wait_for(site.server.close(), PATIENCE)
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    await site.leave()
    with pytest.raises(ConnectionRefusedError):
        await site.open()


async def test_a_taken_port_is_not_shared() -> None:
    async with serving() as site:
        with pytest.raises(OSError, match="in use"):
            await Server(site.pages).listen("127.0.0.1", site.port)
