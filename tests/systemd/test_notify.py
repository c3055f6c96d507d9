"""What a supervisor hands over, and how it is told: over real datagram sockets."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pomhealth.systemd.handed import NOTHING, take
from pomhealth.systemd.notify import Notifier, moment

ME = 4711
OTHER = 4712


@contextmanager
def hearing(address: str | bytes) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address)
        ear.settimeout(5)
        yield ear


@contextmanager
def notifying(address: str) -> Iterator[Notifier]:
    notifier = Notifier(address)
    try:
        yield notifier
    finally:
        notifier.close()


@pytest.mark.parametrize("abstract", [False, True])
def test_what_is_told_is_one_datagram_with_a_line_a_field(tmp_path: Path, *, abstract: bool) -> None:
    name = f"pomhealth-test-{os.getpid()}"
    address, place = (f"@{name}", f"\0{name}") if abstract else (str(tmp_path / "n"), str(tmp_path / "n"))
    with hearing(place) as ear, notifying(address) as notifier:
        assert notifier.heard
        assert notifier.tell(READY=1, STATUS="ready")
        assert ear.recv(4096) == b"READY=1\nSTATUS=ready"


def test_no_value_can_end_its_line_and_begin_another_field(tmp_path: Path) -> None:
    with hearing(str(tmp_path / "n")) as ear, notifying(str(tmp_path / "n")) as notifier:
        notifier.tell(STATUS="down\nMAINPID=1\r\x00\x85 \udcff é")
        assert ear.recv(4096).decode() == "STATUS=down MAINPID=1 é"


def test_a_supervisor_that_is_not_there_is_no_error(tmp_path: Path) -> None:
    with notifying(str(tmp_path / "nobody")) as notifier:
        assert not notifier.tell(READY=1)
    with notifying("/" + "n" * 200) as notifier:  # longer than the kernel takes
        assert not notifier.tell(READY=1)


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "relative"])
def test_without_an_address_of_its_kind_nobody_is_told(address: str) -> None:
    with notifying(address) as notifier:
        assert not notifier.heard
        assert not notifier.tell(READY=1)


def test_a_supervisor_that_does_not_read_holds_nobody_up(tmp_path: Path) -> None:
    with hearing(str(tmp_path / "n")) as ear, notifying(str(tmp_path / "n")) as notifier:
        took = 0
        while notifier.tell(STATUS="x" * 1000):
            took += 1
        assert took  # and it came here: it never waited
        for _ in range(took):
            ear.recv(4096)
        assert notifier.tell(STATUS="again")
        assert ear.recv(4096) == b"STATUS=again"


def test_reloads_are_dated_in_microseconds_of_the_monotonic_clock() -> None:
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    assert before // 1000 <= moment() <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000


def test_what_is_handed_over_is_taken_out_of_the_environment_for_no_child_is_to_have_it() -> None:
    environ = {
        "NOTIFY_SOCKET": "/run/systemd/notify",
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(ME),
        "LISTEN_FDS": "2",
        "LISTEN_PID": str(ME),
        "LISTEN_FDNAMES": "pomhealth.socket:other.socket",
        "PATH": "/bin",
    }
    handed = take(environ, ME)
    assert environ == {"PATH": "/bin"}
    assert handed.notify == "/run/systemd/notify"
    assert handed.watchdog == 30.0
    assert handed.sockets == ((3, "pomhealth.socket"), (4, "other.socket"))


def test_what_was_meant_for_another_process_is_not_ours_and_goes_no_further() -> None:
    environ = {
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(OTHER),
        "LISTEN_FDS": "1",
        "LISTEN_PID": str(OTHER),
    }
    assert take(environ, ME) == NOTHING
    assert environ == {}


def test_a_watchdog_without_a_process_is_for_whoever_has_the_variable() -> None:
    assert take({"WATCHDOG_USEC": "2000000"}, ME).watchdog == 2.0


@pytest.mark.parametrize("number", ["", "-1", "many", "²", "9" * 5000])
def test_what_is_no_number_counts_as_none(number: str) -> None:
    given = {"WATCHDOG_USEC": number, "LISTEN_FDS": number, "LISTEN_PID": str(ME)}
    assert take(given, ME) == NOTHING


def test_a_socket_without_a_name_is_still_a_socket() -> None:
    assert take({"LISTEN_FDS": "1", "LISTEN_PID": str(ME)}, ME).sockets == ((3, ""),)
