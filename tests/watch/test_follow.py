"""Following an agent over real connections: what it tells, and whether it does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pomhealth.client.ask import Address
from pomhealth.watch import http
from pomhealth.watch.follow import Follower, Pace
from tests.watch.agent_server import AgentServer, agent_server, until
from tests.watch.example import ILL, turn

QUICK = Pace(calm=3600, wary=3600, apart=0.01, poll=0.05, again=0.2, first=0.01, longest=0.05)


@asynccontextmanager
async def following(address: Address, pace: Pace = QUICK) -> AsyncIterator[Follower]:
    follower = Follower(address, lambda _: None, pace=pace)
    task = asyncio.ensure_future(follower.run())
    try:
        yield follower
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def followed(pace: Pace = QUICK) -> AsyncIterator[tuple[AgentServer, Follower]]:
    """A server, and one who follows it, once its stream is open."""
    async with agent_server() as server, following(server.address, pace) as follower:
        await until(lambda: server.readers == 1 and server.asked >= 2)
        yield server, follower


def ready(follower: Follower) -> bool | None:
    return follower.seen.snapshot.ready if follower.seen.snapshot else None


async def test_what_the_agent_tells_is_read_anew_at_once() -> None:
    async with followed() as (server, follower):
        assert ready(follower) is True
        server.said = ILL
        server.say("change", turn(), "b-2")
        await until(lambda: ready(follower) is False)
        assert [one.state for one in follower.seen.turns] == ["fail: read-only"]  # once, though told twice


@pytest.mark.parametrize("kind", ["state", "reset"])
async def test_so_it_is_when_more_than_a_check_has_turned(kind: str) -> None:
    async with followed() as (server, follower):
        server.said = ILL
        server.say(kind, {})
        await until(lambda: ready(follower) is False)


async def test_a_change_is_kept_also_where_the_status_has_it_no_more() -> None:
    async with followed() as (server, follower):
        server.say("change", turn(), "b-2")
        await until(lambda: len(follower.seen.turns) == 1)
        assert ready(follower) is True


async def test_a_stream_that_breaks_is_taken_up_where_it_ended_and_the_agent_is_not_called_away() -> None:
    async with followed() as (server, follower):
        server.say("beat", {"at": "now"}, "b-7")
        server.end_streams()
        await until(lambda: len(server.resumed) >= 2)
        assert server.resumed[:2] == ["", "b-7"]
        assert follower.seen.trouble == ""
        assert follower.seen.absences == ()


async def test_an_agent_that_ends_is_away_until_it_is_back() -> None:
    async with followed() as (server, follower):
        server.say("bye", {})
        await server.stop()
        await until(lambda: follower.seen.trouble, lambda: follower.seen)
        assert "nothing listens there" in follower.seen.trouble
        assert ready(follower) is True  # what was seen last stays
        assert 0 < follower.seen.away_since <= follower.seen.contact
        server.said = ILL
        await server.start()
        await until(lambda: ready(follower) is False)
        assert follower.seen.trouble == ""
        assert follower.seen.absences[0].end > 0


async def test_an_agent_that_hangs_is_away_once_it_misses_a_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "DEADLINE", 0.2)
    async with agent_server() as server:
        server.beat = 1
        async with following(server.address) as follower:
            await until(lambda: server.readers == 1)
            server.hangs = True
            await until(lambda: follower.seen.trouble, lambda: follower.seen)
            assert follower.seen.trouble == "no answer within 0.2 s"
            server.hangs = False
            await until(lambda: not follower.seen.trouble)


async def test_an_older_agent_is_asked_again_and_again_and_for_events_too() -> None:
    async with agent_server() as server:
        server.events = False
        async with following(server.address) as follower:
            await until(lambda: follower.seen.polled)
            server.said = ILL
            await until(lambda: ready(follower) is False)
            assert follower.seen.turns[-1].id == "storage.backend"
            server.events = True
            await until(lambda: server.readers == 1 and not follower.seen.polled)


async def test_figures_that_change_without_a_word_are_read_now_and_then() -> None:
    async with followed(Pace(calm=0.05, wary=0.05, apart=0.01, first=0.01)) as (server, follower):
        server.said = ILL
        await until(lambda: ready(follower) is False)


@pytest.mark.parametrize("body", [b"<html>", b'{"statuses": {}, "checks": []}', b"[" * 100000])
async def test_what_is_no_agent_is_told_as_such(body: bytes) -> None:
    async with agent_server() as server:
        server.said = body
        async with following(server.address) as follower:
            await until(lambda: follower.seen.trouble)
            assert follower.seen.trouble == "what answers there (HTTP 200) is not pomhealth's agent"


async def test_an_answer_without_an_end_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "LARGEST", 1 << 20)
    async with agent_server() as server:
        server.said = b" " * (1 << 21)
        async with following(server.address) as follower:
            await until(lambda: follower.seen.trouble)
            assert follower.seen.trouble == "the answer is larger than 1 MiB"


async def test_an_event_without_an_end_breaks_the_stream_and_no_more() -> None:
    async with followed() as (server, follower):
        for _ in range(40):
            server.send(b"x" * 65536)
        await until(lambda: len(server.resumed) >= 2)
        assert follower.seen.trouble == ""


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("unix:/nowhere/at/all", "there is no such socket"),
        ("nowhere.invalid:1", "the name nowhere.invalid does not resolve"),
    ],
)
async def test_what_cannot_be_reached_is_told_with_the_reason(address: str, why: str) -> None:
    async with following(Address(address)) as follower:
        await until(lambda: follower.seen.trouble)
        assert follower.seen.trouble == why
        assert follower.seen.fix


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Address]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "silent"))
        listener.listen()
        yield Address(f"unix:{tmp_path}/silent")


async def test_who_never_answers_is_not_waited_for_long(
    silent: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "DEADLINE", 0.1)
    async with following(silent) as follower:
        await until(lambda: follower.seen.trouble)
        assert follower.seen.trouble == "no answer within 0.1 s"


async def test_an_answer_that_is_not_http_is_told(tmp_path: Path) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_unix_server(talk, tmp_path / "mail")
    async with server, following(Address(f"unix:{tmp_path}/mail")) as follower:
        await until(lambda: follower.seen.trouble)
        assert follower.seen.trouble == "the answer is not HTTP"
