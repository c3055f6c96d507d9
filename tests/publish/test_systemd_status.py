"""What systemd is told, over a real datagram socket: ready, the truth in one line, that the agent goes on."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pomhealth.publish.oneline import LONGEST, one_line
from pomhealth.publish.systemd import Supervised
from pomhealth.publish.view import View
from pomhealth.status import Finding, failed, passed, unseen, warned
from pomhealth.systemd.notify import Notifier
from tests.agent.little import until
from tests.findings import SEEN
from tests.publish.views import view

WELL: dict[str, Finding | None] = {"pomerium.process": passed("fine"), "storage.backend": passed("fine")}
ILL: dict[str, Finding | None] = {**WELL, "storage.backend": failed("refused", "nobody listens", SEEN)}
DRAINING = {**WELL, "replica.drain": failed("draining", "12 connections open", SEEN)}
PATIENCE = 10.0


class Heard:
    """A supervisor's socket, and an agent of which `show` changes what it says of itself."""

    def __init__(self, place: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(place)
        self._socket.setblocking(False)
        self.notifier = Notifier(place)
        self.view = view(WELL)
        self.stuck = ""
        self.asked = 0
        self.supervised = self.publisher()

    def publisher(self, watchdog: float = 0.0) -> Supervised:
        return Supervised(
            self.notifier,
            lambda: self.view,
            watchdog=watchdog,
            stuck=self._stuck,
            scrub=lambda text: text.replace("hunter2", "xxxxx"),
        )

    def _stuck(self) -> str:
        self.asked += 1
        return self.stuck

    def show(self, new: View, *, turned: bool = True) -> None:
        self.view = new
        self.supervised.changed(turned=turned)

    def taken(self) -> list[str]:
        """The datagrams that are there."""
        found = []
        with contextlib.suppress(BlockingIOError):
            while True:
                found.append(self._socket.recv(65536).decode())
        return found

    async def next(self) -> str:
        return (
            await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self._socket, 65536), PATIENCE)
        ).decode()

    def close(self) -> None:
        self.supervised.close()
        self._socket.close()


@pytest.fixture
def heard(tmp_path: Path) -> Iterator[Heard]:
    one = Heard(str(tmp_path / "notify"))
    yield one
    one.close()


@pytest.mark.parametrize(
    ("findings", "more", "line"),
    [
        (WELL, {}, "ready"),
        ({"storage.backend": None}, {}, "not ready: the first looks are being made"),
        (ILL, {}, "not ready: storage.backend: refused: nobody listens"),
        (
            {**ILL, "pomerium.process": failed("hung", "no answer", SEEN)},
            {},
            "not ready: 2 checks fail, first pomerium.process: hung: no answer",
        ),
        (
            {**WELL, "certificates_current": warned("expiring", "in 3 days", SEEN)},
            {},
            "ready; 1 alert: certificates_current: expiring: in 3 days",
        ),
        (
            {
                **WELL,
                "certificates_current": warned("expiring", "in 3 days", SEEN),
                "zero.connect": failed("dns", "no such name", SEEN),
            },
            {},
            "ready; 2 alerts, first zero.connect: dns: no such name",
        ),
        (DRAINING, {"drain": {"end": None}}, "draining: 12 connections open"),
        (DRAINING, {"drain": {"end": "ended"}}, "drained: 12 connections open"),
        (
            DRAINING,
            {"drain": {"end": "gone"}, "notice": "no replica runs"},
            "not ready: no replica runs",
        ),
        (ILL, {"notice": "waiting for a replica"}, "not ready: waiting for a replica"),
        (WELL, {"notice": "something else"}, "ready; something else"),
        (
            {one: unseen("no right to look") for one in WELL},
            {},
            "not ready: 2 checks are unknown, first pomerium.process: no right to look",
        ),
    ],
)
def test_the_line_says_whether_it_is_ready_and_if_not_why(
    findings: dict[str, Finding | None], more: dict[str, Any], line: str
) -> None:
    assert one_line(view(findings, **more)) == line


def test_the_line_is_bounded_and_says_first_what_matters_most(heard: Heard) -> None:
    heard.show(view({"storage.backend": failed("refused", "word " * 1000, SEEN)}))
    (told,) = heard.taken()
    line = told.removeprefix("STATUS=")
    assert len(line) <= LONGEST
    assert line.startswith("not ready: storage.backend: refused: word")
    assert line.endswith("…")


def test_it_is_sent_when_it_changes_and_only_then(heard: Heard) -> None:
    heard.supervised.start()
    heard.show(view(WELL))
    heard.show(view(ILL))
    heard.show(view(ILL))
    heard.supervised.beat()
    heard.show(view(WELL))
    assert heard.taken() == [
        "STATUS=ready",
        "STATUS=not ready: storage.backend: refused: nobody listens",
        "STATUS=ready",
    ]


def test_words_that_change_without_a_turn_wait_for_the_next_beat(heard: Heard) -> None:
    heard.supervised.start()
    for count in range(100):
        heard.show(view({"storage.backend": failed("refused", f"for {count} s", SEEN)}), turned=False)
    assert heard.taken() == ["STATUS=ready"]
    heard.supervised.beat()
    assert heard.taken() == ["STATUS=not ready: storage.backend: refused: for 99 s"]


def test_nothing_secret_is_told(heard: Heard) -> None:
    heard.show(view({"storage.backend": failed("refused", "postgres://a:hunter2@db", SEEN)}))
    assert heard.taken() == ["STATUS=not ready: storage.backend: refused: postgres://a:xxxxx@db"]


