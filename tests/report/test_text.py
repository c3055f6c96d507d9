"""The report that a person reads: rendered from constructed maps, compared whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pomhealth.replica.model import Options, Replica, Value
from pomhealth.report.items import items
from pomhealth.report.style import Style
from pomhealth.report.text import render
from pomhealth.status import Component, Gate, Report, StatusMap, failed
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
  configuration  /etc/pomerium/config.yaml
  address        *:443
  services       all
  storage        postgres
  envoy          pid 4250, admin @6ec57f84

"""


def text(map_: StatusMap, *ids: str, replica: Replica = REPLICA, style: Style | None = None) -> str:
    return render(items(map_, CATALOGUE, ids), replica, style or Style(), partial=bool(ids))


def test_a_healthy_replica_is_one_line_a_check_by_area() -> None:
    assert (
        text(status())
        == HEADER
        + """\
Envoy
  ✓ envoy.server        LIVE, and its workers answer
  ✓ xds.listener        every listener was accepted

Storage
  ✓ storage.backend     connects, answers and takes writes
  ✓ persistent_backend  postgres survives a restart

4 checks: 4 passed.
Ready.
"""
    )


def test_a_failure_stands_with_evidence_steps_and_where_to_read_on_and_a_warning_too() -> None:
    said = {"storage.backend": Report("RUNNING", required=True)}
    assert (
        text(status(said, storage__backend=READ_ONLY, persistent_backend=IN_MEMORY))
        == HEADER
        + """\
Envoy
  ✓ envoy.server        LIVE, and its workers answer
  ✓ xds.listener        every listener was accepted

Storage
  ✗ storage.backend: read-only (stops /readyz)
      PostgreSQL takes no writes
      seen      db:5432, show transaction_read_only: on
      expected  off
      The replica itself reports otherwise: RUNNING
      It takes no writes.
      1. Promote the standby.
      2. Or change the DSN.
      More: pomhealth explain storage.backend, docs/checks.md#storagebackend
  ! persistent_backend: in-memory
      databroker_storage_type is memory
      seen      default: memory
      expected  postgres or file
      A restart forgets.
      More: pomhealth explain persistent_backend,
            docs/checks.md#persistent_backend

4 checks: 2 passed, 1 warned, 1 failed.
Not ready: storage.backend.
"""
    )


def test_what_follows_from_a_failure_stands_under_its_root_and_is_no_failure_of_its_own() -> None:
    late = failed("rejected", "no answer", SEEN)
    assert (
        text(status(envoy__server=HUNG, xds__listener=late))
        == HEADER
        + """\
Envoy
  ✗ envoy.server: hung (stops /readyz and /healthz)
      Envoy's workers do not answer
      seen      TLS handshake with 127.0.0.1:443: no answer in 1 s
      expected  an answer within 1 s
      Envoy answers nothing.
      1. Let it go on: `kill -CONT 4250`.
      2. See whether it is busy: `top -H -p PID`.
      More: pomhealth explain envoy.server, docs/checks.md#envoyserver
      - xds.listener        not judged while envoy.server fails (no answer)

Storage
  ✓ storage.backend     connects, answers and takes writes
  ✓ persistent_backend  postgres survives a restart

4 checks: 2 passed, 1 failed, 1 not judged.
Not ready: envoy.server.
"""
    )


def test_what_cannot_be_seen_says_why_and_the_verdict_says_so() -> None:
    assert text(status(xds__listener=UNREADABLE)).endswith(
        """\
  ? xds.listener        the cache directory cannot be read: run as root or as
                        pomerium

Storage
  ✓ storage.backend     connects, answers and takes writes
  ✓ persistent_backend  postgres survives a restart

4 checks: 3 passed, 1 cannot be seen.
Ready, as far as can be seen from here.
"""
    )


def test_named_checks_stand_alone_and_with_the_root_that_they_follow() -> None:
    assert (
        text(status(), "storage.backend")
        == HEADER
        + """\
Storage
  ✓ storage.backend  connects, answers and takes writes

1 check: 1 passed.
"""
    )
    assert "✗ envoy.server: hung" in text(status(envoy__server=HUNG, xds__listener=HUNG), "xds.listener")


def test_an_id_that_is_not_known_here_stands_at_the_end_as_the_replica_reports_it() -> None:
    said = {"recording.handler": Report("UNKNOWN", "no space\nleft")}
    assert text(status(said)).endswith(
        """\
Reported by the replica
  ✗ recording.handler: reported (stops nothing)
      the replica reports: no space left
      seen      the replica's own report: no space left
      expected  RUNNING without an error

5 checks: 4 passed, 1 failed.
Ready.
"""
    )


def test_what_was_not_looked_at_in_time_is_a_failure() -> None:
    map_ = status().with_component(Component("xds.listener", Gate.READY, measures=True))
    assert "? xds.listener        not looked at in the time given" in text(map_)
    assert text(map_).endswith("4 checks: 3 passed, 1 failed.\nNot ready: xds.listener.\n")


def test_what_lacks_the_same_right_is_said_once() -> None:
    lack = "of process 7 cannot be read: run as the replica's user"
    replica = Replica(missing={"environment": f"the environment {lack}", "sockets": f"the sockets {lack}"})
    assert "\n  not seen: environment, sockets: run as the replica's user\n" in text(
        status(), replica=replica
    )


def test_a_sidecar_says_what_it_does_not_see() -> None:
    sidecar = Replica(options=Options(zero=True), missing={"process": "share the replica's PID namespace"})
    assert text(status(), replica=sidecar).startswith(
        """\
Pomerium replica, its process not visible from here
  configuration  from Pomerium Zero
  address        none known
  services       all
  storage        not known
  not seen: process: share the replica's PID namespace

Envoy
"""
    )


def test_without_the_signs_of_unicode_there_are_others() -> None:
    map_ = status(envoy__server=HUNG, persistent_backend=IN_MEMORY)
    report = text(map_, style=Style(unicode=False))
    assert report.isascii()
    assert "x envoy.server: hung" in report
    assert "+ storage.backend" in report


def test_colour_adds_nothing_but_colour() -> None:
    map_ = status(envoy__server=HUNG, persistent_backend=IN_MEMORY)
    coloured = text(map_, style=Style(colour=True))
    plain = coloured
    while "\x1b[" in plain:
        before, _, rest = plain.partition("\x1b[")
        plain = before + rest.partition("m")[2]
    assert coloured != plain
    assert plain == text(map_)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_lines_fit_and_commands_are_never_broken(width: int) -> None:
    command = "`journalctl -u pomerium | grep -e 'error building' -e 'validating settings'`"
    step = f"Read which route or setting it is, in its log: {command} tells."
    map_ = status(storage__backend=replace(READ_ONLY, steps=(step,)))
    report = text(map_, style=Style(width=width))
    assert command in report
    for line in report.splitlines():
        assert len(line) <= width or command in line or "(stops" in line


def test_what_was_observed_cannot_write_on_the_terminal() -> None:
    nasty = replace(READ_ONLY, summary="bell \x07 and \x1b[2Jclear")
    named = replace(REPLICA, version=Value("v1\x1b[31m", "x"))
    assert "\x1b" not in text(status(storage__backend=nasty), replica=named)


def test_no_secret_of_the_replica_is_told() -> None:
    assert "hunter2" not in text(status(storage__backend=READ_ONLY))
