"""The agent's log: one line a change of state, structured; JSON unless a person reads it on a terminal."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, MutableMapping
from typing import Any

from pomhealth.agent.lines import Lines
from pomhealth.agent.structured import structlog
from pomhealth.settings import LOG_LEVELS, Settings
from pomhealth.status import Change, Outcome

Log = structlog.typing.FilteringBoundLogger
Event = MutableMapping[str, Any]


class Logs:
    """Where the agent's log goes: `descriptor` (standard error). Whoever logs never waits for who reads it.

    Every text in it passes through `scrub`.
    """

    def __init__(self, scrub: Callable[[str], str], descriptor: int = 2) -> None:
        self._scrub = scrub
        self._terminal = os.isatty(descriptor)
        self._lines = Lines(descriptor, self._of_dropped)
        self._steps: list[structlog.typing.Processor] = []

    def open(self, settings: Settings) -> Log:
        """A log as these settings want it."""
        as_text = settings.log_format == "text" or (settings.log_format == "auto" and self._terminal)
        last: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
        if as_text:
            last = structlog.dev.ConsoleRenderer(colors=self._terminal)
        self._steps = [
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            self._redact,
            last,
        ]
        logging.getLogger(
            "asyncio"
        ).disabled = True  # what it has to say comes through the loop's exception handler
        log: Log = structlog.wrap_logger(
            self._lines,
            wrapper_class=structlog.make_filtering_bound_logger(_level(settings)),
            processors=self._steps,
        )
        return log

    def flush(self, deadline: float) -> None:
        """Waits for what is not written yet, at most `deadline` seconds."""
        self._lines.flush(deadline)

    def _redact(self, _: object, __: str, event: Event) -> Event:
        return {key: _scrubbed(value, self._scrub) for key, value in event.items()}

    def _of_dropped(self, count: int) -> str:
        """The line that stands for those that nobody took in time."""
        event: Any = {"event": "lines of this log were dropped: nobody read it", "lines": count}
        for step in self._steps:
            event = step(None, "warning", event)
        return str(event)


def tell(log: Log, change: Change) -> None:
    """One line for one change of one check. That a check passes at the first look is worth no line."""
    at = {Outcome.FAIL: logging.ERROR, Outcome.WARN: logging.WARNING}.get(change.outcome, logging.INFO)
    if not change.was and at == logging.INFO:
        at = logging.DEBUG
    values: dict[str, Any] = {"outcome": change.outcome.value}
    if change.cause:
        values["cause"] = change.cause
    values["summary"] = change.summary
    if change.was:
        values |= {"was": change.was, "lasted_seconds": round(change.lasted, 1)}
    if change.followers:
        values["followers"] = list(change.followers)
    log.log(at, "check changed", check=change.id, **values)


def _level(settings: Settings) -> int:
    return (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)[LOG_LEVELS.index(settings.log_level)]


def _scrubbed(value: Any, scrub: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, (list, tuple)):
        return [_scrubbed(one, scrub) for one in value]
    return value
