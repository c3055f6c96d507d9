"""`pomhealth replicas --watch`: asks again and again, and shows what comes, until somebody ends it."""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from typing import Any, Protocol

from pomhealth.client.answer import AskError
from pomhealth.cluster.show.model import Cluster
from pomhealth.cluster.show.news import News, Note
from pomhealth.cluster.show.reading import cluster
from pomhealth.report.style import Style
from pomhealth.status import Outcome

PAUSE = 1.0  # seconds between two looks
_ENDS = (signal.SIGTERM, signal.SIGHUP)

Ask = Callable[[], Mapping[str, Any]]


class Shown(Protocol):
    """Where it is shown."""

    def answered(self, document: Mapping[str, Any]) -> None:
        """What the agent says now."""

    def silent(self, error: AskError) -> None:
        """The agent gives no answer."""

    def close(self) -> None:
        """Nothing more comes."""


class Lines:
    """A line for each change, written at once. `as_json`: each is a JSON object."""

    def __init__(self, style: Style, write: Callable[[str], None], *, as_json: bool) -> None:
        self._style, self._write, self._as_json = style, write, as_json
        self._news = News()
        self._why = ""

    def answered(self, document: Mapping[str, Any]) -> None:
        if self._why:
            self._why = ""
            self._say(Note(_now(), "back", "the agent answers again", Outcome.PASS))
        for note in self._news.of(document):
            self._say(note)

    def silent(self, error: AskError) -> None:
        if str(error) != self._why:
            self._why = str(error)
            text = f"no answer from the agent: {error}; trying again{f' ({error.fix})' if error.fix else ''}"
            self._say(Note(_now(), "away", text, Outcome.UNKNOWN, {"why": self._why, "fix": error.fix}))

    def close(self) -> None:
        """Nothing is held back."""

    def _say(self, note: Note) -> None:
        self._write(f"{note.as_json() if self._as_json else note.as_text(self._style)}\n")


class Screen:
    """A table on a terminal, drawn anew where it stands. `style` gives what the terminal can show now."""

    def __init__(self, style: Callable[[], Style]) -> None:
        from rich.console import Console  # noqa: PLC0415  (lines do without)
        from rich.live import Live  # noqa: PLC0415

        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a host's name may have letters that the terminal lacks
        self._style = style
        self._last: Cluster | None = None
        self._at = 0.0
        self._drawn: tuple[Cluster | None, str, os.terminal_size] | None = None
        colour = style().colour
        console = Console(
            color_system="standard" if colour else None,
            no_color=not colour,
            force_terminal=True,
            legacy_windows=False,
            markup=False,
            emoji=False,
            highlight=False,
        )
        self._live = Live(
            console=console,
            auto_refresh=False,
            vertical_overflow="crop",
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def answered(self, document: Mapping[str, Any]) -> None:
        told = cluster(document)
        if self._last is not None and self._last.at and not told.at:  # it has just been started
            self._draw(f"{told.notice[:1].upper()}{told.notice[1:]}; what is shown was so at {self._since}.")
            return
        self._last, self._at = told, time.time()
        self._draw("")

    def silent(self, error: AskError) -> None:
        since = f" since {self._since}" if self._at else ""
        old = "; what is shown was so then" if self._last is not None else ""
        fix = f" To do: {error.fix}." if error.fix else ""
        self._draw(f"No answer from the agent{since}: {error}{old}. Trying again.{fix}")

    def close(self) -> None:
        self._live.stop()

    @property
    def _since(self) -> str:
        return f"{datetime.fromtimestamp(self._at, timezone.utc):%H:%M:%S} UTC"

    def _draw(self, trouble: str) -> None:
        from pomhealth.cluster.show.table import WIDEST, screen  # noqa: PLC0415

        size = shutil.get_terminal_size()
        if (self._last, trouble, size) == self._drawn:
            return
        self._drawn = (self._last, trouble, size)
        width = min(size.columns, WIDEST)
        drawn = screen(self._last, self._style(), width, size.lines, trouble)
        self._live.update(drawn, refresh=True)


def follow(ask: Ask, shown: Shown, first: Mapping[str, Any] | None) -> None:
    """Asks until Ctrl-C, a signal, or nobody reads any more. `first` is what the agent said before, if it did."""
    for number in _ENDS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _end)
    try:
        with suppress(KeyboardInterrupt):
            if first is not None:
                shown.answered(first)
            while True:
                _look(ask, shown)
                time.sleep(PAUSE)
    finally:
        shown.close()


def on_terminal() -> bool:
    """Whether a table can be drawn anew where it stands."""
    return os.environ.get("TERM", "dumb") != "dumb" and sys.stdout.isatty()


def _look(ask: Ask, shown: Shown) -> None:
    try:
        document = ask()
    except AskError as error:
        shown.silent(error)
    else:
        shown.answered(document)


def _end(*_: object) -> None:
    raise KeyboardInterrupt


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
