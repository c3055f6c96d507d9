"""Every line of a report fits, whatever is found and however long its names are; only a command may be longer."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from pomhealth.catalogue import catalogue
from pomhealth.catalogue.load import Cause, Check
from pomhealth.replica.model import Endpoint, Holder, Options, Platform
from pomhealth.report.items import items
from pomhealth.report.reference import listing, page
from pomhealth.report.style import Style, style_for
from pomhealth.report.text import render
from pomhealth.report.wrapping import columns
from pomhealth.status import Component, Evidence, Finding, Gate, Outcome, Report, StatusMap, observe, report
from tests.report.example import CATALOGUE, READ_ONLY, REPLICA, status

WIDTHS = [40, 60, 80, 100]
HOST = ".".join(["a-rather-long-name-of-a-department"] * 7)
COMMAND = re.compile(r"\s*(\d+\. )?[(]?`[^`]*`[).,;:]*")
EXPLAIN = re.compile(r"\s*(More: )?pomhealth explain \S*")
CAUSES = [(check, cause) for check in catalogue() for cause in check.causes.values()]
LONG = replace(
    REPLICA,
    options=Options(path="/srv/" + "a-directory/" * 12 + "pomerium.yaml"),
    endpoints=(Endpoint("address", "2001:db8:1111:2222:3333:4444:5555:6666", 8443, Holder.ENVOY, "default"),),
    missing={"environment": f"/proc/1/environ cannot be read: run it as the user of {HOST}"},
)


def misfits(text: str, width: int) -> list[str]:
    """The lines that are too long, and no command on a line of its own."""
    return [
        line
        for line in text.splitlines()
        if columns(line) > width and not COMMAND.fullmatch(line) and not EXPLAIN.fullmatch(line)
    ]


def found(check: Check, cause: Cause) -> Finding:
    """Such a finding, with long values and letters that take two columns wherever it has any."""
    seen = Evidence(f"https://{HOST}/{'x' * 300}", "読み取り専用" * 20, "an answer " * 30)
    return Finding(
        cause.outcome,
        f"{HOST} does not do what {check.id} asks for",
        cause.code,
        (seen, Evidence("db:5432", "on", "off")),
        (f"Look at it first: `curl --head https://{HOST}/`.",),
        names=(("PID", "4194304"), ("NAME", HOST)),
    )


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("platform", ["", "kubernetes"])
def test_every_cause_of_every_check_fits(width: int, platform: str) -> None:
    for check, cause in CAUSES:
        id_ = check.id.replace("<name>", HOST)
        map_ = StatusMap({id_: Component(id_, check.gate, measures=True)})
        map_ = observe(map_, id_, found(check, cause), at=1.0)
        tops = items(map_, catalogue(), (), Platform(platform, "", (("POD", HOST),)))
        assert misfits(render(tops, LONG, Style(width=width)), width) == []


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_of_a_check_with_a_long_name_fits(width: int, outcome: Outcome) -> None:
    ids = [f"zero.resource-bundle.{HOST}", "identity-provider.読み取り専用" * 3, "short"]
    map_ = StatusMap({id_: Component(id_, Gate.READY, measures=True) for id_ in ids})
    for id_ in ids:
        map_ = observe(map_, id_, Finding(outcome, f"{HOST}: {'far away ' * 20}"), at=1.0)
    said = {ids[0]: Report("RUNNING", f"{HOST} says otherwise")}
    map_ = report(map_, said, {}, at=2.0)
    told = render(items(map_, CATALOGUE), LONG, Style(width=width))
    assert misfits(told, width) == []
    assert "short" in told


@pytest.mark.parametrize("width", WIDTHS)
def test_a_command_is_never_broken_and_has_a_line_of_its_own_where_it_is_long(width: int) -> None:
    command = "`journalctl -u pomerium | grep -e 'error building' -e 'validating settings' -e 'refused to'`"
    map_ = status(storage__backend=replace(READ_ONLY, steps=(f"Read it in its log: {command} tells.",)))
    told = render(items(map_, CATALOGUE), REPLICA, Style(width=width))
    assert command in [line.strip() for line in told.splitlines()] or len(command) < width
    assert command in told
    assert misfits(told, width) == []


def test_colours_change_no_line_break() -> None:
    map_ = status(storage__backend=READ_ONLY)
    for width in WIDTHS:
        coloured = render(items(map_, CATALOGUE), LONG, Style(colour=True, width=width))
        plain = render(items(map_, CATALOGUE), LONG, Style(width=width))
        assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


@pytest.mark.parametrize("width", [80, 100])
def test_so_do_the_catalogue_s_own_pages(width: int) -> None:
    style = Style(width=width)
    told = [listing(catalogue(), style), *(page(check, check.id, style) for check in catalogue())]
    told += [page(check, check.id, style, cause.code) for check, cause in CAUSES]
    assert [line for text in told for line in misfits(text, width)] == []


@pytest.mark.parametrize(
    ("said", "width"), [("60", 60), ("80", 80), ("120", 100), ("7", 40), ("", 80), ("x", 80)]
)
def test_columns_says_how_wide_it_is_where_there_is_no_terminal(
    said: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", said)
    assert style_for(io.StringIO()).width == width
