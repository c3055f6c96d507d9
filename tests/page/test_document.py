"""The page as a document, without a browser: what it says, and what it never says."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from pomhealth.blocking import Workers
from pomhealth.history.model import Past, Turn, Watch
from pomhealth.publish import page
from pomhealth.publish.browser import REPLICA, Drawn
from pomhealth.publish.message import Request
from pomhealth.publish.routes import answer
from pomhealth.publish.view import View
from pomhealth.replica.model import Platform
from pomhealth.report.origins import Line, Section
from pomhealth.status import (
    Component,
    Evidence,
    Gate,
    Outcome,
    Report,
    StatusMap,
    failed,
    not_applicable,
    observe,
    unseen,
)
from pomhealth.status import passed as well
from tests.page import drawn
from tests.page.example import NOW, failing, healthy, past
from tests.publish.views import AT, view

NEED_A_CLUSTER = (
    "cluster_certificates_match",
    "cluster_clocks_agree",
    "cluster_ids_unique",
    "cluster_registry",
)
EVIL = 'x"><script>alert(1)</script>\u202egnp.\x1b[31m\udc80&'


class Text(HTMLParser):
    """The text of a document, and each of its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_data(self, data: str) -> None:
        self.said.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("dt", "dd", "p", "li"):
            self.said.append(" ")


def read(shown: View) -> Text:
    text = Text()
    text.feed(drawn.page(shown).decode())
    return text


def said(shown: View) -> str:
    return " ".join("".join(read(shown).said).split())


def part(shown: View, id_: str) -> str:
    text = Text()
    text.feed(drawn.parts(shown)[id_])
    return " ".join("".join(text.said).split())


def test_the_verdict_says_ready_and_counts() -> None:
    verdict = part(healthy(), "part-verdict")
    assert "Ready" in verdict
    assert re.search(r"(\d+) checks: \1 passed", verdict), verdict


def test_the_verdict_names_what_keeps_the_replica_from_being_ready_and_what_else_is_to_be_seen_to() -> None:
    verdict = part(failing(), "part-verdict")
    assert "Not ready Because of storage.backend read-only" in verdict
    assert "To see to besides: certificates_current expiring, cluster_version_current outdated" in verdict
    assert "Notice the settings cannot be read" in verdict
    assert "Pomerium 0.33.1, pid 812, 0.0.0.0:443" in verdict


def test_the_verdict_says_that_a_restart_would_help_where_liveness_fails() -> None:
    hung = failed("hung", "hung", Evidence("it", "silence", "an answer"))
    assert "/healthz answers 503 too" in part(view({"pomerium.process": hung}), "part-verdict")


def test_what_was_not_looked_at_yet_is_starting() -> None:
    shown = view({"pomerium.process": well("fine"), "storage.backend": None})
    assert "Starting 1 of 2 checks that count have been looked at." in part(shown, "part-verdict")


def test_an_agent_that_sees_nothing_does_not_know() -> None:
    shown = view(
        {"pomerium.process": unseen("no right"), "storage.backend": unseen("no right")}, started=True
    )
    assert "Not known Nothing that readiness depends on can be seen" in part(shown, "part-verdict")


def test_a_replica_that_is_partly_unseen_is_ready_as_far_as_can_be_seen() -> None:
    shown = view({"pomerium.process": well("fine"), "storage.backend": unseen("no right")}, started=True)
    assert "Ready, as far as can be seen from here" in part(shown, "part-verdict")


def test_a_drain_stands_in_the_verdict_and_with_what_is_left_among_the_facts() -> None:
    drain = {
        "summary": "taken out of rotation (`pomhealth drain` asked for it): 3 connections open",
        "state": "3 connections open",
        "connections": 3,
        "requests": 0,
    }
    shown = healthy(drain=drain)
    assert "Draining The replica is taken out of rotation" in part(shown, "part-verdict")
    assert "Drain 3 connections open Connections left 3 Requests left 0" in part(shown, "part-facts")


def test_an_alert_has_meaning_evidence_curer_steps_followers_and_the_command_that_explains_it() -> None:
    now = part(failing(), "part-now")
    for told in (
        "storage.backend fails: read-only",
        "stops /readyz; since 2027-01-15 08:00:00 UTC",
        "The server answers but takes no writes",
        "seen it runs read-only",
        "expected a server that takes writes",
        "source 10.0.0.9:5432/pomerium as pomerium",
        "The replica itself reports otherwise: RUNNING",
        "To do, by whoever runs the database:",
        "psql -c 'ALTER SYSTEM RESET default_transaction_read_only'",
        "pomhealth explain storage.backend/read-only",
    ):
        assert told in now, told


def test_alerts_stand_worst_first() -> None:
    ids = re.findall(r'<article id="a-([^"]+)"', drawn.parts(failing())["part-now"])
    assert ids == ["storage.backend", "certificates_current", "cluster_version_current"]


