"""The report that a person reads: rendered from constructed maps, compared whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pomhealth.replica.model import Options, Platform, Replica, Value
from pomhealth.report.document import document
from pomhealth.report.items import items
from pomhealth.report.style import Style
from pomhealth.report.text import render
from pomhealth.status import Component, Evidence, Gate, Report, StatusMap, failed, passed
from tests.findings import SEEN
from tests.report.example import (
    CATALOGUE,
    HUNG,
    IN_MEMORY,
    READ_ONLY,
    REPLICA,
    UNREADABLE,
    status,
)

HEADER = """\
Pomerium v0.33.1, pid 4242
  configuration /etc/pomerium/config.yaml, address *:443, services all,
  storage postgres, Envoy pid 4250

"""


def text(map_: StatusMap, *ids: str, replica: Replica = REPLICA, style: Style | None = None) -> str:
    return render(items(map_, CATALOGUE, ids), replica, style or Style(), partial=bool(ids))


def test_a_healthy_replica_is_one_line_a_check() -> None:
    assert (
        text(status())
        == "✓ Ready.\n"
        + HEADER
        + """\
Passed
  ✓ envoy.server        LIVE, and its workers answer
  ✓ xds.listener        every listener was accepted
  ✓ storage.backend     connects, answers and takes writes
  ✓ persistent_backend  postgres survives a restart

4 checks: 4 passed.
✓ Ready.
"""
    )


def test_the_verdict_comes_first_then_what_is_wrong_worst_first_with_evidence_and_who_can_do_what() -> None:
    said = {"storage.backend": Report("RUNNING", required=True)}
    verdict = """\
✗ Not ready: storage.backend (read-only).
! To see to besides: persistent_backend (in-memory).
"""
    assert (
        text(status(said, storage__backend=READ_ONLY, persistent_backend=IN_MEMORY))
        == verdict
        + HEADER
        + """\
✗ storage.backend: read-only (stops /readyz)
    PostgreSQL takes no writes
    seen      db:5432, show transaction_read_only: on
    expected  off
    The replica itself reports otherwise: RUNNING
    It takes no writes.
    To do, by whoever runs the database:
    1. Promote the standby.
    2. Or change the DSN.
    More: pomhealth explain storage.backend/read-only,
          docs/checks.md#storagebackend

! persistent_backend: in-memory
    databroker_storage_type is memory
    seen      default: memory
    expected  postgres or file
    A restart forgets.
    For whoever runs the replica.
    More: pomhealth explain persistent_backend/in-memory,
          docs/checks.md#persistent_backend

Passed
  ✓ envoy.server        LIVE, and its workers answer
  ✓ xds.listener        every listener was accepted

4 checks: 1 failed, 1 warned, 2 passed.
"""
        + verdict
    )


def test_what_follows_from_a_failure_stands_under_its_root_and_is_no_failure_of_its_own() -> None:
    late = failed("rejected", "no answer", SEEN)
    report = text(status(envoy__server=HUNG, xds__listener=late), style=Style(width=100))
    assert (
        """
✗ envoy.server: hung (stops /readyz and /healthz)
    Envoy's workers do not answer
    seen      TLS handshake with 127.0.0.1:443: no answer in 1 s
    expected  an answer within 1 s
    Envoy answers nothing.
    To do, by whoever runs the replica:
    1. Let it go on: `kill -CONT 4250`.
    2. See whether it is busy: `top -H -p PID`.
    More: pomhealth explain envoy.server/hung, docs/checks.md#envoyserver
    - not judged while it fails: xds.listener

Passed
"""
        in report
    )
    assert report.endswith(
        "\n4 checks: 1 failed, 1 not judged, 2 passed.\n✗ Not ready: envoy.server (hung).\n"
    )


def test_what_stops_more_comes_first_and_a_failure_that_stops_nothing_before_a_warning() -> None:
    given = {
        "persistent_backend": IN_MEMORY,
        "zero.bootstrap-config.save": READ_ONLY,
        "storage.backend": READ_ONLY,
        "envoy.server": HUNG,
    }
    map_ = status(None, **given)
    ids = [item.id for item in items(map_, CATALOGUE)]
    assert ids == [*reversed(given), "xds.listener"]
    assert [entry.id for entry in map_.alerts()] == [*reversed(given)]


def test_what_cannot_be_seen_says_why_and_the_verdict_says_so() -> None:
    assert text(status(xds__listener=UNREADABLE)).endswith(
        """

Cannot be seen from here
  ? xds.listener: the cache directory cannot be read: run as root or as pomerium

Passed
  ✓ envoy.server        LIVE, and its workers answer
  ✓ storage.backend     connects, answers and takes writes
  ✓ persistent_backend  postgres survives a restart

4 checks: 1 cannot be seen, 3 passed.
? Ready, as far as can be seen from here.
"""
    )


@pytest.mark.parametrize(
    ("platform", "steps"),
    [
        (
            Platform("docker", "/.dockerenv", (("NAME", "4f1c0a2b3d4e"),)),
            """
    1. Restart it: `docker restart 4f1c0a2b3d4e`.
