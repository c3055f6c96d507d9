"""An agent's two forms of /status, and its /readyz, never disagree: whichever a client reads, it judges the same."""

from __future__ import annotations

import pytest

from pomhealth.client import judge
from pomhealth.client.answer import read
from pomhealth.publish import render
from pomhealth.publish.view import View
from pomhealth.status import Component, Finding, Gate, Report, StatusMap, failed
from tests.findings import SEEN
from tests.report.example import CATALOGUE, HUNG, IN_MEMORY, READ_ONLY, UNREADABLE, status

REJECTED = failed("rejected", "Envoy refused it", SEEN)
PENDING = status().with_component(Component("xds.listener", Gate.READY, measures=True))
BLIND = status(None, **{check.id.replace(".", "__"): UNREADABLE for check in CATALOGUE})
MAPS = {
    "healthy": status(),
    "failing": status(storage__backend=READ_ONLY),
    "warned": status(persistent_backend=IN_MEMORY),
    "told only": status(persistent_backend=failed("lost", "it is lost", SEEN)),
    "with followers": status(envoy__server=HUNG, xds__listener=REJECTED),
    "unseen": status(storage__backend=UNREADABLE),
    "pending": PENDING,
    "reported, unknown here": status(
        {"recording.handler": Report("RUNNING", "no space left", required=True)}
    ),
    "reported, not required": status({"recording.handler": Report("RUNNING", "no space left")}),
}


@pytest.mark.parametrize("map_", MAPS.values(), ids=MAPS.keys())
@pytest.mark.parametrize("exclude", [[], ["storage.backend"], ["xds.listener", "recording.handler"]], ids=str)
def test_lines_json_and_readyz_agree(map_: StatusMap, exclude: list[str]) -> None:
    view = View(map_, CATALOGUE)
    lines, document = (read(form(view)) for form in (render.lines, render.status))
    by_lines = judge(lines, [], exclude)
    assert by_lines.healthy == judge(document, [], exclude).healthy
    assert by_lines.healthy == render.is_open(view, "ready", exclude)


def test_what_follows_from_an_excluded_root_is_not_taken_for_well() -> None:
    """As Pomerium's own client judges: the entry is UNKNOWN, and nobody excluded it."""
    view = View(MAPS["with followers"], CATALOGUE)
    for form in (render.lines, render.status):
        verdict = judge(read(form(view)), [], ["envoy.server"])
        assert [row.id for row in verdict.failing] == ["xds.listener"]
        assert judge(read(form(view)), [], ["envoy.server", "xds.listener"]).healthy


@pytest.mark.parametrize("map_", [StatusMap(), BLIND])
def test_an_agent_that_sees_nothing_that_counts_is_not_healthy(map_: StatusMap) -> None:
    for form in (render.lines, render.status):
        verdict = judge(read(form(View(map_, CATALOGUE))), [], [])
        assert not verdict.healthy


def test_the_first_step_of_just_this_case_is_what_is_told() -> None:
    (row,) = judge(read(render.lines(View(status(envoy__server=HUNG), CATALOGUE))), [], []).failing
    assert (row.id, row.cause, row.fix[0]) == ("envoy.server", "hung", "Let it go on: `kill -CONT 4250`.")


def test_tabs_and_line_breaks_in_what_was_seen_do_not_tear_a_line() -> None:
    torn: Finding = failed("read-only", "one\ttwo\nthree", SEEN, steps=("first\nstep",))
    (row,) = judge(read(render.lines(View(status(storage__backend=torn), CATALOGUE))), [], []).failing
    assert (row.summary, row.fix[0]) == ("one two three", "first step")