def test_followers_are_named_by_their_root_and_link_to_it() -> None:
    shown = failing()
    followers = shown.status.entries["storage.backend"].followers
    assert followers
    assert f"Not judged while it fails: {', '.join(followers)}." in part(shown, "part-now")
    assert "It follows storage.backend" in part(shown, "part-area-storage")


def test_steps_that_differ_by_platform_stand_for_each_where_it_is_not_known() -> None:
    gone = failed("not-running", "gone", Evidence("it", "nothing", "a process"))
    shown = view({"pomerium.process": gone})
    assert "Kubernetes" in part(shown, "part-now")
    docker = replace(shown, platform=Platform("docker", "", (("NAME", "pom"),)))
    assert "Kubernetes" not in part(docker, "part-now")
    assert "docker start pom" in part(docker, "part-now")


def test_what_cannot_be_seen_names_the_right_that_is_lacking() -> None:
    row = part(failing(), "part-area-configuration")
    assert "config.databroker.build not seen" in row
    assert "reading it needs the group pomerium" in row


def test_what_does_not_apply_is_listed_with_the_reason() -> None:
    assert "zero.connect this replica is not in Pomerium Zero mode" in part(failing(), "part-without")


def test_a_check_that_nobody_knows_has_a_place_of_its_own() -> None:
    shown = view({"pomerium.process": well("fine")}, {"brand.new": Report("RUNNING", "it is not")})
    assert "brand.new" in part(shown, "part-area-told-by-the-replica-alone")
    assert "pomhealth explain brand.new" not in said(shown)


def test_certificates_stand_by_the_days_that_they_have_left_and_those_that_cannot_be_read_first() -> None:
    listed = part(failing(), "part-certificates")
    order = (
        "old.example.com cannot be read",
        "soon.example.com 3 days left",
        "long.example.com 60 days left",
    )
    places = [listed.find(one) for one in order]
    assert -1 not in places, listed
    assert places == sorted(places)
    assert "it is no certificate" in listed


def test_the_last_changes_are_told_without_first_looks_that_passed() -> None:
    told = part(failing(), "part-changes")
    assert "storage.backend fail: read-only after 1 h 6 min of pass; 1 more follow it" in told
    assert "envoy.server" not in told


def test_each_value_comes_with_its_origin() -> None:
    told = part(failing(), "part-origins")
    assert "listen 127.0.0.1:28081 default" in told
    assert "idp_scopes openid, email /etc/pomerium/config.yaml:9" in told


def test_the_replica_and_the_agent_are_told_of() -> None:
    facts = part(failing(), "part-facts")
    for fact in ("Process pid 812", "Envoy pid 830", "Storage postgres", "Agent pomhealth", "443"):
        assert fact in facts
    assert "late by 0.3 s" in part(failing(), "part-lag")


def test_a_strip_tells_in_words_what_it_draws() -> None:
    row = part(failing(), "part-area-storage")
    hour = (
        "last hour failed (read-only) in 2 of 60 minutes, last 08:00 UTC;"
        " failed (timeout) in 4, last 07:31 UTC; else passed"
    )
    assert hour in row, row
    assert "failed (read-only) in 1 of 48 half hours" in row


@pytest.mark.parametrize(
    ("outcome", "height"),
    [(Outcome.FAIL, 5), (Outcome.WARN, 7), (Outcome.UNKNOWN, 6), (Outcome.SKIPPED, 6), (Outcome.PASS, 9)],
)
def test_each_outcome_lies_at_a_height_of_its_own_and_what_stays_so_is_one_line(
    outcome: Outcome, height: int
) -> None:
    shown = healthy(past=past("envoy.server", (90000, outcome, "")))
    row = drawn.parts(shown)["part-area-envoy"]
    assert f'<path class="{outcome.value}" d="M0 {height}h60"/>' in row


def test_without_a_past_there_are_no_strips() -> None:
    assert "last hour" not in said(healthy())


def test_times_are_absolute_and_their_age_is_in_words_as_of_the_page() -> None:
    document = drawn.page(failing()).decode()
    assert '<time datetime="2027-01-15T08:00:00Z">2027-01-15 08:00:00 UTC</time>' in document
    assert '<time class="age" datetime="2027-01-15T08:00:00Z">1 min ago</time>' in document
    assert 'data-of="envoy.server" datetime="2027-01-15T08:00:00Z">1 min ago' in document
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in document


def test_parts_are_the_same_while_only_time_passes() -> None:
    shown = failing()
    later = replace(shown, now=shown.now + 7)
    assert drawn.parts(shown) == drawn.parts(later)


def test_a_look_that_finds_the_same_changes_only_when_it_was_looked_at() -> None:
    before = healthy()
    looked = observe(before.status, "envoy.server", well("all is well"), at=AT + 80)
    after = replace(before, status=looked)
    first, second = drawn.parts(before), drawn.parts(after)
    assert {id_ for id_ in first if first[id_] != second[id_]} == {"part-looked"}


