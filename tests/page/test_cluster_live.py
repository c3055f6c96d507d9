"""The page of the cluster beside a real agent and a real registry: what another agent writes shows without a reload."""

from __future__ import annotations

import asyncio
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from playwright.sync_api import Browser, expect

from pomhealth.cluster.model import Account
from pomhealth.cluster.registry.registry import Registry
from pomhealth.cluster.registry.session import PostgresRegistry, opening
from tests.agent.process import agent, nothing_runs
from tests.page.browsing import PATIENCE, visit
from tests.page.clusters import READ_ONLY, account
from tests.standin import OwnPostgres

T = TypeVar("T")
HOST = "the-other-one"
SOON = 2000 * PATIENCE  # milliseconds


class Other:
    """Another agent, as far as the registry knows."""

    def __init__(self, dsn: str, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._dsn = dsn
        self.id = str(uuid.uuid4())

    def says(self, told: Account, *, first: bool = False) -> None:
        """Writes its row, and tells the others so."""
        asyncio.run_coroutine_threadsafe(self._say(told, first=first), self._loop).result(PATIENCE)

    async def _say(self, told: Account, *, first: bool) -> None:
        session = await PostgresRegistry.open(opening(self._dsn, {}, "", ""), deadline=PATIENCE)
        try:
            registry = Registry(session, self.id)
            done = (
                registry.claim(self.id, "mark", told) if first else registry.write(self.id, told, tell=True)
            )
            assert await done is not None
        finally:
            session.close()


@contextmanager
def elsewhere() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own: the browser has this one's."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


def test_what_another_agent_writes_shows_without_a_reload_and_so_does_the_registrys_end(
    browser: Browser, own_postgres: OwnPostgres, tmp_path: Path
) -> None:
    server = own_postgres()
    settings = {
        "POMHEALTH_CLUSTER": "true",
        "POMHEALTH_CLUSTER_DSN": server.dsn(),
        "POMHEALTH_STATE_DIR": str(tmp_path),
    }
    with (
        agent(tmp_path, *nothing_runs(tmp_path), **settings) as running,
        elsewhere() as loop,
        visit(browser, f"http://{running.address}/replicas") as visited,
    ):
        page = visited.page
        visited.live()
        headline = page.locator("h1")
        expect(headline).to_have_text("The only replica is not ready", timeout=SOON)
        page.evaluate("window.loaded = 'once'")
        other = Other(server.dsn(), loop)
        other.says(account(HOST), first=True)
        expect(headline).to_have_text("2 replicas, 1 ready", timeout=SOON)
        row = page.locator(f"#r-{other.id}")
        expect(row).to_contain_text(f"{HOST}")
        expect(row.locator(".st").first).to_have_text("ready")
        other.says(account(HOST, READ_ONLY, ready=False))
        expect(headline).to_have_text("2 replicas, none ready", timeout=SOON)
        expect(row).to_contain_text("storage.backend fails: read-only PostgreSQL takes no writes")
        server.stop("immediate")
        expect(headline).to_have_text("This view is incomplete", timeout=SOON)
        expect(row.locator(".st").first).to_have_text("was not ready")
        expect(page.locator("#part-now")).to_contain_text("systemctl status postgresql")
        server.start()
        expect(headline).to_have_text(re.compile("^2 replicas"), timeout=SOON)
        assert page.evaluate("window.loaded") == "once"
        assert visited.troubles == []
