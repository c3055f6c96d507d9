"""The running release against what a feed of the test's own tells: cluster_version_current."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from pomhealth.blocking import Workers
from pomhealth.checks import Context
from pomhealth.checks import cluster_version_current as check
from pomhealth.releases import cache, fetch
from pomhealth.replica import processes
from pomhealth.replica.model import Process, Replica, Value
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings
from pomhealth.status import Finding, Outcome, Unobservable
from tests.checks.rosters import member, roster
from tests.replica.apart import needs_root

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
consult = check.consult  # before the tests' own fixture keeps everybody from the public feed


@pytest.fixture(autouse=True)
def with_feed(no_release_feed: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001  (it comes first)
    monkeypatch.setattr(check, "consult", consult)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)


class Feed:
    """A little web server with one answer, and every request that it got."""

    def __init__(self, answer: Handler) -> None:
        self.requests: list[web.Request] = []
        self._answer = answer
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._serve)
        self._server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self._server.make_url("/releases"))

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self._answer(request)

    @classmethod
    @asynccontextmanager
    async def of(cls, answer: Handler | object) -> AsyncIterator[Feed]:
        feed = cls(answer if callable(answer) else _fixed(answer))
        await feed._server.start_server()
        try:
            yield feed
        finally:
            await feed._server.close()


def _fixed(answer: object) -> Handler:
    body = answer if isinstance(answer, str) else json.dumps(answer)

    async def serve(_: web.Request) -> web.Response:
        return web.Response(text=body)

    return serve


def context(
    feed: str, directory: Path, version: str = "0.32.9", *, main: Process | None = None, **settings: str
) -> Context:
    seen = Replica(version=Value(version, "pomerium --version") if version else None, main=main)
    told = Settings(release_feed=feed, cache_dir=str(directory), **settings)  # type: ignore[arg-type]
    return Context(seen, told, Workers(), SocketTable())


LATEST = {"tag_name": "v0.33.1", "html_url": "https://example.com/releases/tag/v0.33.1", "draft": False}


@pytest.mark.proves("cluster_version_current/outdated")
async def test_an_older_release_is_told_of_with_how_far_it_is_behind(tmp_path: Path) -> None:
    async with Feed.of(LATEST) as feed:
        found = await check.look(context(feed.url, tmp_path))

    assert (found.outcome, found.cause) == (Outcome.WARN, "outdated")
    assert found.summary == "Pomerium 0.32.9 runs, 1 minor release behind: 0.33.1 is out"
    assert "https://example.com/releases/tag/v0.33.1" in found.steps[0]
    assert found.names == (("VERSION", "0.33.1"),)
    (request,) = feed.requests
    assert "Authorization" not in request.headers
    assert request.headers["User-Agent"].startswith("pomhealth/")


async def test_that_replicas_run_different_versions_is_told_first_and_a_newer_release_with_it(
    tmp_path: Path,
) -> None:
    known = roster(member("web-1", pomerium="0.32.9"), member("web-2", pomerium="0.32.8"), mine="web-1")
    async with Feed.of(LATEST) as feed:
        old = await check.look(replace(context(feed.url, tmp_path), roster=lambda: known))
        new = await check.look(replace(context(feed.url, tmp_path, "0.33.1"), roster=lambda: known))
    mixed = "2 versions of Pomerium run in the cluster: 0.32.9 on this replica and 0.32.8 on web-2"
    assert (old.cause, old.summary) == (
        "mixed",
        f"{mixed}; Pomerium 0.32.9 runs, 1 minor release behind: 0.33.1 is out",
    )
    assert (old.names, old.steps != ()) == ((("VERSION", "0.33.1"), ("HOST", "web-2")), True)
    assert (new.cause, new.summary) == ("mixed", mixed)


async def test_replicas_of_one_version_are_judged_by_the_newest_release_alone(tmp_path: Path) -> None:
    known = roster(member("web-1", pomerium="0.32.9"), member("web-2", pomerium="0.32.9"))
    async with Feed.of(LATEST) as feed:
        found = await check.look(replace(context(feed.url, tmp_path), roster=lambda: known))
    assert found.cause == "outdated"


async def test_versions_that_differ_are_told_where_the_own_one_is_not_known(tmp_path: Path) -> None:
    known = roster(member("web-1", pomerium="0.33.1"), member("web-2", pomerium="0.32.9"))
    found = await check.look(replace(context("off", tmp_path, ""), roster=lambda: known))
    assert found.cause == "mixed"


@pytest.mark.parametrize("version", ["0.33.1", "v0.33.1", "0.33.1+abc", "0.33.1-4-gabc123", "0.34.0-rc1"])
async def test_the_newest_release_passes_and_so_does_what_is_newer_still(
    tmp_path: Path, version: str
) -> None:
    async with Feed.of(LATEST) as feed:
        assert (await check.look(context(feed.url, tmp_path, version))).outcome is Outcome.PASS


async def test_a_list_tells_how_many_are_between_and_drafts_do_not_count(tmp_path: Path) -> None:
    releases = [
        {"tag_name": "v0.35.0", "draft": True},
        {"tag_name": "v0.34.0-rc1", "prerelease": True},
        {"tag_name": "v0.34.0-rc2"},
        *({"tag_name": f"v{one}", "draft": False} for one in ("0.33.1", "0.33.0", "0.32.9", "0.32.8")),
    ]
    async with Feed.of(releases) as feed:
        found = await check.look(context(feed.url, tmp_path))
    assert found.summary == "Pomerium 0.32.9 runs, 2 releases behind: 0.33.1 is out"


async def test_it_is_asked_once_a_day_by_all_who_want_to_know(tmp_path: Path) -> None:
    async with Feed.of(LATEST) as feed:
        first = context(feed.url, tmp_path)
        for one in (first, first, context(feed.url, tmp_path)):
            assert (await check.look(one)).cause == "outdated"
        assert len(feed.requests) == 1
        gone = feed.url
    assert (await check.look(context(gone, tmp_path))).cause == "outdated"


async def test_a_day_later_it_is_asked_whether_anything_has_changed(tmp_path: Path) -> None:
    async def serve(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"one"':
            return web.Response(status=304)
        return web.Response(text="v0.33.1", headers={"ETag": '"one"'})

    async with Feed.of(serve) as feed:
        await check.look(context(feed.url, tmp_path))
        age(tmp_path, 90000.0)
        assert (await check.look(context(feed.url, tmp_path))).cause == "outdated"
        assert len(feed.requests) == 2
        assert (await check.look(context(feed.url, tmp_path))).cause == "outdated"
        assert len(feed.requests) == 2


def age(directory: Path, seconds: float) -> None:
    """Makes what is kept older."""
    file = directory / "releases.json"
    document = json.loads(file.read_text())
    document["asked"] -= seconds
    file.write_text(json.dumps(document))


async def test_an_old_answer_still_counts_while_there_is_no_newer_one(tmp_path: Path) -> None:
    async with Feed.of(LATEST) as feed:
        gone = feed.url
        await check.look(context(gone, tmp_path))
    age(tmp_path, 3 * 86400.0)
    found = await check.look(context(gone, tmp_path))
    assert (found.cause, "as of 3 days ago" in found.summary) == ("outdated", True)
    age(tmp_path, 40 * 86400.0)
    assert (await check.look(context(gone, tmp_path))).outcome is Outcome.UNKNOWN


async def test_no_network_is_unknown_and_asked_again_only_later(tmp_path: Path) -> None:
    async with Feed.of(LATEST) as feed:
        gone = feed.url
    found = await check.look(context(gone, tmp_path))
    assert (found.outcome, "asked again in 60 min" in found.summary) == (Outcome.UNKNOWN, True)
    kept = cache.load(cache.place(str(tmp_path), {}), cache.digest(gone), time.time())
    assert kept.failed > 0
    begun = time.monotonic()
    assert (await check.look(context(gone, tmp_path))).outcome is Outcome.UNKNOWN
    assert time.monotonic() - begun < 1.0


async def _huge(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    try:
        while True:
            await answer.write(b"9" * 65536)
    except (ConnectionError, asyncio.CancelledError):
        return answer


async def _elsewhere(_: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": "file:///etc/passwd"})


async def _round(request: web.Request) -> web.Response:
    return web.Response(status=302, headers={"Location": str(request.url)})


async def _refusing(_: web.Request) -> web.Response:
    return web.Response(status=403, headers={"X-RateLimit-Remaining": "0"})


HOSTILE = {
    "huge": (_huge, "larger than|come to an end"),
    "to a file": (_elsewhere, "302"),
    "in a circle": (_round, "302"),
    "limited": (_refusing, "no more questions"),
    "html": ("<html><title>v9.9.9</title></html>", "names no release"),
    "absurd": ({"tag_name": "v999999999999.0.0"}, "names no release"),
    "no text": ({"tag_name": ["v0.33.1"]}, "names no release"),
    "half": ('{"tag_name": "v0.3', "not the JSON"),
    "deep": ("[" * 100000, "not the JSON"),
    "empty": ("", "names no release"),
    "binary": ("\u0000\ufffd" * 100, "names no release"),
}


@pytest.mark.parametrize("kind", HOSTILE)
async def test_a_feed_that_makes_no_sense_is_unknown_with_the_reason(tmp_path: Path, kind: str) -> None:
    answer, reason = HOSTILE[kind]
    async with Feed.of(answer) as feed:
        found = await check.look(context(feed.url, tmp_path))
    assert found.outcome is Outcome.UNKNOWN
    assert any(part in found.summary for part in reason.split("|")), found.summary
    assert len(found.summary) < 500


async def test_one_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    over = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await over.wait()
        return web.Response(text="v0.33.1")

    async with Feed.of(hang) as feed:
        begun = time.monotonic()
        seen = context(feed.url, tmp_path)
        found = await check.look(seen)
        took = time.monotonic() - begun
        again = await check.look(seen)
        over.set()

    assert (found.outcome, again.outcome, len(feed.requests)) == (Outcome.UNKNOWN, Outcome.UNKNOWN, 1)
    assert took < 3.0


async def test_a_redirect_to_another_web_address_is_followed(tmp_path: Path) -> None:
    async def serve(request: web.Request) -> web.Response:
        if request.path == "/releases":
            return web.Response(status=301, headers={"Location": "/moved"})
        return web.Response(text="v0.33.1\n")

    async with Feed.of(serve) as feed:
        assert (await check.look(context(feed.url, tmp_path))).cause == "outdated"


async def test_a_proxy_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Feed.of("v0.33.1") as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        found = await check.look(context("http://feed.invalid/latest", tmp_path))
        (request,) = proxy.requests
    assert (found.cause, request.headers["Host"]) == ("outdated", "feed.invalid")


async def test_what_may_be_secret_in_the_address_is_neither_sent_nor_shown(tmp_path: Path) -> None:
    async with Feed.of("v0.33.1") as feed:
        secret = feed.url.replace("http://", "http://ann:S3cret@") + "?token=T0ken"
        found = await check.look(context(secret, tmp_path))
        (request,) = feed.requests
    assert found.cause == "outdated"
    assert "Authorization" not in request.headers
    assert "S3cret" not in repr(found)
    assert "T0ken" not in repr(found)
    kept = (tmp_path / "releases.json").read_text()
    assert "S3cret" not in kept
    assert "T0ken" not in kept


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", '{"feed": 1}', '{"newest": {"version": "<html>"}}', "\0" * 99]
)
async def test_a_damaged_cache_is_replaced(tmp_path: Path, damage: str) -> None:
    (tmp_path / "releases.json").write_text(damage)
    async with Feed.of(LATEST) as feed:
        assert (await check.look(context(feed.url, tmp_path))).cause == "outdated"
        assert (await check.look(context(feed.url, tmp_path))).cause == "outdated"
        assert len(feed.requests) == 1
    assert os.listdir(tmp_path) == ["releases.json"]  # noqa: PTH208


async def test_a_cache_of_the_future_or_of_another_feed_is_not_believed(tmp_path: Path) -> None:
    async with Feed.of(LATEST) as feed, Feed.of("v0.32.9") as other:
        await check.look(context(feed.url, tmp_path))
        assert (await check.look(context(other.url, tmp_path))).outcome is Outcome.PASS
        age(tmp_path, -5000.0)
        await check.look(context(other.url, tmp_path))
        assert (len(feed.requests), len(other.requests)) == (1, 2)


async def test_a_directory_that_cannot_be_written_only_means_asking_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with Feed.of(LATEST) as feed:
        seen = context(feed.url, tmp_path / "file")
        assert (await check.look(seen)).cause == "outdated"
        assert (await check.look(seen)).cause == "outdated"
        assert len(feed.requests) == 1


async def test_turned_off_it_tells_the_running_version_alone(tmp_path: Path) -> None:
    found = await check.look(context("off", tmp_path))
    assert (found.outcome, "0.32.9 runs" in found.summary) == (Outcome.PASS, True)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


async def test_without_a_running_version_there_is_nothing_to_compare(tmp_path: Path) -> None:
    with pytest.raises(Unobservable):
        await check.look(context("off", tmp_path, ""))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Path, Process]]:
    """A program called pomerium that runs, from a file of its own."""
    program = tmp_path / "bin" / "pomerium"
    program.parent.mkdir()
    shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
    process = subprocess.Popen([program, "600"])
    try:
        while Path(f"/proc/{process.pid}/exe").resolve().name != "pomerium":
            time.sleep(0.01)
        found = processes.process(process.pid)
        assert found is not None
        yield program, found
    finally:
        process.kill()
        process.wait()


def install(program: Path, answer: str, mode: int = 0o755) -> None:
    """Puts another program in its place, by a rename, as a package's update does."""
    new = program.with_suffix(".new")
    new.write_text(f"#!/bin/sh\necho '{answer}'\n")
    new.chmod(mode)
    new.replace(program)


