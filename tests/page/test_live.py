"""The page beside real parts: a fault shows without a reload, its end too, and so does the end of the agent."""

from __future__ import annotations

import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pomhealth.publish.page import ASSETS
from tests.agent.process import Agent, agent, nothing_runs
from tests.demos import Demo, running_demo
from tests.page.browsing import PATIENCE, visit

SOON = 1.0  # seconds after /readyz: as the issue has it
_NOTED = """
(headline) => new Promise((done) => {
  const look = () => document.querySelector("h1").textContent === headline && done(Date.now() / 1000);
  new MutationObserver(look).observe(document.querySelector("main"), {
    subtree: true, childList: true, characterData: true,
  });
  look();
})
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Demo]:
    with running_demo() as started:
        yield started


class Readyz(threading.Thread):
    """Notes when /readyz first answers what is waited for, in seconds since the epoch."""

    def __init__(self, demo: Demo, *, ready: bool) -> None:
        super().__init__()
        self._demo = demo
        self._ready = ready
        self.at = 0.0

    def run(self) -> None:
        end = time.monotonic() + PATIENCE
        while not self.at and time.monotonic() < end:
            if (self._demo.ready() == 200) == self._ready:
                self.at = time.time()
            time.sleep(0.005)


def turned(page: Page, demo: Demo, command: str, fault: str, headline: str) -> float:
    """How many seconds after /readyz the page shows the headline, without a reload."""
    readyz = Readyz(demo, ready=headline == "Ready")
    page.evaluate(f"(headline) => {{ window.noted = ({_NOTED})(headline) }}", headline)
    readyz.start()
    demo.do(command, fault)
    readyz.join()
    assert readyz.at, "/readyz did not turn"
    shown: float = page.evaluate("window.noted")
    return shown - readyz.at


def test_a_fault_and_its_end_show_within_a_second_of_readyz_without_a_reload(
    browser: Browser, running: Demo
) -> None:
    with visit(browser, running.url) as visited:
        page = visited.page
        visited.live()
        expect(page.locator("h1")).to_have_text("Ready")
        page.evaluate("window.loaded = 'once'")
        assert turned(page, running, "--break", "postgres-read-only", "Not ready") < SOON
        try:
            alert = page.locator("#a-storage\\.backend")
            expect(alert).to_contain_text("PostgreSQL takes no writes")
            expect(alert.locator("ol code").first).to_contain_text("ALTER SYSTEM RESET")
            expect(page.locator("#c-storage\\.backend")).to_have_class(re.compile("fail"))
        finally:
            running.do("--heal", "postgres-read-only")
        expect(page.locator("h1")).to_have_text("Ready", timeout=PATIENCE * 1000)
        expect(page.locator("#part-changes")).to_contain_text("of fail: read-only")
        assert page.evaluate("window.loaded") == "once"
        assert visited.troubles == []
        assert visited.origins() == {running.url.rstrip("/")}


def test_the_end_of_a_fault_shows_within_a_second_of_readyz(browser: Browser, running: Demo) -> None:
    running.do("--break", "postgres-stop")
    with visit(browser, running.url) as visited:
        visited.live()
        expect(visited.page.locator("h1")).to_have_text("Not ready", timeout=PATIENCE * 1000)
        assert turned(visited.page, running, "--heal", "postgres-stop", "Ready") < SOON


def test_the_page_of_a_demo_is_small(browser: Browser, running: Demo) -> None:
    with visit(browser, running.url) as visited:
        visited.live()
        document = visited.page.content()
    assert len(document.encode()) + sum(len(body) for _, body in ASSETS.values()) < 100 * 1024


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        taken: int = free.getsockname()[1]
    return taken


def listening(tmp_path: Path, port: int) -> tuple[str, ...]:
    return ("--listen", f"127.0.0.1:{port}", *nothing_runs(tmp_path))


def test_the_page_says_that_it_is_old_when_the_agent_is_killed_and_recovers_with_the_next_one(
    browser: Browser, tmp_path: Path, port: int
) -> None:
    with agent(tmp_path, *listening(tmp_path, port)) as first:
        url = f"http://{first.address}/"
        with visit(browser, url) as visited:
            visited.live()
            first.stop(signal.SIGKILL)
            visited.old()
            alert = visited.page.get_by_role("alert")
            expect(alert).to_contain_text(re.compile(r"What is shown here is old, as of \d\d:\d\d:\d\d UTC"))
            expect(visited.page).to_have_title(re.compile(r"^\(old\)"))
            with agent(tmp_path, *listening(tmp_path, port)) as second:
                assert url == f"http://{second.address}/"
                visited.live()
                expect(alert).to_be_empty()
                expect(visited.page).not_to_have_title(re.compile("old"))


def test_no_password_of_the_storage_backend_is_in_the_page(browser: Browser, tmp_path: Path) -> None:
    config = tmp_path / "pomerium.yaml"
    config.write_text(
        "address: 127.0.0.1:1\ndatabroker_storage_type: postgres\n"
        "databroker_storage_connection_string: postgres://pom:S3cretWord@127.0.0.1:1/pomerium\n"
        "shared_secret: c2VjcmV0LXNoYXJlZC1zZWNyZXQtc2hhcmVkLTEyMzQ=\n"
        "idp_client_secret: S3cretClient\n"
    )
    with agent(tmp_path, "--pomerium-config", str(config)) as running:
        look(running)
        with visit(browser, f"http://{running.address}/") as visited:
            visited.live()
            expect(visited.page.locator("#part-origins")).to_contain_text("idp_client_secret")
            document = visited.page.content()
    for secret in ("S3cretWord", "S3cretClient", "c2VjcmV0LXNoYXJlZC1zZWNyZXQ"):
        assert secret not in document


def look(running: Agent) -> None:
    """Waits until the agent has found the replica's configuration."""
    end = time.monotonic() + PATIENCE
    while not running.get("/status")[1]["replica"].get("config"):
        assert time.monotonic() < end
        time.sleep(0.05)
