"""Shows a drain to whoever waits for it: a bar on a terminal, else a line when there is something new to say."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import click

from pomhealth.drain import model

_EVERY = 5.0  # seconds between two lines about mere numbers


class Show(Protocol):
    """What a drain is shown on."""

    def step(self, said: Mapping[str, Any]) -> None:
        """How it stands now, as the agent says."""

    def close(self) -> None:
        """It is over, or followed no longer."""


class Lines:
    """One line where the phase is another, or some seconds after the last where a number is. `clock` in seconds."""

    def __init__(self, clock: Callable[[], float], write: Callable[[str], object] = click.echo) -> None:
        self._clock = clock
        self._write = write
        self._said: Mapping[str, Any] = {}
        self._at = 0.0

    def step(self, said: Mapping[str, Any]) -> None:
        turned = said.get("phase") != self._said.get("phase")
        moved = numbers(said) != numbers(self._said) and self._clock() - self._at >= _EVERY
        if turned or moved:
            self._write(f"{said.get('age', 0):g} s: {numbers(said)}")
            self._said, self._at = said, self._clock()

    def close(self) -> None:
        pass


class Bar:
    """A bar that fills as connections end; before that the seconds that the load balancer has to notice."""

    def __init__(self) -> None:
        self._bar = click.progressbar(
            length=1,
            show_percent=False,
            show_eta=False,
            width=30,
            bar_template="%(bar)s %(info)s",
            item_show_func=lambda item: item,
        )
        self._bar.__enter__()

    def step(self, said: Mapping[str, Any]) -> None:
        notice = said.get("phase") == "notice"
        most, left = int(said.get("most") or 0), said.get("connections")
        if notice:
            length, done = float(said.get("notice") or 1), float(said.get("age") or 0)
        else:
            length, done = float(max(most, 1)), float(most - left if left is not None else 0)
        self._bar.length = max(round(10 * length), 1)
        self._bar.pos = min(round(10 * done), self._bar.length)
        self._bar.current_item = f"{numbers(said)}{', the load balancer is to notice' if notice else ''}"
        self._bar.render_progress()

    def close(self) -> None:
        self._bar.render_finish()


def on(clock: Callable[[], float]) -> Show:
    """What standard output can show."""
    return Bar() if sys.stdout.isatty() else Lines(clock)


def numbers(said: Mapping[str, Any]) -> str:
    """How many are left, in words."""
    return model.numbers(said.get("connections"), said.get("requests"))
