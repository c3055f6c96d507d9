"""The page in a real browser, over made-up views: who can read it, what it keeps, what it says when it is old."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from pomhealth.status import Evidence, Outcome, failed, observe, warned
from pomhealth.status import passed as well
from tests.page.browsing import DESKTOP, NARROW, PHONE, visit
from tests.page.example import failing, healthy, past
from tests.page.site import Site, serving
from tests.publish.views import AT, view

SEEN = Evidence("it", "this", "that")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(failing()) as site:
        yield site


def violations(page: Page) -> list[str]:
    found: Any = Axe().run(page).response["violations"]
    return [f"{one['id']}: {[node['html'] for node in one['nodes']]}" for one in found]


VIEWS = {"healthy": healthy(), "failing": failing(), "starting": view({"pomerium.process": None})}
STATES = [
    pytest.param(state, size, scheme, id=f"{state}-{name}-{scheme}")
    for state in ("healthy", "failing", "old")
    for name, size in (("desktop", DESKTOP), ("phone", PHONE))
    for scheme in ("light", "dark")
]


@pytest.mark.parametrize(
    ("state", "size", "scheme"), [*STATES, pytest.param("starting", DESKTOP, "light", id="starting")]
)
def test_axe_finds_nothing(
    browser: Browser, site: Site, state: str, size: tuple[int, int], scheme: str
) -> None:
    site.show(VIEWS.get(state, VIEWS["failing"]))
    with visit(browser, site.url, size, color_scheme=scheme) as visited:
        visited.live()
        if state == "old":
            site.close()
            visited.old()
        visited.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert violations(visited.page) == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE, NARROW], ids=["desktop", "phone", "320"])
def test_nothing_is_wider_than_the_screen(browser: Browser, site: Site, size: tuple[int, int]) -> None:
    with visit(browser, site.url, size) as visited:
        visited.live()
        visited.page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        assert visited.page.evaluate("document.documentElement.scrollWidth") == size[0]


def test_nothing_leaves_the_origin_and_the_policy_is_kept(browser: Browser, site: Site) -> None:
    with visit(browser, site.url) as visited:
        visited.live()
        site.show(healthy())
        expect(visited.page.locator("h1")).to_have_text("Ready")
        assert visited.origins() == {site.url.rstrip("/")}
        assert visited.troubles == []


def test_title_and_icon_carry_the_verdict(browser: Browser, site: Site) -> None:
    with visit(browser, site.url) as visited:
        visited.live()
        expect(visited.page).to_have_title("✗ Not ready: storage.backend · pomhealth")
        before = visited.page.get_attribute("#icon", "href")
        site.show(healthy())
        expect(visited.page).to_have_title("✓ Ready · pomhealth")
        assert visited.page.get_attribute("#icon", "href") != before
        expect(visited.page.get_by_role("status")).to_have_text("✓ Ready · pomhealth")


def test_a_strip_tells_in_words_what_it_draws_to_whoever_points_at_it(browser: Browser, site: Site) -> None:
    with visit(browser, site.url) as visited:
        visited.live()
        title = visited.page.locator("#c-storage\\.backend svg.hour title")
        expect(title).to_have_text(re.compile("^last hour: failed .*; else passed$"))
        site.show(failing(past=past("storage.backend", (90000, Outcome.PASS, ""))))
        expect(title).to_have_text("last hour: passed throughout")


def test_what_changes_is_taken_over_and_what_somebody_does_with_the_page_stays(
    browser: Browser, site: Site
) -> None:
    with visit(browser, site.url) as visited:
        page = visited.page
        visited.live()
        page.evaluate("document.body.dataset.untouched = 'yes'")
        row = page.locator("#c-storage\\.backend")
        row.locator("summary").focus()
        page.keyboard.press("Enter")
        page.evaluate(
            "getSelection().selectAllChildren(document.querySelector('#c-xds\\\\.cluster summary b'))"
        )
        row.evaluate("(one) => one.scrollIntoView({ block: 'center' })")
        place = page.evaluate("document.querySelector('#c-storage\\\\.backend').getBoundingClientRect().top")
        shown = failing()
        other = failed("timeout", "it answers nothing", SEEN)
        site.show(replace(shown, status=observe(shown.status, "storage.backend", other, at=AT + 80)))
        expect(row.locator("summary .st")).to_have_text("fails: timeout")
        expect(page.locator("article").first).to_contain_text("it answers nothing")
        assert row.get_attribute("open") is not None
        assert page.evaluate("document.activeElement.parentElement.id") == "c-storage.backend"
        assert page.evaluate("String(getSelection())") == "xds.cluster"
        assert page.evaluate("scrollY") > 0
        moved = page.evaluate("document.querySelector('#c-storage\\\\.backend').getBoundingClientRect().top")
        assert abs(moved - place) < 5
        assert page.evaluate("document.body.dataset.untouched") == "yes"


def test_focus_in_what_is_gone_goes_to_what_is_to_do_now(browser: Browser, site: Site) -> None:
    with visit(browser, site.url) as visited:
        visited.live()
        visited.page.locator("article .copy").first.focus()
        site.show(healthy())
        expect(visited.page.locator("#now")).to_be_focused()


def test_a_new_check_and_one_that_leaves_are_taken_over(browser: Browser, site: Site) -> None:
    site.show(view({"pomerium.process": well("fine")}))
    with visit(browser, site.url) as visited:
        visited.live()
        site.show(view({"pomerium.process": well("fine"), "envoy.server": well("fine")}))
        expect(visited.page.locator("#part-area-envoy")).to_be_visible()
        site.show(view({"pomerium.process": well("fine")}))
        expect(visited.page.locator("#part-area-envoy")).to_be_hidden()


def test_a_command_is_copied_without_anything_else(browser: Browser, site: Site) -> None:
    with visit(browser, site.url, permissions=["clipboard-read", "clipboard-write"]) as visited:
        visited.live()
        visited.page.get_by_role("button", name="copy psql").click()
        expect(visited.page.get_by_role("button", name="copy psql")).to_have_text("copied")
        expect(visited.page.get_by_role("status")).to_have_text("Copied.")
        copied = visited.page.evaluate("navigator.clipboard.readText()")
        assert copied == "psql -c 'ALTER SYSTEM RESET default_transaction_read_only'"


def test_a_command_is_copied_where_the_browser_has_no_clipboard_for_the_page(
    browser: Browser, site: Site
) -> None:
    with visit(browser, site.url) as visited:
        visited.live()
        visited.page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        visited.page.evaluate(
            "document.addEventListener('copy', () => (document.body.dataset.copied = String(getSelection())))"
        )
        visited.page.get_by_role("button", name="copy psql").click()
        expect(visited.page.locator("body")).to_have_attribute("data-copied", re.compile("^psql -c 'ALTER"))


def test_the_keyboard_reaches_what_to_do_first_and_opens_details(browser: Browser, site: Site) -> None:
    with visit(browser, site.url) as visited:
        page = visited.page
        visited.live()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to what to do now")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#now")).to_be_focused()
        row = page.locator("#c-envoy\\.server")
        row.locator("summary").focus()
        page.keyboard.press("Space")
        expect(row.get_by_text("looked at")).to_be_visible()


def test_a_page_says_at_once_that_it_is_old_when_the_agent_takes_its_leave(
    browser: Browser, site: Site
) -> None:
    with visit(browser, site.url) as visited:
        visited.live()
        site.close()
        alert = visited.page.get_by_role("alert")
        expect(alert).to_contain_text("What is shown here is old, as of ")
        expect(visited.page).to_have_title("(old) ✗ Not ready: storage.backend · pomhealth")


def test_a_page_takes_over_what_another_agent_says(browser: Browser, site: Site) -> None:
    with visit(browser, site.url) as visited:
        visited.live()
        site.close()
        visited.old()
        site.show(healthy())
        site.renew()
        visited.live()
        expect(visited.page.locator("h1")).to_have_text("Ready")
        expect(visited.page.get_by_role("alert")).to_be_empty()
        expect(visited.page).to_have_title("✓ Ready · pomhealth")


def test_a_tab_that_comes_back_catches_up_at_once(browser: Browser, site: Site) -> None:
    with visit(browser, "about:blank") as visited:
        page = visited.page
        page.clock.install()
        page.goto(site.url)
        visited.live()
        page.clock.pause_at(page.evaluate("Date.now()") + 1000)  # as in a tab whose timers sleep
        site.close()
        visited.old()
        site.show(healthy())
        site.renew()
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        visited.live()
        expect(page.locator("h1")).to_have_text("Ready")


def test_a_newer_agent_brings_its_own_script_and_style(browser: Browser, site: Site) -> None:
    with visit(browser, site.url) as visited:
        visited.live()
        visited.page.evaluate("document.body.dataset.version = 'an older one'")
        site.renew()
        expect(visited.page.locator("body")).not_to_have_attribute("data-version", "an older one")
        visited.live()


def test_a_page_without_a_sign_of_life_says_that_it_is_old(browser: Browser, site: Site) -> None:
    with visit(browser, "about:blank") as visited:
        page = visited.page
        page.clock.install()
        page.goto(site.url)
        visited.live()
        page.context.set_offline(True)  # what is open stays open, and says nothing
        page.route("**/*", lambda route: route.abort())
        page.clock.run_for(26_000)
        visited.old()
        expect(page.get_by_role("alert")).to_contain_text("What is shown here is old")


def test_ages_go_on_by_themselves(browser: Browser, site: Site) -> None:
    site.show(failing(now=AT + 110))
    with visit(browser, "about:blank") as visited:
        visited.page.clock.install()
        visited.page.goto(site.url)
        age = visited.page.locator("article .age").first
        expect(age).to_have_text("1 min ago")
        visited.page.clock.run_for(15_000)
        expect(age).to_have_text("2 min ago")


def test_with_scripts_off_everything_is_there_and_the_page_renews_itself(
    browser: Browser, site: Site
) -> None:
    with visit(browser, site.url, java_script_enabled=False) as visited:
        page = visited.page
        expect(page.locator("h1")).to_have_text("Not ready")
        expect(page.locator("article .age").first).to_have_text("1 min ago")
        expect(page.locator("meta[http-equiv=refresh]")).to_have_attribute("content", "10")
        expect(page.locator("#asof noscript")).to_be_visible()
        expect(page.get_by_role("button", name="copy")).to_have_count(0)
        page.locator("#c-envoy\\.server summary").click()
        expect(page.locator("#c-envoy\\.server").get_by_text("looked at")).to_be_visible()


@pytest.mark.parametrize("path", ["/sub/path/", "/sub/"])
def test_it_works_below_another_path_of_a_proxy(browser: Browser, site: Site, path: str) -> None:
    with visit(browser, "about:blank") as visited:
        page = visited.page
        inner = site.url.rstrip("/")
        page.route(
            f"**{path}**",
            lambda route: (
                route.continue_(url=inner + route.request.url.partition(path[:-1])[2])
                if "events" not in route.request.url
                else route.abort()
            ),
        )
        page.goto(f"{inner}{path}")
        expect(page.locator("h1")).to_have_text("Not ready")
        visited.old()  # its events are looked for below the same path, where this proxy refuses them
        assert all(path in asked for asked in visited.asked if not asked.startswith("data:"))


def test_warnings_alone_leave_it_ready(browser: Browser, site: Site) -> None:
    shown = healthy()
    site.show(
        replace(
            shown,
            status=observe(shown.status, "certificates_current", warned("expiring", "soon", SEEN), at=AT),
        )
    )
    with visit(browser, site.url) as visited:
        expect(visited.page.locator("h1")).to_have_text("Ready")
        expect(visited.page.locator(".besides")).to_contain_text("certificates_current expiring")
