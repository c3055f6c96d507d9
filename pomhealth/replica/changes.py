"""Noticing that the replica is not what it was: another process, another Envoy, another file. Blocking, and cheap."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from pomhealth.replica import paths, processes
from pomhealth.replica.discover import choose
from pomhealth.replica.envoy import LEARNT, learn
from pomhealth.replica.errors import Ambiguous, ReplicaError
from pomhealth.replica.examine import learns
from pomhealth.replica.model import Process, Replica
from pomhealth.replica.peer import peer
from pomhealth.replica.running import version_may_come
from pomhealth.replica.sidecar import without_process
from pomhealth.settings import Settings

_ASK_EVERY = 5.0  # seconds
_FILES = 100  # looked at in one look for changes; a stat takes some 5 microseconds
_WATCHED = (
    20  # the same, where the kernel tells of each file that changes: should it ever have kept one to itself
)
_ALWAYS = 2  # the configuration file and the one with the data source name


class Changes:
    """Looks for changes again and again, and remembers what need not be looked at each time."""

    def __init__(self) -> None:
        self._turn = 0
        self._asked: tuple[Process | None, float] = (None, 0.0)
        self._strangers = processes.Strangers()
        self._of: Mapping[str, tuple[int, ...]] | None = None
        self._files: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def since(self, replica: Replica, settings: Settings, *, watched: bool = False) -> bool:
        """Whether discover() would answer differently: another process, another Envoy, a file written or replaced.

        A few reads of /proc and a stat for each file; made to be called every second. Of many files some are looked at
        each time, in turn, and fewer where they are `watched`: the kernel tells of those that change.
        """
        most = _WATCHED if watched else _FILES
        if any(paths.stamp(path) != stamp for path, stamp in self._due_files(replica.stamps, most)):
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
            return processes.closed() and without_process(settings, hidden=True) is not None
        if _admin_is_gone(replica) or (replica.admin is None and self._may_ask(replica)):
            return without_process(settings, replica, hidden=processes.closed()) != replica
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

    def _due_files(
        self, stamps: Mapping[str, tuple[int, ...]], most: int
    ) -> Sequence[tuple[str, tuple[int, ...]]]:
        """The files to look at now: the first ones (the configuration itself) always, of many others some in turn."""
        if self._of is not stamps:
            self._of, self._files = stamps, tuple(stamps.items())
        files = self._files
        if len(files) <= most:
            return files
        rest = len(files) - _ALWAYS
        start = _ALWAYS + self._turn % rest
        self._turn = (start - _ALWAYS + most) % rest
        due = files[start : start + most]
        return (*files[:_ALWAYS], *due, *files[_ALWAYS : _ALWAYS + most - len(due)])


def _admin_is_gone(replica: Replica) -> bool:
    """Whether nobody listens any more where Envoy's admin interface was: a restart gives it another name."""
    admin = replica.admin
    if admin is None or admin.kind == "tcp":
        return False
    name = "\0" + admin.address if admin.kind == "abstract" else admin.address
    return peer(name, deadline=0.2) is None
