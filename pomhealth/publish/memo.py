"""Keeps what a check or a replica reads like in JSON, for as long as nothing of it changes: of many, few do at a time."""

from __future__ import annotations

from collections.abc import Callable

from pomhealth.publish.members import Lines
from pomhealth.replica.model import Platform
from pomhealth.status import Component, Entry

MOST = 256  # checks: a replica may report of any


class Memo:
    """One text a check, and `members` those of the cluster's replicas.

    That of a check which follows a root is not kept: it tells of the root too.
    """

    def __init__(self) -> None:
        self.members = Lines()
        self._known: dict[str, tuple[Component, Platform, str]] = {}

    def text(self, entry: Entry, platform: Platform, make: Callable[[], str]) -> str:
        """What `make` gave for this state of the check on this platform, or gives now."""
        if entry.blocked_by:
            return make()
        known = self._known.get(entry.id)
        if known is not None and known[0] is entry.component and known[1] is platform:
            return known[2]
        if len(self._known) >= MOST:
            self._known.clear()
        made = make()
        self._known[entry.id] = (entry.component, platform, made)
        return made
