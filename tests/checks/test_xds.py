"""What Envoy's counters and config dumps mean, on a live replica's recorded answers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pomhealth.checks.sentlisteners import active
from pomhealth.checks.xds import Rejection, Standing, Updates, Watch, family, rejections, tally, watch

RECORDINGS = Path(__file__).parents[1] / "recordings"


def recorded_listeners(state: str) -> object:
    return json.loads((RECORDINGS / state / "envoy_config_dump_dynamic_listeners.json").read_text())


def test_a_healthy_replica_has_no_rejection() -> None:
    assert rejections(recorded_listeners("healthy-v0.33.1")) == ()


@pytest.mark.parametrize(
    ("state", "where"),
    [("listener-port-taken", "127.0.0.1:55432"), ("listener-port-taken-at-start", "127.0.0.1:8443")],
)
def test_one_rejected_listener_is_one_rejection_though_envoy_lists_it_twice(state: str, where: str) -> None:
    expected = Rejection("https-ingress", f"cannot bind '{where}': Address already in use")
    assert rejections(recorded_listeners(state)) == (expected,)


@pytest.mark.proves("xds.listener/port-taken", by="recording")
def test_a_rejected_listener_still_serves_on_its_old_address() -> None:
    assert active(recorded_listeners("listener-port-taken"))["https-ingress"] == "127.0.0.1:8443"


def test_a_listener_rejected_at_start_serves_nowhere() -> None:
    assert "https-ingress" not in active(recorded_listeners("listener-port-taken-at-start"))


def test_counters_are_added_up_by_check() -> None:
    text = (RECORDINGS / "listener-port-taken" / "envoy_stats.txt").read_text()
    assert tally(text)["xds.listener"] == Updates(rejected=1, accepted=1)
    assert tally(text)["xds.cluster"] == Updates(rejected=0, accepted=3)


def test_a_counter_of_no_known_kind_belongs_to_the_rest() -> None:
    assert family("cluster.route-1.generic_proxy.trds.update_rejected") == "xds.other"


def test_nothing_ever_rejected_is_clean() -> None:
    assert watch(None, Updates(0, 7)).standing is Standing.CLEAN


def test_a_rejection_seen_to_come_stands() -> None:
    before = watch(None, Updates(0, 1))
    assert watch(before, Updates(1, 1)).standing is Standing.REJECTED


def test_a_rejection_goes_on_standing_while_nothing_moves() -> None:
    before = Watch(Updates(1, 1), Standing.REJECTED)
    assert watch(before, Updates(1, 1)).standing is Standing.REJECTED


def test_a_rejection_with_nothing_ever_accepted_stands_even_at_the_first_look() -> None:
    assert watch(None, Updates(2, 0)).standing is Standing.REJECTED


def test_a_rejection_from_before_the_first_look_cannot_be_judged() -> None:
    assert watch(None, Updates(1, 5)).standing is Standing.UNSURE


def test_an_update_accepted_after_a_rejection_may_have_been_another_resource() -> None:
    before = Watch(Updates(1, 1), Standing.REJECTED)
    assert watch(before, Updates(1, 2)).standing is Standing.UNSURE


def test_a_restarted_envoy_starts_the_count_anew() -> None:
    before = Watch(Updates(3, 9), Standing.REJECTED)
    assert watch(before, Updates(0, 1)).standing is Standing.CLEAN
