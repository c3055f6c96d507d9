"""Finding the replica: which process, or what a sidecar sees of it. Blocking, and quick."""

from __future__ import annotations

import os
import posixpath

from pomhealth.replica import commandline, paths, processes
from pomhealth.replica.errors import Ambiguous, ReplicaError
from pomhealth.replica.examine import awaited, main_address, with_process
from pomhealth.replica.model import Process, Replica
from pomhealth.replica.sidecar import without_process
from pomhealth.settings import Settings
from pomhealth.status import Unobservable
from pomhealth.touch import touching

__all__ = ["Ambiguous", "ReplicaError", "check_readable", "choose", "discover", "runs"]


def discover(settings: Settings, before: Replica | None = None) -> Replica:
    """The replica as it is now; awaited where one is expected and none runs.

    `before` is what was found last: its options stay where the file is rejected now, and a process once chosen
    stays chosen while it lives. Raises Ambiguous when several replicas run and nothing says which, ReplicaError for
    a wrong --pid or an unreadable --pomerium-config.
    """
    main = choose(settings, before)
    if main is not None:
        return with_process(main, settings, before)
    if settings.pomerium_config:
        check_readable(settings.pomerium_config, ", and no replica runs with it")
    hidden = processes.closed()
    if before is not None and (before.main is not None or before.awaited) and not hidden:
        return awaited(settings, before)
    if processes.replicas():
        return awaited(settings, before)  # others are seen, so this one would be too
    return without_process(settings, before, hidden=hidden) or awaited(settings, before)


def runs(settings: Settings) -> bool:
    """Whether a replica runs that the settings mean, as far as can be seen from here. Raises as `discover` does."""
    if choose(settings, None) is not None:
        return True
    return not processes.replicas() and without_process(settings, None) is not None


def choose(settings: Settings, before: Replica | None) -> Process | None:
    """The replica's main process; None where none runs. Raises as `discover` does."""
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
        return _same_file(reached, config)
    except TimeoutError:  # their file system does not answer: then the names must do
        return posixpath.normpath(reached) == os.path.abspath(config)  # noqa: PTH100  (strings all the way)


def _same_file(one: str, other: str) -> bool:
    with touching(one), touching(other):
        try:
            return os.path.samefile(one, other)  # noqa: PTH121
        except OSError:
            return os.path.realpath(one) == os.path.realpath(other)


def check_readable(config: str, besides: str = "") -> None:
    """Raises ReplicaError for a --pomerium-config that is no file or cannot be read; `besides` ends its message.

    One whose file system does not answer may well be right.
    """
    try:
        paths.read(config)
    except TimeoutError:
        return
    except OSError as error:
        why = error.strerror or "it cannot be read"
        raise ReplicaError(f"--pomerium-config {config}: {why}{besides}") from None


def _described(process: Process) -> str:
    config = commandline.config_file(processes.argv(process.pid)) or "none"
    return f"pid {process.pid} (config {config}, main address {main_address(process)})"
