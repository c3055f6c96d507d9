"""Which configuration runs: the last one that the replica was seen to have taken over, as its fingerprint."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from pomhealth.blocking import Workers
from pomhealth.cluster.account import fingerprint
from pomhealth.reach import Silent
from pomhealth.replica.model import Options, Replica
from pomhealth.status import Component, Outcome

CHECK = "cluster_config_current"  # the check that tells whether the file's configuration runs
_DIFFERS = "differs"  # its cause that speaks of the others' configuration, and not of this one's
_QUICK = 100  # routes up to which a fingerprint is made at once: a few milliseconds
_DEADLINE = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Running:
    """What is known: the options as last read, since when (seconds since the epoch), whether the replica has `taken`
    them over, and the fingerprint of the last ones that it took ("" while none was seen). `due` when that is of older
    ones than were taken.
    """

    options: Options | None = field(default=None, repr=False)
    since: float = 0.0
    taken: bool = False
    config: str = ""
    due: bool = False

    def made(self, config: str) -> Running:
        """With the fingerprint of the options that were taken over."""
        return replace(self, config=config, due=False)


UNKNOWN = Running()


def follow(known: Running, options: Options, found: Component | None, at: float) -> Running:
    """What is known after another look. Pure.

    `found` is what the map says of CHECK, `at` the moment by the map's clock. A finding counts for options that were
    there when it was looked for; while it says that the file is rejected or pending, or nothing, what ran goes on.
    """
    if known.options is not options and known.options != options:
        known = replace(known, options=options, since=at, taken=False, due=False)
    elif known.since > at:  # the clock was set back
        known = replace(known, since=at)
    if known.taken or found is None or found.checked < known.since or not _taken(found):
        return known
    return replace(known, taken=True, due=True)


class ConfigWatch:
    """The fingerprint of what runs, kept up to date. `changed` is called when one is there that took its time."""

    def __init__(self, workers: Workers, changed: Callable[[], None]) -> None:
        self._workers = workers
        self._changed = changed
        self._known = UNKNOWN
        self._making: asyncio.Task[None] | None = None
        self._hosts: tuple[frozenset[str] | None, str] = (None, "")

    def config(
        self, replica: Replica | None, found: Component | None, at: float, hosts: frozenset[str] | None = None
    ) -> str:
        """The fingerprint of what this replica runs now, "" where that is not known.

        `found` and `at` as for `follow`; `hosts` are those that Envoy runs, which is all that is to be had of a
        replica's in Zero mode. To be asked whenever the map has changed; it costs next to nothing while nothing did.
        """
        if replica is None or replica.awaited:
            return self._known.config
        if replica.options.zero:
            return self._of_hosts(hosts)
        if replica.main is None or {"options", "environment"} & set(replica.missing):
            self._known = UNKNOWN  # only a part of the options is seen
            return ""
        self._known = follow(self._known, replica.options, found, at)
        if self._known.due:
            self._make(replica.options)
        return self._known.config

    async def close(self) -> None:
        """Waits for nothing any more."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.gather(self._making, return_exceptions=True)

    def _of_hosts(self, hosts: frozenset[str] | None) -> str:
        self._known = UNKNOWN
        if hosts is not None and hosts is not self._hosts[0]:
            self._hosts = (hosts, fingerprint.of_hosts(hosts))
        return self._hosts[1]

    def _make(self, options: Options) -> None:
        if fingerprint.count(options) <= _QUICK:
            self._known = self._known.made(fingerprint.of_options(options))
        elif self._making is None:
            self._making = asyncio.ensure_future(self._make_apart(options))

    async def _make_apart(self, options: Options) -> None:
        try:
            config = await self._workers.call(
                "fingerprint of the configuration",
                lambda: fingerprint.of_options(options),
                deadline=_DEADLINE,
            )
        except Silent:
            return  # it is tried again with the next look
        finally:
            self._making = None
        if self._known.due and self._known.options == options:
            self._known = self._known.made(config)
        self._changed()


def _taken(found: Component) -> bool:
    """Whether the look says that what the options hold runs.

    A pass that is to be looked at again soon may be one whose others are still to follow: this one has it already.
    """
    finding = found.measured
    if finding is None:
        return False
    if finding.outcome is Outcome.PASS:
        return not finding.unfinished
    if finding.outcome is Outcome.SKIPPED:
        return not finding.applies  # there is no file: what the environment holds was read at the start
    return finding.outcome is Outcome.WARN and finding.cause == _DIFFERS