def test_not_even_the_half_of_a_secret_is_told_where_the_line_ends(heard: Heard) -> None:
    prefix = len("not ready: storage.backend: refused: ")
    for room in range(LONGEST - prefix - 10, LONGEST - prefix):
        heard.show(view({"storage.backend": failed("refused", "x" * room + "hunter2", SEEN)}))
    assert not [told for told in heard.taken() if "h" in told.rpartition("x")[2]]


def test_while_it_stops_it_is_neither_ready_nor_reloading(heard: Heard) -> None:
    heard.supervised.stopping()
    heard.supervised.ready()
    heard.supervised.reloading()
    heard.supervised.reloaded()
    assert heard.taken() == ["STOPPING=1\nSTATUS=stopping"]


def test_ready_is_told_once_whatever_the_replica_is_like(heard: Heard) -> None:
    heard.view = view(ILL)
    heard.supervised.ready()
    heard.supervised.ready()
    assert heard.taken() == ["READY=1\nSTATUS=not ready: storage.backend: refused: nobody listens"]


def test_a_reload_is_dated_and_ends_with_ready(heard: Heard) -> None:
    heard.supervised.ready()
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    heard.supervised.reloading()
    heard.supervised.reloaded()
    _, reloading, ready = heard.taken()
    first, dated = reloading.split("\n")
    assert first == "RELOADING=1"
    name, _, moment = dated.partition("=")
    assert name == "MONOTONIC_USEC"
    assert before <= int(moment) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    assert ready == "READY=1"


def test_of_two_reloads_at_once_the_last_one_to_end_ends_both(heard: Heard) -> None:
    heard.supervised.ready()
    heard.supervised.reloading()
    heard.supervised.reloading()
    heard.supervised.reloaded()
    assert "READY=1" not in heard.taken()[1:]
    heard.supervised.reloaded()
    assert heard.taken() == ["READY=1"]


def test_a_reload_before_it_is_ready_does_not_make_it_ready(heard: Heard) -> None:
    heard.supervised.start()
    heard.supervised.reloading()
    heard.supervised.reloaded()
    assert heard.taken() == ["STATUS=ready"]


def test_settings_that_were_refused_are_told_of_until_they_are_right(heard: Heard) -> None:
    heard.supervised.ready()
    heard.supervised.reloading()
    heard.supervised.reloaded("pomhealth.toml: fall: it is not a number")
    assert heard.taken()[-1] == (
        "READY=1\nSTATUS=ready; reload refused: pomhealth.toml: fall: it is not a number"
    )
    heard.supervised.reloading()
    heard.supervised.reloaded()
    assert heard.taken()[-1] == "READY=1\nSTATUS=ready"


def test_the_last_words_are_that_it_stops_and_then_none(heard: Heard) -> None:
    heard.supervised.ready()
    heard.supervised.stopping()
    heard.supervised.close()
    assert heard.taken()[1:] == ["STOPPING=1\nSTATUS=stopping", "STATUS="]


def test_while_it_drains_at_the_stop_it_has_the_time_of_the_drain_and_says_how_far_it_is(
    heard: Heard,
) -> None:
    heard.supervised.ready()
    heard.supervised.stopping(90.0)
    heard.show(view(DRAINING))
    assert heard.taken()[1:] == [
        "STOPPING=1\nSTATUS=stopping",
        "EXTEND_TIMEOUT_USEC=100000000",
        "STATUS=draining: 12 connections open",
    ]


def test_what_a_supervisor_could_not_take_is_told_later_and_of_lines_the_last(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard.supervised.start()
    assert heard.taken() == ["STATUS=ready"]
    with monkeypatch.context() as deaf:
        deaf.setattr(Notifier, "tell", lambda *_, **__: False)
        heard.supervised.ready()
        heard.show(view(ILL))
        heard.show(view(WELL))
    heard.supervised.beat()
    assert heard.taken() == ["READY=1", "STATUS=ready"]


async def test_the_watchdog_is_fed_three_times_in_its_time(heard: Heard) -> None:
    heard.supervised = heard.publisher(watchdog=0.3)
    heard.supervised.start()
    began = time.monotonic()
    fed = [await heard.next() for _ in range(5)]
    assert fed == ["STATUS=ready", *["WATCHDOG=1"] * 4]
    assert time.monotonic() - began >= 3 * 0.1  # and no oftener


async def test_the_watchdog_starves_while_a_part_of_the_agent_is_stuck(heard: Heard) -> None:
    heard.supervised = heard.publisher(watchdog=0.03)
    heard.stuck = "envoy.server"
    heard.supervised.start()
    await until(lambda: heard.asked >= 3)
    assert heard.taken() == ["STATUS=ready"]
    heard.stuck = ""
    assert await heard.next() == "WATCHDOG=1"


def test_a_line_that_nobody_keeps_true_any_more_says_so(heard: Heard) -> None:
    heard.supervised.start()
    heard.stuck = "envoy.server"
    heard.supervised.beat()
    heard.supervised.beat()
    heard.stuck = ""
    heard.supervised.beat()
    assert heard.taken() == [
        "STATUS=ready",
        "STATUS=pomhealth is stuck: envoy.server does not go on; it last said: ready",
        "STATUS=ready",
    ]


def test_without_a_supervisor_nothing_is_worked_out() -> None:
    def never() -> View:
        raise AssertionError("the view is not asked for")

    supervised = Supervised(Notifier(""), never, watchdog=30.0)
    supervised.start()
    supervised.changed(turned=True)
    supervised.ready()
    supervised.beat()
    supervised.reloading()
    supervised.reloaded("wrong")
    supervised.stopping(90.0)
    supervised.close()