async def see(program: tuple[Path, Process], directory: Path, feed: str = "off") -> Finding:
    return await check.look(context(feed, directory / "cache", main=program[1]))


@needs_root
@pytest.mark.proves("cluster_version_current/outdated")
async def test_what_is_installed_and_does_not_run_yet_is_told(
    running: tuple[Path, Process], tmp_path: Path
) -> None:
    assert (await see(running, tmp_path)).outcome is Outcome.PASS
    install(running[0], "pomerium: v0.33.1+abc")
    found = await see(running, tmp_path)
    assert (found.cause, found.outcome) == ("outdated", Outcome.WARN)
    assert "0.33.1 is installed, and 0.32.9 still runs: restart" in found.summary


async def test_a_program_that_anybody_may_have_put_there_is_not_run(
    running: tuple[Path, Process], tmp_path: Path
) -> None:
    install(running[0], "pomerium: v0.33.1+abc", mode=0o777)
    found = await see(running, tmp_path)
    assert (found.outcome, "was replaced since it started" in found.summary) == (Outcome.PASS, True)


async def test_a_program_that_was_removed_is_told_too(running: tuple[Path, Process], tmp_path: Path) -> None:
    running[0].unlink()
    assert "was replaced" in (await see(running, tmp_path)).summary


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"CACHE_DIRECTORY": "/var/cache/a:/b", "HOME": "/h"}, "/var/cache/a/releases.json"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/pomhealth/releases.json"),
        ({"HOME": "/h"}, "/h/.cache/pomhealth/releases.json"),
        ({}, "/var/cache/pomhealth/releases.json"),
    ],
)
def test_the_cache_has_its_place(environment: dict[str, str], place: str) -> None:
    assert str(cache.place("", environment)) == place
    assert str(cache.place("/set", environment)) == "/set/releases.json"


def test_an_answer_has_a_limit() -> None:
    assert fetch._LIMIT < 16 * 1024 * 1024
