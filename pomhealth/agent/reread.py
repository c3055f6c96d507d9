"""Reads the settings again, when somebody asks for it. Wrong ones change nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pomhealth.agent.door import Door
from pomhealth.agent.logs import Log
from pomhealth.blocking import Workers
from pomhealth.publish.systemd import Supervised
from pomhealth.reach import Silent
from pomhealth.settings import Settings, SettingsError

Read = Callable[[], Settings]
_READING = 2.0  # seconds


class Rereading:
    """Has `apply` put in force what `read` gives, where it is right."""

    def __init__(
        self,
        read: Read,
        apply: Callable[[Settings], Awaitable[None]],
        *,
        workers: Workers,
        log: Callable[[], Log],
    ) -> None:
        self._read = read
        self._apply = apply
        self._workers = workers
        self._log = log

    async def go(self, old: Settings, door: Door, supervised: Supervised) -> None:
        """Does it, and tells the supervisor how it ends, whatever happens. `old` are those in force."""
        supervised.reloading()
        refused = "pomhealth broke off"
        try:
            refused = await self._refusal(old, door)
        finally:
            supervised.reloaded(refused)

    async def _refusal(self, old: Settings, door: Door) -> str:
        """Takes the settings as they are now; gives why they are refused, "" where they are in force."""
        try:
            settings = await self._workers.call("settings", self._read, deadline=_READING)
        except SettingsError as error:
            self._log().error("the settings are wrong; the old ones stay in force", error=str(error))
            return str(error)
        except Silent as silence:
            self._log().error("the settings cannot be read; the old ones stay in force", error=silence.why)
            return f"they cannot be read: {silence.why}"
        if not await door.move(old, settings):
            self._log().error("the old settings stay in force")
            return f"cannot listen on {settings.listen}"
        await self._apply(settings)
        return ""
