"""The agent's log: one line a change of state, structured; JSON unless a person reads it on a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog

from pomhealth.settings import LOG_LEVELS, Settings
from pomhealth.status import Change, Outcome

Log = structlog.typing.FilteringBoundLogger
Event = MutableMapping[str, Any]


def open_log(settings: Settings, scrub: Callable[[str], str], stream: TextIO | None = None) -> Log:
    """A log on `stream` (standard error, if none is named). Every text in it passes through `scrub`."""
    out = sys.stderr if stream is None else stream
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and out.isatty())

    def redact(_: object, __: str, event: Event) -> Event:
        return {key: _scrubbed(value, scrub) for key, value in event.items()}

    last: structlog.typing.Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    if as_text:
        last = structlog.dev.ConsoleRenderer(colors=out.isatty())
    logging.getLogger(
        "asyncio"
    ).disabled = True  # what it has to say comes through the loop's exception handler
    log: Log = structlog.wrap_logger(
        structlog.PrintLogger(out),
        wrapper_class=structlog.make_filtering_bound_logger(_level(settings)),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            last,
        ],
    )
    return log


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
