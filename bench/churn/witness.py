"""Two witnesses of a churn: one asks the replica itself whether it serves, one writes down what the agent says."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import psycopg

from pomhealth.demo.stage import Stage

GENEROUS = 5.0  # seconds that an answer may take before it counts as none
_TRUTH_EVERY = 0.25
_AGENT_EVERY = 0.1

_TABLE = "CREATE TABLE IF NOT EXISTS bench_truth (at timestamptz)"
_WRITE = "INSERT INTO bench_truth VALUES (clock_timestamp())"
_EMPTY = "DELETE FROM bench_truth"


@dataclass(frozen=True, slots=True)
class Look:
    """One question to the replica itself; times on the monotonic clock."""

    what: str
    began: float
    ended: float
    well: bool


@dataclass(frozen=True, slots=True)
class Said:
    """Something that the agent said from `began` until `ended` (None: to the end).

    `level` is "503", "silent" (no answer), "fail" or "warn".
    """

    level: str
    id: str
    cause: str
    summary: str
    began: float
    ended: float | None = None


class Repeating(threading.Thread):
    """Does something again and again, until told to stop."""

    def __init__(self, work: Callable[[], None], every: float) -> None:
        super().__init__(daemon=True)
        self._work, self._every = work, every
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(self._every):
            self._work()

    def end(self) -> None:
        self._over.set()
        self.join(3 * GENEROUS)


class Truth:
    """Asks the replica itself: a request through its main listener, a write to its storage, its processes."""

    def __init__(self, stage: Stage) -> None:
        self.looks: list[Look] = []
        self._stage = stage
        self._session: psycopg.Connection[tuple[object, ...]] | None = None
        self._threads = [
            Repeating(lambda what=what, ask=ask: self._look(what, ask), _TRUTH_EVERY)  # type: ignore[misc]
            for what, ask in (
                ("main listener", lambda: stage.replica.answers(timeout=GENEROUS)),
                ("storage", self._writes),
                ("process", stage.replica.running),
            )
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        for thread in self._threads:
            thread.end()
        if self._session is not None:
            self._session.close()

    def well_since(self, moment: float) -> bool:
        """Each kind was asked after this moment and was well the last time."""
        last = {look.what: look.well for look in self.looks[-100:] if look.began >= moment}
        return len(last) == len(self._threads) and all(last.values())

    def _look(self, what: str, ask: Callable[[], bool]) -> None:
        began = time.monotonic()
        well = ask()
        self.looks.append(Look(what, began, time.monotonic(), well))

    def _writes(self) -> bool:
        try:
            if self._session is None:
                self._session = psycopg.connect(
                    self._stage.postgres.dsn(),
                    autocommit=True,
                    connect_timeout=int(GENEROUS),
                    options=f"-c statement_timeout={GENEROUS:.0f}s",
                )
                self._session.execute(_TABLE)
                self._session.execute(_EMPTY)
            self._session.execute(_WRITE)
        except psycopg.Error:
            if self._session is not None:
                with contextlib.suppress(psycopg.Error):
                    self._session.close()
            self._session = None
            return False
        return True


class Listener:
    """Writes down what the agent says on /readyz and /alerts, as it says it."""

    def __init__(self, address: str) -> None:
        self.said: list[Said] = []
        self.asked = 0
        self._address = address
        self._standing: dict[tuple[str, str, str], Said] = {}
        self._connection: http.client.HTTPConnection | None = None
        self._thread = Repeating(self._ask, _AGENT_EVERY)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        self._thread.end()
        self.said += self._standing.values()
        self._standing = {}
        if self._connection is not None:
            self._connection.close()

    def standing(self) -> set[tuple[str, str, str]]:
        """Level, id and cause of what it says now."""
        return set(self._standing)

    def _ask(self) -> None:
        began = time.monotonic()
        try:
            now = self._now()
        except (OSError, http.client.HTTPException) as error:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            now = {("silent", "/readyz", type(error).__name__): str(error)}
        self.asked += 1
        for key in [key for key in self._standing if key not in now]:
            self.said.append(replace(self._standing.pop(key), ended=time.monotonic()))
        for key, summary in now.items():
            if key not in self._standing:
                self._standing[key] = Said(*key, summary, began)

    def _now(self) -> dict[tuple[str, str, str], str]:
        status, body = self._get("/readyz")
        _, alerts = self._get("/alerts")
        now = {
            (str(one["outcome"]), str(one["id"]), str(one["cause"])): str(one["summary"])
            for one in json.loads(alerts)["alerts"]
        }
        if status != http.HTTPStatus.OK:
            now["503", "/readyz", str(status)] = "; ".join(
                f"{id_} {entry.get('cause', '')}: {entry['error']}"
                for id_, entry in json.loads(body).items()
                if entry.get("error")
            )
        return now

    def _get(self, path: str) -> tuple[int, bytes]:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(self._address, timeout=GENEROUS)
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read()
