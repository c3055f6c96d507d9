"""The terminal view, driven by its keys and the mouse, beside agents that say what they are told to say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.events import MouseScrollDown
from textual.geometry import Region
from textual.pilot import Pilot

from pomhealth.client.ask import Address
from pomhealth.report.style import Style
from pomhealth.watch.view.app import View
from pomhealth.watch.view.lines import Lines
from tests.agent.process import agent, nothing_runs
from tests.watch.agent_server import AgentServer, agent_server, until
from tests.watch.example import HOSTILE, ILL, WELL, document, entry, turn

SIZE = (80, 24)


class Driver:
    """A view and its pilot."""

    def __init__(self, view: View, pilot: Pilot[None]) -> None:
        self.view, self.pilot = view, pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def part(self, name: str) -> str:
        """What one part of the view shows, line by line."""
        part = self.view.query_one(f"#{name}", Lines)
        return "\n".join(part.render_line(y).text for y in range(part.size.height))

    @property
    def text(self) -> str:
        """All of it."""
        return "\n".join(self.part(name) for name in ("head", "list", "title", "pane", "foot"))

    @property
    def selected(self) -> str:
        """The id on the selected line."""
        return next(line for line in self.part("list").splitlines() if line.startswith(">")).split()[2]

    async def until(self, text: str) -> None:
        await until(lambda: text in self.text, lambda: self.text)
        await self.settled()

    async def settled(self) -> None:
        """Waits until everything has its place."""
        before: list[Region] = []
        while (now := [part.region for part in self.view.query(Lines)]) != before:
            before = now
            await self.pilot.pause(0.05)


@asynccontextmanager
async def showing(*addresses: Address, text: str = "", size: tuple[int, int] = SIZE) -> AsyncIterator[Driver]:
    view = View(addresses, text, Style())
    async with view.run_test(size=size) as pilot:
        yield Driver(view, pilot)


@asynccontextmanager
async def shown(
    said: dict[str, object], *, size: tuple[int, int] = SIZE
) -> AsyncIterator[tuple[AgentServer, Driver]]:
    """An agent that says this, and a view that shows it."""
    async with agent_server() as server:
        server.said = said
        async with showing(server.address, size=size) as driver:
            await until(lambda: server.readers == 1)
            await driver.until("eady")
            yield server, driver


async def test_a_fault_stands_on_top_with_all_that_is_known_of_it() -> None:
    async with shown(ILL) as (_, driver):
        assert driver.part("head").startswith("✗ Not ready: storage.backend (read-only)")
        assert "3 checks: 1 failed, 1 not judged, 1 passed; Pomerium 0.33.1" in driver.part("head")
        assert driver.selected == "storage.backend"
        for said in (
            "✗ fail: read-only (stops /readyz)",
            "The replica itself reports otherwise: RUNNING",
            "seen      db:5432: read-only",
            "expected  a server that takes writes",
            "To do, by whoever runs the database:",
            "1. Let it write again:",
            "Not judged while it fails: storage.backend.cleanup",
            "Since     2026-11-20T12:00:05.000Z",
        ):
            assert said in driver.part("pane"), driver.part("pane")


async def test_what_the_agent_tells_is_shown_and_the_selection_stays_with_its_check() -> None:
    async with shown(WELL) as (server, driver):
        await driver.press("j")
        assert driver.selected == "storage.backend"
        server.said = ILL
        server.say("change", turn(), "b-2")
        await driver.until("Not ready: storage.backend")
        assert driver.selected == "storage.backend"
        await driver.press("j", "j", "j", "j")
        assert driver.selected == "envoy.server"
        server.said = WELL
        server.say("change", turn(state="pass", at="2026-11-20T12:00:09.000Z"), "b-3")
        await driver.until("✓ Ready")
        assert driver.selected == "envoy.server"


async def test_the_keys_of_the_list_go_where_they_say() -> None:
    many = document()
    many["statuses"] = {f"check{number:03}": entry() for number in range(100)}
    async with shown(many) as (_, driver):
        for key, where in (
            ("down", 1),
            ("j", 2),
            ("k", 1),
            ("up", 0),
            ("up", 0),
            ("end", 99),
            ("down", 99),
            ("home", 0),
            ("pagedown", 9),
            ("pageup", 0),
        ):
            await driver.press(key)
            assert driver.selected == f"check{where:03}", key
            assert f"{where + 1} of 100" in driver.part("title")


async def test_what_is_typed_is_looked_for_as_it_is_typed() -> None:
    async with shown(ILL) as (_, driver):
        await driver.press("slash", *"envoy")
        assert "storage.backend" not in driver.part("list")
        assert driver.selected == "envoy.server"
        await driver.press("enter", "j")
        assert "filter: envoy" in driver.part("title")
        await driver.press("slash", "q", "p")
        assert "nothing is found with 'envoyqp'" in driver.part("list")
        await driver.press("escape")
        assert driver.part("list").count("storage.backend") >= 2
        assert "filter" not in driver.part("title")


async def test_problems_alone_and_each_order_can_be_asked_for() -> None:
    async with shown(ILL) as (_, driver):
        await driver.press("p")
        assert "envoy.server" not in driver.part("list")
        assert "problems only" in driver.part("title")
        await driver.press("p", "s")
        assert driver.part("list").splitlines()[0].split()[2] == "envoy.server"
        assert "by catalogue" in driver.part("title")
        await driver.press("s")
        assert driver.part("list").splitlines()[0].split()[2] == "storage.backend"
        assert "latest first" in driver.part("title")


async def test_no_problems_is_said() -> None:
    async with shown(WELL) as (_, driver):
        await driver.press("p")
        assert "no problems; p shows everything" in driver.part("list")


async def test_a_steps_command_is_copied_as_it_is() -> None:
    async with shown(ILL) as (_, driver):
        await driver.press("c")
        assert driver.view.clipboard == "psql -h db -c 'ALTER SYSTEM RESET x'  -c 'SELECT 1'"
        assert "copied 1 of 1: psql" in driver.part("foot")
        await driver.press("j", "c")
        assert "there is no command to copy here" in driver.part("foot")


async def test_the_log_tells_what_changed_and_the_help_every_key() -> None:
    async with shown(ILL) as (_, driver):
        await driver.press("l")
        assert "storage.backend: fail: read-only (was pass for 5.0 s" in driver.part("pane")
        await driver.press("question_mark")
        for key in ("enter", "tab", "c ", "/ ", "p ", "s ", "l ", "? ", "q, ctrl-c"):
            assert f"\n   {key}" in f"\n{driver.part('pane')}"
        await driver.press("question_mark")
        assert "fail: read-only (stops" in driver.part("pane")


async def test_the_details_can_stand_alone_and_be_moved_in() -> None:
    long = document(a=entry("fail", cause="x", fix=[f"step {number}" for number in range(60)]))
    async with shown(long) as (_, driver):
        await driver.press("enter")
        assert not driver.view.query_one("#list").display
        assert "60. step 59" not in driver.part("pane")
        await driver.press(*["pagedown"] * 5)
        assert "60. step 59" in driver.part("pane")
        await driver.press("escape", "tab", "home")
        assert driver.view.query_one("#list").display
        assert "fail: x" in driver.part("pane")
        await driver.press("j")
        assert "fail: x" not in driver.part("pane")


async def test_a_click_selects_and_the_wheel_scrolls() -> None:
    many = document()
    many["statuses"] = {f"check{number:03}": entry() for number in range(100)}
    async with shown(many) as (_, driver):
        await driver.pilot.click("#list", offset=(20, 4))
        await driver.pilot.pause()
        assert driver.selected == "check004"
        await driver.pilot._post_mouse_events([MouseScrollDown], "#list")
        await driver.pilot.pause()
        assert "check000" not in driver.part("list")


async def test_an_agent_that_goes_is_shown_as_old_with_the_time_and_what_was_so_then() -> None:
    async with shown(ILL) as (server, driver):
        await server.stop()
        await driver.until("No answer since")
        assert "nothing listens there; old," in driver.part("head")
        assert "of then: not ready: storage.backend (read-only)" in driver.part("head")
        assert driver.selected == "127.0.0.1:" + str(server.address.port)
        assert "was fail storage.backend" in driver.part("list")
        await driver.press("j")
        assert "Old, as of " in driver.part("pane")
        await server.start()
        await driver.until("✗ Not ready")
        assert "was fail" not in driver.text
        await driver.press("l")
        assert "it answers again, after " in driver.part("pane")


async def test_several_agents_stand_together_with_the_worst_first() -> None:
    async with agent_server() as well, agent_server() as ill:
        ill.said = ILL
        async with showing(well.address, ill.address, Address("127.0.0.1:1")) as driver:
            await driver.until("3 agents: 1 not ready, 1 away, 1 ready")
            first, second = driver.part("list").splitlines()[:2]
            assert first.split()[1:4] == ["away", "3", "127.0.0.1:1"] or first.split()[2:4] == [
                "3",
                "127.0.0.1:1",
            ]
            assert second.split()[:4] == ["✗", "fail", "2", "storage.backend"]
            assert [line[:2].strip() for line in driver.part("head").splitlines()] == ["", "2", "3", "1"]


async def test_many_agents_leave_room_for_their_checks() -> None:
    async with showing(*(Address(f"127.0.0.1:{port}") for port in range(1, 31))) as driver:
        await driver.until("30 agents: 30 away")
        assert driver.view.query_one("#head").size.height == 6
        assert "and 26 more" in driver.part("head")


async def test_hostile_text_is_shown_as_text() -> None:
    hostile = entry(
        "fail",
        cause="x",
        summary=HOSTILE,
        fix=[HOSTILE, "[link=https://evil.example]x[/link] `echo [red]  $(id)`"],
        evidence=[{"source": HOSTILE, "observed": HOSTILE, "expected": HOSTILE}],
    )
    said = document(turn("evil"), evil=hostile)
    said["statuses"][HOSTILE] = hostile
    said["notice"] = HOSTILE
    async with shown(said) as (_, driver):
        for keys in ((), ("j",), ("l",), ("question_mark",), ("question_mark",), ("enter",)):
            await driver.press(*keys)
            assert driver.text.replace("\n", "").isprintable()
        assert "[bold red]not markup[/]" in driver.text
        await driver.press("escape", "c")
        assert driver.view.clipboard == "echo [red]  $(id)"


async def test_it_fits_any_width() -> None:
    for size in ((200, 50), (60, 20), (20, 6)):
        async with shown(ILL, size=size) as (_, driver):
            assert all(len(line) <= size[0] for line in driver.text.splitlines())
            assert "fail" in driver.part("list")
            beside = driver.view.query_one("#side").region.x > 0
            assert beside == (size[0] >= 130)


async def test_a_new_size_is_filled_anew() -> None:
    async with shown(ILL) as (_, driver):
        await driver.pilot.resize_terminal(60, 20)
        await driver.until("1 of 3")
        await until(lambda: driver.part("list").splitlines()[0].rstrip().endswith("…"))
        await driver.pilot.resize_terminal(150, 30)
        await until(lambda: "PostgreSQL takes no writes" in driver.part("list"), lambda: driver.text)


async def test_nothing_is_drawn_anew_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with shown(WELL) as (server, driver):
        await driver.pilot.pause()
        drawn: list[object] = []
        for part in driver.view.query(Lines):
            monkeypatch.setattr(part, "refresh", lambda *regions, **_: drawn.append(regions))
        before = server.asked
        server.say("beat", {"at": "now"}, "b-2")
        server.say("state", {})
        await until(lambda: server.asked > before)
        driver.view._paint()
        assert drawn == []


async def test_it_begins_with_what_is_looked_for_and_ends_with_its_keys() -> None:
    for key in ("q", "ctrl+c"):
        async with agent_server() as server:
            server.said = ILL
            view = View([server.address], "envoy", Style())
            async with view.run_test(size=SIZE) as pilot:
                driver = Driver(view, pilot)
                await driver.until("envoy.server")
                assert "storage.backend.cleanup" not in driver.part("list")
                await pilot.press(key)
            assert view.return_code == 0


async def test_ctrl_c_ends_it_also_while_something_is_typed() -> None:
    view = View([Address("127.0.0.1:1")], "", Style())
    async with view.run_test(size=SIZE) as pilot:
        await pilot.press("slash", "a", "ctrl+c")
    assert view.return_code == 0


async def test_a_real_agent_is_shown_and_seen_to_end(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as running:
        async with showing(Address(running.address)) as driver:
            await driver.until("Not ready: pomerium.process (not-running)")
            running.process.kill()
            await driver.until("No answer since")
