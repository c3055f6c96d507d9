"""Writes down everything an agent ever said while it was watched: each answer of /readyz, each alert."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.agent.process import Agent

EVERY = 0.02  # seconds


@dataclass
class Record:
    """`ready` holds each answer of /readyz that differs from the one before; `alerts` each (id, cause) there ever was."""

    ready: list[int] = field(default_factory=list)
    alerts: set[tuple[str, str]] = field(default_factory=set)


@contextmanager
def watched(agent: Agent) -> Iterator[Record]:
    """The record of all that the agent says within the block; whole once the block is left.

    It is asked all the time; what stood for less than that is in the agent's log, which tells every change.
    """
    record = Record()
    over = threading.Event()
    troubles: list[Exception] = []
    before = len(agent.lines)

    def look() -> None:
        status = agent.get("/readyz")[0]
        if record.ready[-1:] != [status]:
            record.ready.append(status)
        record.alerts |= agent.alerts()

    def watch() -> None:
        try:
            while not over.wait(EVERY):
                look()
        except Exception as error:  # noqa: BLE001  (raised again below, in the test's own thread)
            troubles.append(error)

    look()
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield record
    finally:
        over.set()
        thread.join()
    for trouble in troubles:
        raise trouble
    look()
    told = (line for line in agent.lines[before:] if line["event"] == "check changed")
    record.alerts |= {(line["check"], line["cause"]) for line in told if line["outcome"] in ("fail", "warn")}
