"""Noticing that the replica is not what it was: another process, another Envoy, another file. Blocking, and cheap."""

from __future__ import annotations

import time
from collections.abc import Mapping

from pomhealth.replica import askonce, paths, processes
from pomhealth.replica.discover import choose
from pomhealth.replica.envoy import LEARNT, learn
from pomhealth.replica.errors import Ambiguous, ReplicaError
from pomhealth.replica.examine import learns
from pomhealth.replica.model import Process, Replica
from pomhealth.replica.running import version_may_come
from pomhealth.replica.sidecar import without_process
from pomhealth.settings import Settings

_ASK_EVERY = 5.0  # seconds
_FILES = 100  # looked at in one look for changes; a stat takes some 5 microseconds
_ALWAYS = 2  # the configuration file and the one with the data source name


class Changes:
    """Looks for changes again and again, and remembers what need not be looked at each time."""

    def __init__(self) -> None:
        self._turn = 0
        self._asked: tuple[Process | None, float] = (None, 0.0)
        self._strangers = processes.Strangers()

    def since(self, replica: Replica, settings: Settings) -> bool:
        """Whether discover() would answer differently: another process, another Envoy, a file written or replaced.

        A few reads of /proc and a stat for each file; made to be called every second.
        """
        if any(paths.stamp(path) != stamp for path, stamp in self._due_files(replica.stamps)):
            return True
        main = replica.main
        if main is None:
            return self._appeared(replica, settings)
        if processes.state(main) in (None, "Z", "X"):
            return True
        if any(processes.state(envoy) in (None, "Z", "X") for envoy in replica.envoys):
            return True
        if not replica.envoys:
            return bool(processes.envoys(main)) or main not in processes.replicas()
        if self._strangers.have_envoy(main, replica.envoys) or version_may_come(replica):
            return True
        return self._listens_elsewhere(replica)

    def _appeared(self, replica: Replica, settings: Settings) -> bool:
        try:
            if choose(settings, replica) is not None:
                return True
        except Ambiguous:
            return True
        except ReplicaError:
            return False
        if replica.awaited:
            return False
        if _admin_is_gone(replica) or (replica.admin is None and self._may_ask(replica)):
            return without_process(settings, replica) != replica
        return self._listens_elsewhere(replica)

    def _listens_elsewhere(self, replica: Replica) -> bool:
        """Whether Envoy listens on other addresses than it did, where they were learnt from it."""
        if not learns(replica) or not self._may_ask(replica):
            return False
        before = {(one.role, one.where, one.udp) for one in replica.endpoints if one.origin == LEARNT}
        found = learn(replica.admin, {})
        if found is None:
            return False
        known = {one.role for one in replica.endpoints if one.origin != LEARNT}
        return {(one.role, one.where, one.udp) for one in found if one.role not in known} != before

    def _may_ask(self, replica: Replica) -> bool:
        """Whether it is time to ask this replica's Envoy again: asking is not for every look."""
        process, at = self._asked
        now = time.monotonic()
        if process == replica.main and now - at < _ASK_EVERY:
            return False
        self._asked = (replica.main, now)
        return True

    def _due_files(self, stamps: Mapping[str, tuple[int, ...]]) -> list[tuple[str, tuple[int, ...]]]:
        """The files to look at now: the first ones (the configuration itself) always, of many others some in turn."""
        files = list(stamps.items())
        if len(files) <= _FILES:
            return files
        first, rest = files[:_ALWAYS], files[_ALWAYS:]
        start = self._turn % len(rest)
        self._turn = start + _FILES
        return first + (rest + rest[:_FILES])[start : start + _FILES]


def _admin_is_gone(replica: Replica) -> bool:
    """Whether nobody listens any more where Envoy's admin interface was: a restart gives it another name."""
    admin = replica.admin
    if admin is None or admin.kind == "tcp":
        return False
    name = "\0" + admin.address if admin.kind == "abstract" else admin.address
    return askonce.peer(name, deadline=0.2) is None