""",
        ),
        (
            Platform(),
            """
    1. Restart it:
       Linux package  `systemctl restart pomerium`.
       Docker         `docker restart NAME`.
""",
        ),
    ],
    ids=["docker", "not known"],
)
def test_steps_are_those_of_the_replicas_platform_or_of_each(platform: Platform, steps: str) -> None:
    lost = failed("gone", "it is gone", SEEN)
    shown = items(status(xds__listener=lost), CATALOGUE, (), platform)
    assert steps in render(shown, REPLICA, Style())


def test_a_platform_that_is_a_container_is_named() -> None:
    replica = replace(REPLICA, platform=Platform("kubernetes", "environment KUBERNETES_SERVICE_HOST"))
    assert "Pomerium v0.33.1, on Kubernetes, pid 4242\n" in text(status(), replica=replica)


def test_named_checks_stand_alone_and_with_the_root_that_they_follow() -> None:
    assert (
        text(status(), "storage.backend")
        == HEADER
        + """\
Passed
  ✓ storage.backend  connects, answers and takes writes

1 check: 1 passed.
"""
    )
    assert "✗ envoy.server: hung" in text(status(envoy__server=HUNG, xds__listener=HUNG), "xds.listener")


def test_an_id_that_is_not_known_here_stands_as_the_replica_reports_it() -> None:
    said = {"recording.handler": Report("UNKNOWN", "no space\nleft")}
    assert """
✗ recording.handler: reported (stops nothing)
    the replica reports: no space left
    seen      the replica's own report: no space left
    expected  RUNNING without an error
    The replica reports this by itself, under an id that this release of
""" in text(status(said))


def test_what_was_not_looked_at_in_time_is_a_failure() -> None:
    map_ = status().with_component(Component("xds.listener", Gate.READY, measures=True))
    assert "\n? xds.listener (stops /readyz)\n    not looked at in the time given\n" in text(map_)
    assert text(map_).endswith("4 checks: 1 failed, 3 passed.\n✗ Not ready: xds.listener.\n")


def test_a_check_that_passed_takes_one_line_however_much_it_has_to_say() -> None:
    map_ = status(storage__backend=passed("connects, answers and takes writes, " * 3))
    line = next(line for line in text(map_).splitlines() if "storage.backend" in line)
    assert line == "  ✓ storage.backend     connects, answers and takes writes, connects, answers a…"
    assert len(line) == 80


def test_what_the_summary_says_already_is_not_said_again() -> None:
    seen = "the server runs transactions read-only"
    twice = failed("read-only", f"no writes: {seen}", Evidence("db:5432", seen, "writes"))
    report = text(status(storage__backend=twice))
    assert report.count(seen) == 1
    assert "\n    seen at   db:5432\n    expected  writes\n" in report


def test_what_lacks_the_same_right_is_said_once() -> None:
    lack = "of process 7 cannot be read: run as the replica's user"
    replica = Replica(missing={"environment": f"the environment {lack}", "sockets": f"the sockets {lack}"})
    assert "\n  ? environment, sockets: run as the replica's user\n" in text(status(), replica=replica)


def test_a_sidecar_says_what_it_does_not_see() -> None:
    sidecar = Replica(options=Options(zero=True), missing={"process": "share the replica's PID namespace"})
    assert text(status(), replica=sidecar).startswith(
        """\
✓ Ready.
Pomerium replica, its process not visible from here
  configuration from Pomerium Zero, address not known, services all,
  storage not known

Cannot be seen from here
  ? process: share the replica's PID namespace

Passed
"""
    )


def test_without_the_signs_of_unicode_there_are_others() -> None:
    map_ = status(envoy__server=HUNG, persistent_backend=IN_MEMORY)
    report = text(map_, style=Style(unicode=False))
    assert report.isascii()
    assert "x envoy.server: hung" in report
    assert "+ storage.backend" in report
    assert report.startswith("x Not ready")


def test_colour_adds_nothing_but_colour() -> None:
    map_ = status(envoy__server=HUNG, persistent_backend=IN_MEMORY)
    coloured = text(map_, style=Style(colour=True))
    plain = coloured
    while "\x1b[" in plain:
        before, _, rest = plain.partition("\x1b[")
        plain = before + rest.partition("m")[2]
    assert coloured != plain
    assert plain == text(map_)


def test_what_was_observed_cannot_write_on_the_terminal() -> None:
    nasty = replace(READ_ONLY, summary="bell \x07 and \x1b[2Jclear")
    named = replace(REPLICA, version=Value("v1\x1b[31m", "x"))
    assert "\x1b" not in text(status(storage__backend=nasty), replica=named)


def test_no_secret_of_the_replica_is_told() -> None:
    assert "hunter2" not in text(status(storage__backend=READ_ONLY))


def test_where_nothing_can_be_seen_it_is_not_called_ready() -> None:
    names = ("envoy.server", "xds.listener", "storage.backend")
    hidden = status(None, **dict.fromkeys(names, UNREADABLE))
    verdict = "? Not known: nothing that readiness depends on can be seen from here.\n"
    assert text(hidden).startswith(verdict)
    assert text(hidden).endswith(verdict)
    assert document(items(hidden, CATALOGUE), REPLICA)["ready"] is False