def test_there_are_the_same_parts_whatever_the_view() -> None:
    assert drawn.parts(view({})).keys() == drawn.parts(failing()).keys()


@pytest.mark.parametrize("shown", [healthy(), failing(), view({})], ids=["healthy", "failing", "empty"])
def test_each_part_is_an_element_of_the_page_with_its_id(shown: View) -> None:
    ids = [attributes["id"] for _, attributes in read(shown).tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for id_, html in drawn.parts(shown).items():
        assert ids.count(id_) == 1
        text = Text()
        text.feed(html)
        assert text.tags[0][1]["id"] == id_


def test_nothing_that_was_observed_becomes_markup() -> None:
    bad = failed("read-only", EVIL, Evidence(EVIL, EVIL, EVIL), steps=(f"Do `rm {EVIL}` and {EVIL}",))
    shown = failing(
        notice=EVIL,
        replica={**failing().replica, "config": EVIL, "not_seen": {EVIL: EVIL}},
    )
    shown = replace(shown, status=observe(shown.status, "storage.backend", bad, at=AT))
    status = dict(shown.status.components)
    status[EVIL] = Component(EVIL, Gate.READY, reported=Report(EVIL, EVIL, ((EVIL, EVIL),), required=True))
    shown = replace(shown, status=StatusMap(status))
    document = drawn.page(shown).decode()
    text = read(shown)
    assert [tag for tag, _ in text.tags].count("script") == 1
    assert not [name for _, attributes in text.tags for name in attributes if name.startswith("on")]
    assert not [attributes for _, attributes in text.tags if "style" in attributes]
    for hidden in ("\u202e", "\x1b", "\udc80"):
        assert hidden not in document
    assert "alert(1)" in document  # it is shown, as what it is


def asked(path: str, accept: str, method: str = "GET") -> Request:
    return Request(method, path, (), accept, keep=True, body=False)


BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def test_a_browser_gets_the_page_and_curl_the_list_of_pages() -> None:
    assert answer(asked("/", BROWSER), healthy()).page
    whole = Drawn(Workers()).page(REPLICA, healthy(), "", drawn.parts(healthy()))
    assert whole.kind.startswith("text/html")
    plain = answer(asked("/", "*/*"), healthy())
    assert plain.kind.startswith("text/plain")
    assert b"/readyz" in plain.body
    assert ("Vary", "Accept") in plain.headers


@pytest.mark.parametrize("path", ["/", "/page.css", "/page.js", "/replicas.css"])
def test_what_belongs_to_the_page_comes_with_a_strict_policy(path: str) -> None:
    browser = Drawn(Workers())
    shown = (
        browser.page(REPLICA, healthy(), "", drawn.parts(healthy())) if path == "/" else browser.file(path)
    )
    headers = dict(shown.headers)
    assert headers["Content-Security-Policy"].startswith(
        "default-src 'none'; style-src 'self'; script-src 'self'"
    )
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_every_address_in_the_page_is_relative() -> None:
    for _, attributes in read(failing()).tags:
        for name in ("href", "src"):
            address = attributes.get(name) or ""
            assert not address.startswith(("/", "http")), address


def test_everything_together_is_small_with_every_check_failing() -> None:
    shown = failing()
    status = shown.status
    for check in shown.catalogue:
        if check.causes and check.id in status.components:
            wordy = max(
                check.causes.values(), key=lambda cause: len("".join(step.text for step in cause.steps))
            )
            bad = failed(wordy.code, "s" * 100, Evidence("o" * 40, "o" * 60, "e" * 30))
            status = observe(status, check.id, bad, at=AT)
    options = tuple(Line(f"{number:020}", "v" * 30, "/etc/pomerium/config.yaml:9") for number in range(60))
    flapping = tuple(
        Turn(NOW - ago, "", (Outcome.PASS, Outcome.FAIL)[ago // 600 % 2], "timeout")
        for ago in range(6000, 0, -600)
    )
    pasts = Past(dict.fromkeys(status.components, flapping), (Watch(NOW - 90000, NOW),))
    shown = replace(
        shown,
        status=status,
        platform=Platform("kubernetes"),
        sections=(Section("options", options),),
        past=pasts,
    )
    for id_ in NEED_A_CLUSTER:
        status = observe(status, id_, not_applicable("the cluster view is off"), at=AT)
    shown = replace(shown, status=status)
    assets = sum(len(page.ASSETS[path][1]) for path in ("/page.css", "/page.js"))
    assert len(drawn.page(shown)) + assets < 100 * 1024


def test_the_moment_of_the_view_is_the_moment_of_the_page() -> None:
    assert f'data-now="{NOW}"' in drawn.page(healthy(), "boot-7").decode()
    assert 'data-event="boot-7"' in drawn.page(healthy(), "boot-7").decode()
