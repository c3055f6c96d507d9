"""The events, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pomhealth.publish import connection, pages
from pomhealth.publish.browser import Part
from pomhealth.publish.events import feed as module
from pomhealth.publish.http import Server
from pomhealth.publish.pages import Pages
from pomhealth.publish.render import turn
from pomhealth.publish.view import View
from pomhealth.status import Change, Finding, Outcome, changes, failed, passed
from tests.findings import SEEN
from tests.publish.views import AT, NoPage, view

WELL: dict[str, Finding | None] = {"pomerium.process": passed("fine"), "storage.backend": passed("fine")}
ILL: dict[str, Finding | None] = {**WELL, "storage.backend": failed("refused", "refused", SEEN)}
PATIENCE = 10.0  # seconds


class Site(NoPage):
    """A server on a free port, whose page has two parts; `show` changes what it shows."""

    def __init__(self) -> None:
        self.view = view(WELL, started=True)
        self.html = {"part-verdict": "<p>well", "part-facts": "<p>facts"}
        self._told = changes({}, self.view.status, at=AT)[0]
        self.pages = Pages(lambda: self.view, self)
        self.server = Server(self.pages)
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []

    def parts(self, document: str, view: View) -> Iterator[Part]:
        del document, view
        return iter(dict(self.html).items())

    async def look(self) -> str:
        """Looks at the page; gives the place from which a reader goes on who has seen it."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.writers.append(writer)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        return answer.partition(b"\r\n\r\n")[2].partition(b"{")[0].decode()

    def show(self, findings: dict[str, Finding | None], **parts: str) -> None:
        self.view = view(findings, started=True)
        self.html |= {f"part-{name}": html for name, html in parts.items()}
        self._told, turned = changes(self._told, self.view.status, at=AT)
        self.pages.changed(turned)

    async def follow(self, target: str = "/events", *headers: str) -> Events:
        """A reader of events that has been answered."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        self.writers.append(writer)
        lines = (f"GET {target} HTTP/1.1", "Host: x", *headers)
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        return Events(head.decode(), reader, writer)


class Events:
    """What one reader gets."""

    def __init__(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.head = head
        self.writer = writer
        self._reader = reader

    async def next(self) -> tuple[str, str, Any]:
        """Id, name and data of the next event. Raises IncompleteReadError at the end."""
        block = await asyncio.wait_for(self._reader.readuntil(b"\n\n"), PATIENCE)
        fields = dict(line.split(": ", 1) for line in block.decode().rstrip("\n").split("\n"))
        return fields.get("id", ""), fields["event"], json.loads(fields["data"])

    async def rest(self) -> bytes:
        return await asyncio.wait_for(self._reader.read(), PATIENCE)


@asynccontextmanager
async def serving() -> AsyncIterator[Site]:
    site = Site()
    site.port = await site.server.listen("127.0.0.1", 0)
    try:
        yield site
    finally:
        for writer in site.writers:
            writer.transport.abort()
        for writer in site.writers:
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(writer.wait_closed(), PATIENCE)
        await site.server.close()
        site.pages.close()


async def test_a_reader_is_greeted_and_told_of_each_turn_of_a_check() -> None:
    async with serving() as site:
        events = await site.follow()
        assert "Content-Type: text/event-stream; charset=utf-8" in events.head
        assert "Content-Length" not in events.head
        _, name, hello = await events.next()
        assert (name, hello["ready"], hello["beat"]) == ("hello", True, module.BEAT)
        site.show(ILL)
        id_, name, told = await events.next()
        assert (id_, name) == (f"{hello['boot']}-{hello['seq'] + 1}", "change")
        assert (told["id"], told["is"], told["was"]) == ("storage.backend", "fail: refused", "pass")
        assert (told["outcome"], told["cause"], told["ready"]) == ("fail", "refused", False)
        assert told["alert"]["fix"]
        site.show(WELL)
        _, _, over = await events.next()
        assert (over["is"], over["ready"], over["alert"]) == ("pass", True, None)


async def test_who_comes_back_with_the_last_id_misses_nothing() -> None:
    async with serving() as site:
        first = await site.follow()
        _, _, hello = await first.next()
        site.show(ILL)
        last, _, _ = await first.next()
        first.writer.transport.abort()
        site.show(WELL)
        site.show(ILL)
        again = await site.follow("/events", f"Last-Event-ID: {last}")
        assert [(await again.next())[1] for _ in range(3)] == ["hello", "change", "change"]
        by_query = await site.follow(f"/events?last={last}")
        assert [(await by_query.next())[1] for _ in range(3)] == ["hello", "change", "change"]
        assert hello["boot"] in last


async def test_who_read_another_agents_events_is_told_to_look_anew() -> None:
    async with serving() as site:
        events = await site.follow("/events", "Last-Event-ID: 0ther-12")
        assert [(await events.next())[1] for _ in range(2)] == ["hello", "reset"]


@pytest.mark.parametrize("nonsense", ["x", "-", "💥", "a-b-c", "0" * 400])
async def test_a_last_id_that_is_nonsense_is_no_harm(nonsense: str) -> None:
    async with serving() as site:
        events = await site.follow("/events", f"Last-Event-ID: {nonsense}")
        assert (await events.next())[1] == "hello"
        site.show(ILL)
        assert (await events.next())[1] == "change"


async def test_a_verdict_that_turns_without_a_check_is_told_too() -> None:
    async with serving() as site:
        events = await site.follow()
        await events.next()
        site.pages.changed()
        await events.next()  # the first state of all
        site.view = view(WELL, started=True, notice="the replica is gone")
        site.pages.changed()
        assert (await events.next())[1:] == (
            "state",
            {"ready": True, "live": True, "started": True, "notice": "the replica is gone"},
        )


async def test_the_page_is_told_of_the_parts_that_read_otherwise_and_of_no_others() -> None:
    async with serving() as site:
        last = await site.look()
        events = await site.follow(f"/events?parts&last={last}")
        assert (await events.next())[1] == "hello"
        site.show(ILL, verdict="<p>ill")
        assert (await events.next())[1:] == ("part", {"id": "part-verdict", "html": "<p>ill"})
        site.show(WELL, facts="<p>other facts")
        assert (await events.next())[1:] == ("part", {"id": "part-facts", "html": "<p>other facts"})


async def test_a_page_with_other_parts_is_to_be_looked_at_anew() -> None:
    async with serving() as site:
        last = await site.look()
        events = await site.follow(f"/events?parts&last={last}")
        assert (await events.next())[1] == "hello"
        site.show(ILL, drain="<p>a drain has begun")
        assert (await events.next())[1] == "reset"


async def test_readers_see_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT", 1)
    async with serving() as site:
        events = await site.follow()
        await events.next()
        id_, name, data = await events.next()
        assert (id_, name, list(data)) == ("", "beat", ["at"])


async def test_readers_are_told_that_the_agent_ends() -> None:
    async with serving() as site:
        events, parts = await site.follow(), await site.follow("/events?parts")
        await events.next()
        await site.server.close()
        assert (await events.next())[1] == "bye"
        assert (await parts.rest()).endswith(b"event: bye\ndata: {}\n\n")


async def test_only_a_head_is_answered_without_any_events() -> None:
    async with serving() as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        site.writers.append(writer)
        writer.write(b"HEAD /events HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), PATIENCE)).endswith(b"\r\n\r\n")


async def test_who_does_not_read_holds_nobody_up_and_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STALLED", 0.5)
    async with serving() as site:
        deaf = await site.follow("/events?parts")
        deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
        deaf._reader._transport.pause_reading()  # type: ignore[attr-defined]
        well = await site.follow()
        await well.next()
        for number in range(60):
            site.show(ILL if number % 2 == 0 else WELL, verdict=f"<p>{number}" + "x" * 200_000)
            assert (await well.next())[1] == "change"
        until = asyncio.get_running_loop().time() + PATIENCE
        while site.pages.readers > 1:
            assert asyncio.get_running_loop().time() < until
            await asyncio.sleep(0.05)


def drained(deaf: socket.socket) -> None:
    """Reads what is there. Raises ConnectionResetError where the rest is gone."""
    while deaf.recv(65536):
        pass


async def test_of_who_is_let_go_the_kernel_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "STALLED", 0.5)
    async with serving() as site:
        with socket.create_connection(("127.0.0.1", site.port), timeout=PATIENCE) as deaf:
            deaf.sendall(b"GET /events?parts&last=0ther-1 HTTP/1.1\r\nHost: x\r\n\r\n")
            until = asyncio.get_running_loop().time() + PATIENCE
            while not site.pages.readers:
                assert asyncio.get_running_loop().time() < until
                await asyncio.sleep(0.01)
            number = 0
            while site.pages.readers:
                assert asyncio.get_running_loop().time() < until
                number += 1
                site.show(ILL if number % 2 == 0 else WELL, verdict=f"<p>{number}" + "x" * 200_000)
                await asyncio.sleep(0.05)
            with pytest.raises(ConnectionResetError):
                await asyncio.to_thread(drained, deaf)


async def test_one_reader_too_many_is_refused_and_the_others_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MOST_READERS", 3)
    async with serving() as site:
        present = [await site.follow() for _ in range(3)]
        for one in present:
            await one.next()
        refused = await site.follow()
        assert refused.head.startswith("HTTP/1.1 503")
        site.show(ILL)
        assert [(await one.next())[1] for one in present] == ["change"] * 3


async def test_readers_take_no_room_from_those_who_ask() -> None:
    async with serving() as site:
        events = [await site.follow() for _ in range(300)]
        for _ in range(3):
            asked = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(300)]
            for reader, writer in asked:
                writer.write(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
                assert (await asyncio.wait_for(reader.readline(), PATIENCE)).startswith(b"HTTP/1.1 200")
            for _, writer in asked:
                writer.transport.abort()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()
        for one in events:
            await one.next()
        site.show(ILL)
        told = [(await one.next())[1] for one in events]
        assert told == ["change"] * 300


def test_a_turn_of_what_has_left_the_map_is_told_without_an_alert() -> None:
    gone = Change(AT, "replica.drain", Outcome.PASS, "", "over", "fail: draining", 3.0)
    assert turn(gone, view(WELL))["alert"] is None
