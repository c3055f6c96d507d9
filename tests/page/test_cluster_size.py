"""The page of the cluster stays small, and nobody waits while it is drawn, however many replicas there are."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from pomhealth.cluster.model import Ailment
from pomhealth.publish import members, page
from pomhealth.publish.browser import EVERY_REPLICA, REPLICA, REPLICAS
from pomhealth.publish.page.cluster import render, survey
from pomhealth.publish.page.cluster import rows as rows_
from pomhealth.publish.view import View
from pomhealth.status import failed, observe
from tests.page import clusters, drawn
from tests.page.clusters import EXPIRING, READ_ONLY, SEEN, account
from tests.page.example import NOW
from tests.page.test_cluster_document import part, rows


def bytes_of(shown: View, document: str = REPLICAS) -> int:
    """Of everything that a browser loads."""
    return len(drawn.page(shown, document=document)) + sum(len(body) for _, body in page.ASSETS.values())


LONG = Ailment("i" * 300, "fail", "c" * 300, "ready", "<" * 300)
HUGE = account("", *(LONG,) * 200, ready=False, addresses={f"{one}" + "<" * 300: "&" * 300 for one in range(200)}, pomerium='"' * 300, envoy="<" * 300, agent="<" * 300, config="<" * 300, metrics="<" * 300)  # fmt: skip


@pytest.mark.parametrize("document", [REPLICAS, EVERY_REPLICA])
@pytest.mark.parametrize(
    "shown",
    [
        clusters.many(2000),
        clusters.many(2000, account("", READ_ONLY, EXPIRING, ready=False)),
        clusters.many(2000, HUGE),
        clusters.many(3, HUGE),
    ],
    ids=["healthy", "failing", "hostile", "few"],
)
def test_everything_together_is_small_however_many_replicas_there_are(shown: View, document: str) -> None:
    assert bytes_of(shown, document) < 100 * 1024
    assert rows(shown, document)


def test_everything_together_is_small_with_all_that_can_be_said_of_the_cluster() -> None:
    shown = clusters.many(2000)
    status = shown.status
    for check in shown.catalogue:
        if check.id.startswith("cluster_") and check.causes and check.id in status.components:
            wordy = max(
                check.causes.values(), key=lambda cause: len("".join(step.text for step in cause.steps))
            )
            status = observe(status, check.id, failed(wordy.code, "s" * 100, SEEN), at=NOW - 60)
    shown = replace(shown, status=status)
    assert len(re.findall("<article", drawn.parts(shown, REPLICAS)["part-now"])) > 3
    assert bytes_of(shown) < 100 * 1024
    assert rows(shown)


def test_those_without_a_row_are_summed_up() -> None:
    shown = clusters.many(2000)
    left = 2000 - len(rows(shown))
    assert 0 < left < 2000
    assert part(shown, "rest") == f"{left:,} more are ready. pomhealth replicas lists every one."
    mixed = [replace(one, account=account("z", READ_ONLY, ready=False)) for one in shown.roster.members[:900]]
    ill = replace(shown, roster=replace(shown.roster, members=(*mixed, *shown.roster.members[900:])))
    drawn_ = len(rows(ill))
    assert f"{2000 - drawn_:,} more: {900 - drawn_:,} not ready, 1,100 ready." in part(ill, "rest")


class Counting:
    """Counts how many rows are made, and how many replicas are looked at, between two turns of others."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done = 0
        make, look = rows_.row, members.state

        def counted_row(*given: Any, **named: Any) -> Any:
            self.done += 1
            return make(*given, **named)

        def counted_state(*given: Any) -> Any:
            self.done += 1
            return look(*given)

        monkeypatch.setattr(render, "row", counted_row)
        monkeypatch.setattr(survey, "state", counted_state)


@pytest.mark.parametrize("document", [REPLICA, REPLICAS, EVERY_REPLICA])
def test_others_have_their_turn_after_a_few_rows_and_a_few_hundred_replicas(
    monkeypatch: pytest.MonkeyPatch, document: str
) -> None:
    counting = Counting(monkeypatch)
    shown = clusters.many(2000, account("", READ_ONLY, ready=False))
    most = 0
    for made in page.parts(document, shown):
        limit = survey.AT_A_TIME if made is None else render.AT_A_TIME
        assert counting.done <= limit
        most, counting.done = max(most, counting.done), 0
    assert most == survey.AT_A_TIME
