"""Finding the replica: which process, or what a sidecar sees of it. Blocking, and quick."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from pomhealth.replica import askonce, commandline, paths, processes
from pomhealth.replica.envoy import LEARNT, learn
from pomhealth.replica.errors import Ambiguous, ReplicaError
from pomhealth.replica.examine import awaited, learns, main_address, version_may_come, with_process
from pomhealth.replica.model import Process, Replica
from pomhealth.replica.sidecar import without_process
from pomhealth.settings import Settings
from pomhealth.status import Unobservable

_ASK_EVERY = 5.0  # seconds
_FILES = 100  # looked at in one look for changes; a stat takes some 5 microseconds
_ALWAYS = 2  # the configuration file and the one with the data source name

__all__ = ["Ambiguous", "ReplicaError", "changed", "discover"]


def discover(settings: Settings, before: Replica | None = None) -> Replica:
    """The replica as it is now; awaited where one is expected and none runs.

    `before` is what was found last: its options stay where the file is rejected now, and a process once chosen
    stays chosen while it lives. Raises Ambiguous when several replicas run and nothing says which, ReplicaError for
    a wrong --pid or an unreadable --pomerium-config.
    """
    main = _choose(settings, before)
    if main is not None:
        return with_process(main, settings, before)
    if settings.pomerium_config:
        _check_readable(settings.pomerium_config)
    if before is not None and (before.main is not None or before.awaited):
        return awaited(settings, before)
    if processes.replicas():
        return awaited(settings, before)  # others are seen, so this one would be too
    return without_process(settings, before) or awaited(settings, before)


def changed(replica: Replica, settings: Settings) -> bool:
    """Whether discover() would answer differently: another process, another Envoy, a file written or replaced.

    A few reads of /proc and a stat for each file; made to be called every second.
    """
    if any(paths.stamp(path) != stamp for path, stamp in _due(replica.stamps)):
        return True
    main = replica.main
    if main is None:
        return _appeared(replica, settings)
    if processes.state(main) in (None, "Z", "X"):
        return True
    if any(processes.state(envoy) in (None, "Z", "X") for envoy in replica.envoys):
        return True
    if not replica.envoys:
        return bool(processes.envoys(main)) or main not in processes.replicas()
    if processes.has_new_child(main, replica.envoys) or version_may_come(replica):
        return True
    return _listens_elsewhere(replica)


# When each replica's Envoy was last asked what it listens on: asking is not for every look.
_asked: dict[Process | None, float] = {}


def _is_due(replica: Replica) -> bool:
    now = time.monotonic()
    if now - _asked.get(replica.main, 0.0) < _ASK_EVERY:
        return False
    _asked.clear()
    _asked[replica.main] = now
    return True


def _listens_elsewhere(replica: Replica) -> bool:
    """Whether Envoy listens on other addresses than it did, where they were learnt from it; asked every few seconds."""
    if not learns(replica) or not _is_due(replica):
        return False
    before = {(one.role, one.where, one.udp) for one in replica.endpoints if one.origin == LEARNT}
    found = learn(replica.admin, {})
    if found is None:
        return False
    known = {one.role for one in replica.endpoints if one.origin != LEARNT}
    return {(one.role, one.where, one.udp) for one in found if one.role not in known} != before


def _choose(settings: Settings, before: Replica | None) -> Process | None:
    if settings.pid is not None:
        return _by_pid(settings.pid, before)
    found = processes.replicas()
    if settings.pomerium_config:
        found = tuple(one for one in found if _runs_with(one, settings.pomerium_config))
    if before is not None and before.main in found:
        return before.main
    if len(found) > 1:
        raise Ambiguous(tuple(_described(one) for one in found))
    return found[0] if found else None


def _by_pid(pid: int, before: Replica | None) -> Process | None:
    found = processes.process(pid)
    if found is not None and (processes.is_replica(pid) or (before is not None and before.main == found)):
        return found
    if before is not None and before.main is not None and before.main.pid == pid:
        return None
    if found is None:
        raise ReplicaError(f"--pid {pid}: there is no such process")
    raise ReplicaError(f"--pid {pid}: {processes.named(pid)} is not a Pomerium replica")


class _Turn:
    """Where in the list of files the last look ended."""

    at = 0


def _due(stamps: Mapping[str, tuple[int, ...]]) -> list[tuple[str, tuple[int, ...]]]:
    """The files to look at now: the first ones (the configuration itself) always, of many others some in turn."""
    files = list(stamps.items())
    if len(files) <= _FILES:
        return files
    first, rest = files[:_ALWAYS], files[_ALWAYS:]
    start = _Turn.at % len(rest)
    _Turn.at = start + _FILES
    return first + (rest + rest[:_FILES])[start : start + _FILES]


def _appeared(replica: Replica, settings: Settings) -> bool:
    try:
        if _choose(settings, replica) is not None:
            return True
    except Ambiguous:
        return True
    except ReplicaError:
        return False
    if replica.awaited:
        return False
    if _admin_is_gone(replica) or (replica.admin is None and _is_due(replica)):
        return without_process(settings, replica) != replica
    return _listens_elsewhere(replica)


def _admin_is_gone(replica: Replica) -> bool:
    """Whether nobody listens any more where Envoy's admin interface was: a restart gives it another name."""
    admin = replica.admin
    if admin is None or admin.kind == "tcp":
        return False
    name = "\0" + admin.address if admin.kind == "abstract" else admin.address
    return askonce.peer(name, deadline=0.2) is None


def _runs_with(process: Process, config: str) -> bool:
    """Whether the process was started with this file, however either names it."""
    named = commandline.config_file(processes.argv(process.pid))
    if not named:
        return False
    try:
        reached = paths.reach(named, cwd=processes.cwd(process.pid), root=processes.root(process.pid))
    except Unobservable:
        reached = named
    try:
        return os.path.samefile(reached, config)  # noqa: PTH121  (strings all the way)
    except OSError:
        return os.path.realpath(reached) == os.path.realpath(config)


def _check_readable(config: str) -> None:
    try:
        paths.read(config)
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise ReplicaError(f"--pomerium-config {config}: {why}, and no replica runs with it") from None


def _described(process: Process) -> str:
    config = commandline.config_file(processes.argv(process.pid)) or "none"
    return f"pid {process.pid} (config {config}, main address {main_address(process)})"
