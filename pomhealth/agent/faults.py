"""Faults of the agent's own, told in its log; none of them ends it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from pomhealth.agent.logs import Log
from pomhealth.agent.pulse import Pulse


class Faults:
    """`log` gives the one in force now."""

    def __init__(self, log: Callable[[], Log], pulse: Pulse) -> None:
        self._log = log
        self._pulse = pulse
        self._told_stuck = ""

    def stuck(self) -> str:
        """The part that does not go on, "" where all do; told once."""
        part = self._pulse.stuck()
        if part and part != self._told_stuck:
            self._log().error("a part of pomhealth does not go on", part=part)
        self._told_stuck = part
        return part

    def broke_off(self, part: str, error: Exception) -> None:
        """A part broke off with this error, and starts again."""
        self._log().error(f"{part} broke off and starts again", error=type(error).__name__)

    def probe_broke(self, id_: str, where: str) -> None:
        """The probe of this check broke off at this place of ours."""
        self._log().error(
            "a look broke off; the check is unknown until it works again", check=id_, error=where
        )

    def of_loop(self, _: asyncio.AbstractEventLoop, trouble: dict[str, Any]) -> None:
        """What nobody else took care of."""
        error = trouble.get("exception")
        self._log().error(
            "the agent met an error", error=type(error).__name__, what=str(trouble.get("message"))
        )
