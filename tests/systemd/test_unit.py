"""What `systemctl show` (systemd 252, recorded) and unit files say, read as values."""

from __future__ import annotations

import math

import pytest

from pomhealth.systemd.lint import problems, waits_for
from pomhealth.systemd.unit import Command, read_file, read_show, seconds, unit_of

RUNNING = """\
Restart=no
TimeoutStartUSec=2min 10s
TimeoutStopUSec=infinity
WatchdogUSec=30s
ExecStart={ path=/bin/bash ; argv[]=/bin/bash -c systemd-notify --ready; exec sleep 1000 ; ignore_errors=no ; start_time=[Sat 2026-11-21 14:20:39 UTC] ; stop_time=[n/a] ; pid=87 ; code=(null) ; status=0/0 }
ExecStartPost={ path=/usr/bin/pomhealth ; argv[]=/usr/bin/pomhealth health --wait 120 -e zero.connect ; ignore_errors=yes ; start_time=[Sat 2026-11-21 14:20:39 UTC] ; stop_time=[Sat 2026-11-21 14:20:39 UTC] ; pid=89 ; code=exited ; status=0 }
ExecStartPost={ path=/bin/echo ; argv[]=/bin/echo a b;c --wait=5s ; ignore_errors=no ; start_time=[Sat 2026-11-21 14:20:39 UTC] ; stop_time=[Sat 2026-11-21 14:20:39 UTC] ; pid=90 ; code=exited ; status=0 }
CapabilityBoundingSet=cap_chown cap_kill
AmbientCapabilities=
User=nobody
DynamicUser=no
PrivateUsers=no
Id=pomerium.service
LoadState=loaded
ActiveState=active
FragmentPath=/etc/systemd/system/pomerium.service
DropInPaths=/etc/systemd/system/pomerium.service.d/a.conf /etc/systemd/system/pomerium.service.d/b.conf

Restart=no
TimeoutStartUSec=1min 30s
TimeoutStopUSec=1min 30s
WatchdogUSec=infinity
AmbientCapabilities=
User=
DynamicUser=no
PrivateUsers=no
Id=pomhealth.service
LoadState=not-found
ActiveState=inactive
FragmentPath=
DropInPaths=
"""
FILE = """\
[Unit]
Description=Restart=always
[Service]
# WatchdogSec=1
WatchdogSec = 30s
ExecStartPost=/bin/true
ExecStartPost=
ExecStartPost=-/usr/bin/pomhealth health \\
  # until it serves
  --wait 120
User=nobody
[Install]
User=other
"""


def test_two_units_are_two_and_one_that_is_not_installed_says_so() -> None:
    running, missing = (unit_of(one) for one in read_show(RUNNING))

    assert (running.loaded, running.restart, running.watchdog) == (True, "no", 30.0)
    assert (running.start_limit, running.stop_limit) == (130.0, math.inf)
    assert (running.user, running.ambient, running.bounding) == (
        "nobody",
        frozenset(),
        frozenset(("cap_chown", "cap_kill")),
    )
    assert [path.rpartition("/")[2] for path in running.files] == ["pomerium.service", "a.conf", "b.conf"]
    assert [command.directive for command in running.commands] == [
        "ExecStart",
        "ExecStartPost",
        "ExecStartPost",
    ]
    assert (missing.loaded, missing.watchdog, missing.user) == (False, 0.0, "root")


def test_a_unit_file_is_read_line_by_line_as_systemd_reads_it() -> None:
    unit = unit_of({"Id": ("x.service",), "FragmentPath": ("/x.service",)}, read_file("/x.service", FILE))

    assert unit.where("WatchdogSec") == "/x.service:5"
    assert unit.where("ExecStartPost", "pomhealth") == "/x.service:8"
    assert unit.settings["ExecStartPost"][0].value.endswith("health --wait 120")
    assert unit.where("User") == "/x.service:11"
    assert unit.where("Restart") == "/x.service"


def test_of_a_unit_at_rest_the_file_tells_its_watchdog() -> None:
    """Systemd says WatchdogUSec=infinity of a unit that has been stopped."""
    shown = {"Id": ("x.service",), "ActiveState": ("inactive",), "WatchdogUSec": ("infinity",)}

    assert unit_of(shown, read_file("/x.service", FILE)).watchdog == 30.0
    assert unit_of(shown).watchdog == 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2min 10s", 130.0),
        ("1h 30min", 5400.0),
        ("500ms", 0.5),
        ("1min 30s 250ms", 90.25),
        ("30", 30.0),
        ("5 minutes", 300.0),
        ("1w 2d", 777600.0),
        ("infinity", math.inf),
        ("0", 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("3 blinks", 0.0),
        ("1.2.3s", 0.0),
    ],
)
def test_a_time_span_is_read_as_systemd_writes_it(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/usr/bin/pomhealth health --wait 120", 120.0),
        ("/usr/bin/pomhealth health --wait=2.5s -e storage.backend", 2.5),
        ("/usr/bin/pomhealth health --wait 60 --pid ${MAINPID}", 60.0),
        ("/bin/sh -c pomhealth health --wait 60 || true", 60.0),
        ("/usr/bin/python3 -m pomhealth health -v --wait 5; sync", None),
        ("/usr/bin/pomhealth health", None),
        ("/usr/bin/pomhealth health --wait $SECONDS", None),
        ("/usr/bin/pomhealth drain --timeout=45s", 45.0),
        ("/usr/bin/pomhealth drain", None),
        ("/usr/bin/pomhealth", None),
        ("/bin/sleep 5", None),
    ],
)
def test_how_long_a_command_of_ours_may_wait(command: str, expected: float | None) -> None:
    assert waits_for(Command("ExecStartPost", tuple(command.split()))) == expected


@pytest.mark.proves("systemd.unit/watchdog-without-restart", by="recording")
def test_a_recorded_unit_with_a_watchdog_alone_is_found_wanting() -> None:
    running, _ = (unit_of(one) for one in read_show(RUNNING))

    assert [(one.cause, one.lines) for one in problems(running)] == [
        ("watchdog-without-restart", ("Restart=on-failure",))
    ]
