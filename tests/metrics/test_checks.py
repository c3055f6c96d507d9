"""The series of the checks, read back as Prometheus would."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pomhealth.catalogue import catalogue
from pomhealth.status import Finding, Outcome, Report, failed, not_applicable, passed, unseen, warned
from pomhealth.status.tally import Count
from tests.findings import SEEN
from tests.metrics.reading import ones, scraped, value
from tests.publish.views import AT, view

GOOD = passed("fine")
BAD = failed("refused", "refused", SEEN)
OWN = [check.id for check in catalogue() if not check.id.endswith(">")]


@pytest.mark.parametrize("id_", OWN)
def test_every_check_of_the_catalogue_has_its_metrics(id_: str) -> None:
    check = catalogue().checks[id_]
    found = scraped(view({id_: GOOD}))
    for outcome in Outcome:
        assert value(
            found, "pomhealth_check_state", check=id_, gate=check.gate.value, state=outcome.value
        ) == (outcome is Outcome.PASS)
    for cause in check.causes.values():
        labels = {
            "check": id_,
            "gate": check.gate.value,
            "cause": cause.code,
            "severity": cause.outcome.value,
        }
        assert value(found, "pomhealth_check_cause", **labels) == 0
    assert value(found, "pomhealth_check_last_change_timestamp_seconds", check=id_) == AT
    assert value(found, "pomhealth_check_changes_total", check=id_) == 0
    assert value(found, "pomerium_health_status", check=id_, status="running") == 1
    looked = value(found, "pomhealth_probe_duration_seconds_count", check=id_)
    assert looked == (0 if check.measured else None)


@pytest.mark.parametrize("family", [check.id for check in catalogue() if check.id.endswith(">")])
def test_every_family_of_the_catalogue_has_its_metrics_for_each_member(family: str) -> None:
    member = f"{family[: family.index('<')]}okta"
    found = scraped(view({}, {member: Report("RUNNING", error="no answer")}))
    (cause,) = ones(found, "pomhealth_check_cause", check=member)
    assert cause["cause"] in catalogue().checks[family].causes
    assert ones(found, "pomhealth_check_state", check=member)[0]["state"] == "fail"


def test_a_cause_turns_to_1_while_it_is_so_and_the_others_stay_0() -> None:
    found = scraped(view({"storage.backend": failed("read-only", "read-only", SEEN)}))
    told = ones(found, "pomhealth_check_cause")
    assert told == [{"check": "storage.backend", "gate": "ready", "cause": "read-only", "severity": "fail"}]
    assert (value(found, "pomhealth_ready"), value(found, "pomhealth_live")) == (0, 1)


def test_a_warning_is_of_another_severity() -> None:
    found = scraped(view({"certificates_current": warned("expiring", "ends soon", SEEN)}))
    (told,) = ones(found, "pomhealth_check_cause")
    assert (told["cause"], told["severity"]) == ("expiring", "warn")
    assert ones(found, "pomhealth_check_state")[0]["state"] == "warn"
    assert value(found, "pomerium_health_status", check="certificates_current", status="running") == 1


def test_what_follows_a_root_is_skipped_without_a_cause_and_since_the_root_failed() -> None:
    found = scraped(view({"pomerium.process": failed("not-running", "gone", SEEN), "envoy.server": None}))
    assert ones(found, "pomhealth_check_state", check="envoy.server")[0]["state"] == "skipped"
    assert ones(found, "pomhealth_check_cause", check="envoy.server") == []
    assert value(found, "pomhealth_check_last_change_timestamp_seconds", check="envoy.server") == AT


def test_what_does_not_apply_has_no_series() -> None:
    found = scraped(view({"zero.connect": not_applicable("not in Zero mode"), "envoy.server": GOOD}))
    assert not any(dict(labels).get("check") == "zero.connect" for _, labels in found)


def test_what_was_not_looked_at_yet_is_unknown_and_has_no_change() -> None:
    found = scraped(view({"envoy.server": None}))
    assert ones(found, "pomhealth_check_state")[0]["state"] == "unknown"
    assert value(found, "pomhealth_check_last_change_timestamp_seconds", check="envoy.server") is None


def test_the_tally_of_a_check_is_told() -> None:
    count = Count(looks=7, seconds=1.5, last=0.25, timeouts=1, failures=2, broken=3, changes=4)
    found = scraped(view({"envoy.server": GOOD}, tally={"envoy.server": count}))
    told = {
        name: value(found, f"pomhealth_{name}", check="envoy.server")
        for name in (
            "probe_duration_seconds_count",
            "probe_duration_seconds_sum",
            "probe_last_duration_seconds",
            "probe_timeouts_total",
            "probe_failures_total",
            "probe_errors_total",
            "check_changes_total",
        )
    }
    assert list(told.values()) == [7, 1.5, 0.25, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("finding", "status"),
    [
        (GOOD, "running"),
        (warned("slow", "slow", SEEN), "running"),
        (BAD, "error"),
        (failed("draining", "draining", SEEN), "terminating"),
        (unseen("no right"), "unknown"),
        (None, "unknown"),
    ],
)
def test_each_check_is_in_one_of_pomeriums_states(finding: Finding | None, status: str) -> None:
    found = scraped(view({"envoy.server": finding}))
    assert ones(found, "pomerium_health_status") == [{"check": "envoy.server", "status": status}]
    states = {dict(labels)["status"] for name, labels in found if name == "pomerium_health_status"}
    assert states == {"running", "terminating", "error", "unknown"}


def test_our_measurement_stands_in_pomeriums_series_where_the_replica_says_otherwise() -> None:
    found = scraped(view({"storage.backend": BAD}, {"storage.backend": Report("RUNNING")}))
    assert ones(found, "pomerium_health_status") == [{"check": "storage.backend", "status": "error"}]


def test_what_only_the_replica_reports_is_told_under_its_own_id() -> None:
    reports = {"new.in.0.34": Report("RUNNING", error="no", required=True)}
    found = scraped(view({}, reports))
    assert ones(found, "pomhealth_check_cause") == [
        {"check": "new.in.0.34", "gate": "ready", "cause": "reported", "severity": "fail"}
    ]


def test_of_very_many_that_only_the_replica_reports_the_further_ones_are_counted_together() -> None:
    bad = Report("RUNNING", error="no", required=True)
    reports = {
        f"stranger.{number:03}": replace(bad, error="no" if number % 2 else "") for number in range(500)
    }
    found = scraped(view({}, reports))
    named = {dict(labels)["check"] for name, labels in found if name == "pomhealth_check_state"}
    assert len(named) == 33
    assert value(found, "pomhealth_check_state", check="other", gate="ready", state="fail") == 234
    assert value(found, "pomhealth_check_state", check="other", gate="ready", state="pass") == 234
    assert (
        value(found, "pomhealth_check_cause", check="other", gate="ready", cause="reported", severity="fail")
        == 234
    )
    assert value(found, "pomerium_health_status", check="other", status="error") == 234
