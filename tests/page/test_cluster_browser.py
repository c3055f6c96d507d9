"""The page of the cluster in a real browser: who can read it, what it takes over, and what somebody did with it stays."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page, expect

from pomhealth.publish.view import View
from tests.page import clusters
from tests.page.browsing import DESKTOP, NARROW, PHONE, visit
from tests.page.clusters import READ_ONLY, account, member, roster, uuid
from tests.page.example import healthy
from tests.page.site import Site, serving
from tests.page.test_browser import violations


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving(clusters.ill()) as site:
        yield site


def opened(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => (one.open = true))")


def address(site: Site) -> str:
    return f"{site.url}replicas"


def of(number: int, *failing: int) -> View:
    """So many replicas, of which these fail."""
    members = (
        member(
            one, account(f"web-{one:02d}", *([READ_ONLY] if one in failing else []), ready=one not in failing)
        )
        for one in range(1, number + 1)
    )
    return healthy(roster=roster(*members))


VIEWS = {
    "healthy": clusters.well(),
    "failing": clusters.ill(),
    "incomplete": clusters.incomplete(),
    "off": healthy(),
}
STATES = [
    pytest.param(state, size, scheme, id=f"{state}-{name}-{scheme}")
    for state in ("healthy", "failing", "incomplete")
    for name, size in (("desktop", DESKTOP), ("phone", PHONE))
    for scheme in ("light", "dark")
]


@pytest.mark.parametrize(
    ("state", "size", "scheme"), [*STATES, pytest.param("off", DESKTOP, "light", id="off")]
)
def test_axe_finds_nothing(
    browser: Browser, site: Site, state: str, size: tuple[int, int], scheme: str
) -> None:
    site.show(VIEWS[state])
    with visit(browser, address(site), size, color_scheme=scheme) as visited:
        visited.live()
        opened(visited.page)
        assert violations(visited.page) == []


@pytest.mark.parametrize(
    "size", [DESKTOP, (900, 700), PHONE, NARROW], ids=["desktop", "tablet", "phone", "320"]
)
def test_nothing_is_wider_than_the_screen(browser: Browser, site: Site, size: tuple[int, int]) -> None:
    wide = account("a" * 80 + ".example.com", READ_ONLY, ready=False, pomerium="9" * 60, config="f" * 64)
    shown = clusters.ill()
    members = (member(9, wide), *shown.roster.members)
    site.show(replace(shown, roster=replace(shown.roster, members=members)))
    with visit(browser, address(site), size) as visited:
        visited.live()
        opened(visited.page)
        assert visited.page.evaluate("document.documentElement.scrollWidth") == size[0]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_it_is_a_table_with_headers_however_it_is_drawn(
    browser: Browser, site: Site, size: tuple[int, int]
) -> None:
    site.show(clusters.well())
    with visit(browser, address(site), size) as visited:
        visited.live()
        tree = visited.page.context.new_cdp_session(visited.page).send("Accessibility.getFullAXTree")
        roles = [one["role"]["value"] for one in tree["nodes"] if not one["ignored"]]
        assert (roles.count("table"), roles.count("row")) == (1, 4)
        assert (roles.count("columnheader"), roles.count("rowheader"), roles.count("cell")) == (6, 3, 15)


def test_what_turns_is_taken_over_without_a_reload_and_the_title_tells_it(
    browser: Browser, site: Site
) -> None:
    site.show(of(3))
    with visit(browser, address(site)) as visited:
        page = visited.page
        visited.live()
        page.evaluate("window.loaded = 'once'")
        expect(page).to_have_title("✓ All 3 replicas are ready · pomhealth")
        site.show(of(3, 2))
        expect(page.locator("h1")).to_have_text("3 replicas, 2 ready")
        expect(page.locator("tbody tr").first).to_contain_text("storage.backend fails: read-only")
        expect(page).to_have_title("! 3 replicas, 2 ready · pomhealth")
        expect(page.get_by_role("status")).to_have_text("! 3 replicas, 2 ready · pomhealth")
        site.show(clusters.incomplete())
        expect(page.locator("h1")).to_have_text("This view is incomplete")
        site.show(of(3))
        expect(page.locator("h1")).to_have_text("All 3 replicas are ready")
        assert page.evaluate("window.loaded") == "once"
        assert visited.origins() == {site.url.rstrip("/")}
        assert visited.troubles == []


def row(number: int) -> str:
    return f"#r-{uuid(number)}"


@pytest.mark.parametrize("number", [4, 40], ids=["few", "many"])
def test_what_somebody_opened_stays_open_wherever_its_row_goes(
    browser: Browser, site: Site, number: int
) -> None:
    site.show(of(number, 1))
    with visit(browser, address(site)) as visited:
        page = visited.page
        visited.live()
        last = page.locator(row(number))
        last.locator("summary").click()
        first = page.locator(row(1))
        first.locator("summary").click()
        site.show(of(number, number))
        expect(page.locator("tbody tr").first).to_have_attribute("id", f"r-{uuid(number)}")
        expect(last.locator("details")).to_have_attribute("open", "")
        expect(first.locator(".st").first).to_have_text("ready")
        expect(first.locator("details")).to_have_attribute("open", "")
        expect(page.locator("tbody tr")).to_have_count(number)
        hosts = page.locator("tbody th").all_inner_texts()
        assert len(set(hosts)) == number


def test_focus_stays_with_the_row_that_moves_up(browser: Browser, site: Site) -> None:
    site.show(of(40))
    with visit(browser, address(site)) as visited:
        page = visited.page
        visited.live()
        page.locator(f"{row(25)} summary").focus()
        site.show(of(40, 25))
        expect(page.locator("tbody tr").first).to_contain_text("web-25")
        assert page.evaluate("document.activeElement.closest('tr').id") == f"r-{uuid(25)}"


def test_the_keyboard_reaches_what_to_do_and_opens_a_row(browser: Browser, site: Site) -> None:
    site.show(clusters.ill())
    with visit(browser, address(site)) as visited:
        page = visited.page
        visited.live()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to what to do now")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#now")).to_be_focused()
        row_ = page.locator(row(2))
        row_.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(row_.get_by_text(uuid(2))).to_be_visible()


def test_a_sign_of_life_shows_as_an_age(browser: Browser, site: Site) -> None:
    before = of(3)
    site.show(before)
    with visit(browser, address(site)) as visited:
        visited.live()
        age = visited.page.locator(f"{row(2)} .age")
        expect(age).to_have_text(re.compile(r"^\d+ s ago$"))
        stamp = age.get_attribute("datetime")
        members = tuple(replace(one, last_seen=one.last_seen + 2) for one in before.roster.members)
        site.show(replace(before, roster=replace(before.roster, members=members)))
        expect(age).not_to_have_attribute("datetime", str(stamp))


def test_the_long_silent_are_shown_on_demand_and_left_out_again(browser: Browser, site: Site) -> None:
    site.show(clusters.ill())
    with visit(browser, address(site)) as visited:
        page = visited.page
        visited.live()
        expect(page.locator("tbody").get_by_text("web-7")).to_have_count(0)
        page.get_by_role("link", name="Show it too").click()
        visited.live()
        expect(page.locator("tbody").get_by_text("web-7")).to_be_visible()
        site.show(clusters.well())
        expect(page.locator("h1")).to_have_text("All 3 replicas are ready")
        page.get_by_role("link", name="Leave them out").click()
        expect(page).to_have_url(address(site))


def test_the_replicas_page_leads_there_and_back(browser: Browser, site: Site) -> None:
    site.show(clusters.ill())
    with visit(browser, site.url) as visited:
        page = visited.page
        visited.live()
        page.get_by_role("link", name="Cluster: 2 of 8 ready").click()
        visited.live()
        expect(page.locator("h1")).to_have_text("6 replicas, 2 ready")
        page.get_by_role("link", name="This agent's own replica").click()
        expect(page.locator("h1")).to_have_text("Ready")
        site.show(clusters.well())
        expect(page.get_by_role("link", name="Cluster: 3 of 3 ready")).to_be_visible()


def test_both_pages_are_kept_up_to_date_beside_each_other(browser: Browser, site: Site) -> None:
    site.show(of(3))
    with visit(browser, site.url) as one, visit(browser, address(site)) as other:
        one.live()
        other.live()
        site.show(of(3, 3))
        expect(other.page.locator("h1")).to_have_text("3 replicas, 2 ready")
        expect(one.page.locator(".cluster")).to_have_text("Cluster: 2 of 3 ready")
        assert one.troubles == other.troubles == []


def test_the_page_says_that_it_is_old_when_the_agent_is_away(browser: Browser) -> None:
    with serving(clusters.well()) as site, visit(browser, address(site)) as visited:
        visited.live()
        site.close()
        visited.old()
        expect(visited.page.get_by_role("alert")).to_contain_text("What is shown here is old, as of ")
        site.show(clusters.ill())
        site.renew()
        visited.live()
        expect(visited.page.locator("h1")).to_have_text("6 replicas, 2 ready")


def test_with_scripts_off_everything_is_there_and_the_page_renews_itself(
    browser: Browser, site: Site
) -> None:
    site.show(clusters.ill())
    with visit(browser, address(site), java_script_enabled=False) as visited:
        page = visited.page
        expect(page.locator("h1")).to_have_text("6 replicas, 2 ready")
        expect(page.locator(f"{row(4)} .age")).to_have_text("10 min ago")
        expect(page.locator("meta[http-equiv=refresh]")).to_have_attribute("content", "10")
        page.locator(f"{row(4)} summary").click()
        expect(page.locator(row(4)).get_by_text(uuid(4))).to_be_visible()


def test_two_thousand_replicas_are_taken_over_too(browser: Browser, site: Site) -> None:
    shown = clusters.many(2000)
    site.show(shown)
    with visit(browser, address(site)) as visited:
        page = visited.page
        visited.live()
        expect(page.locator("h1")).to_have_text("All 2,000 replicas are ready")
        ill = replace(shown.roster.members[-1], account=account("web-01999", READ_ONLY, ready=False))
        site.show(replace(shown, roster=replace(shown.roster, members=(*shown.roster.members[:-1], ill))))
        expect(page.locator("h1")).to_have_text("2,000 replicas, 1,999 ready")
        expect(page.locator("tbody tr").first).to_contain_text("web-01999")
        assert visited.troubles == []
