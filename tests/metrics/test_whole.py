"""The series of certificates, replica, drain and agent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pomhealth import __version__
from pomhealth.agent import plan as plans
from pomhealth.agent.board import Board
from pomhealth.catalogue import catalogue
from pomhealth.checks import probes
from pomhealth.drain.model import Drain, Left, Reason, Terms, told
from pomhealth.settings import Settings
from pomhealth.status import DRAINING, Finding, Validity, failed, passed
from tests.findings import SEEN
from tests.metrics.reading import ones, scraped, value
from tests.publish.views import AT, view

END = "pomhealth_certificate_not_after_timestamp_seconds"
READABLE = "pomhealth_certificate_readable"


def listing(*certificates: Validity, count: int = 0) -> Finding:
    finding = replace(passed("fine"), certificates=certificates)
    return replace(finding, attributes=(("certificates", str(count)),)) if count else finding


def test_a_certificate_has_its_end_and_that_it_can_be_read() -> None:
    one = Validity("*.example.com", "/etc/pomerium/cert.pem", "2a", 1.0, 2_000_000_000.0)
    found = scraped(view({"certificates_current": listing(one)}))
    place = {"name": one.name, "where": one.where}
    assert value(found, END, serial="2a", **place) == 2_000_000_000
    assert value(found, READABLE, **place) == 1
    assert value(found, "pomhealth_certificates") == 1


def test_one_that_cannot_be_read_is_a_series_too_without_an_end() -> None:
    one = Validity("/etc/x.pem", "/etc/x.pem", problem="the certificate is not a PEM certificate")
    found = scraped(view({"certificates_current": listing(one)}))
    assert value(found, READABLE, name="/etc/x.pem", where="/etc/x.pem") == 0
    assert not any(name == END for name, _ in found)
    assert value(found, "pomhealth_certificates") == 1


def test_of_very_many_certificates_those_that_end_first_have_series_and_all_are_counted() -> None:
    many = tuple(Validity(f"{end}.test", f"/{end}", f"{end:x}", 1.0, 10.0 + end) for end in range(1000))
    found = scraped(view({"certificates_current": listing(*many, count=1500)}))
    ends = sorted(worth for (name, _), worth in found.items() if name == END)
    assert (len(ends), ends[0], ends[-1]) == (200, 10, 209)
    assert value(found, "pomhealth_certificates") == 1500


def test_what_was_read_of_the_certificates_stays_while_a_root_fails() -> None:
    one = Validity("a", "/a", "1", 1.0, 5.0)
    gone = failed("not-running", "gone", SEEN)
    found = scraped(view({"pomerium.process": gone, "certificates_current": listing(one)}))
    assert value(found, END, name="a", where="/a", serial="1") == 5


def test_other_dates_alone_turn_nothing_of_the_map() -> None:
    """They are read anew every minute."""
    board = Board(plans.make(catalogue(), probes(), Settings()))
    told: list[object] = []
    board.observe("certificates_current", listing(Validity("a", "/a", "1", 1.0, 5.0)), at=AT)
    board.subscribe(told.extend)
    board.observe("certificates_current", listing(Validity("a", "/a", "2", 4.0, 9.0)), at=AT + 60)
    assert told == []
    (one,) = board.status.components["certificates_current"].measured.certificates  # type: ignore[union-attr]
    assert one.serial == "2"


def test_without_certificates_there_are_0() -> None:
    assert value(scraped(view({})), "pomhealth_certificates") == 0


def test_the_replica_is_told_with_its_release() -> None:
    replica: dict[str, Any] = {
        "version": "0.33.1",
        "services": ["all"],
        "storage": "postgres",
        "platform": None,
    }
    found = scraped(view({}, replica=replica))
    labels = {"version": "0.33.1", "services": "all", "storage": "postgres", "platform": ""}
    assert value(found, "pomhealth_replica_info", **labels) == 1


def test_without_a_replica_none_is_told_of() -> None:
    assert ones(scraped(view({}, replica={"state": "not found"})), "pomhealth_replica_info") == []


def test_the_agent_tells_its_version_its_start_and_its_lag() -> None:
    found = scraped(view({}, late=0.375))
    assert [one["version"] for one in ones(found, "pomhealth_build_info")] == [__version__]
    assert value(found, "pomhealth_agent_lag_seconds") == 0.375
    started = value(found, "pomhealth_agent_start_timestamp_seconds")
    process = value(found, "process_start_time_seconds")
    assert started is not None
    assert process is not None
    assert abs(started - process) < 5
    assert value(found, "process_open_fds")


@pytest.mark.parametrize("started", [False, True])
def test_whether_everything_was_looked_at_is_told(started: bool) -> None:
    assert value(scraped(view({}, started=started)), "pomhealth_started") == started


def test_without_a_drain_none_is_active() -> None:
    found = scraped(view({}))
    assert value(found, "pomhealth_drain_active") == 0
    assert value(found, "pomhealth_drain_connections_left") is None


def test_a_drain_is_told_with_what_is_left_and_when_it_began() -> None:
    drain = Drain(Reason.ASKED, Terms(5, 60), age=3, left=Left(connections=4, requests=2, others=1))
    said = failed(DRAINING, "draining", SEEN)
    found = scraped(view({"replica.drain": said}, drain=told(drain)))
    names = ("active", "connections_left", "requests_left", "started_timestamp_seconds")
    assert [value(found, f"pomhealth_drain_{name}") for name in names] == [1, 5, 2, AT]


def test_of_a_drain_what_cannot_be_counted_has_no_series() -> None:
    found = scraped(view({}, drain=told(Drain(Reason.ASKED, Terms(5, 60), left=Left()))))
    assert value(found, "pomhealth_drain_active") == 1
    assert value(found, "pomhealth_drain_connections_left") is None
    assert value(found, "pomhealth_drain_requests_left") is None
