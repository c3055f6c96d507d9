"""Processes as /proc shows them (proc(5)). Blocking, each call a few reads."""

from __future__ import annotations

# Plain os calls: there are thousands of them in one look.
# ruff: noqa: PTH115, PTH116, PTH119, PTH123, PTH208
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pomhealth.replica import commandline
from pomhealth.replica.model import Process
from pomhealth.status import Unobservable

_DEAD = ("Z", "X", "x")


@dataclass(frozen=True, slots=True)
class Stat:
    """The part of /proc/PID/stat that is used. `name` is the command name, `started` in clock ticks since boot."""

    name: str
    state: str
    parent: int
    started: int


def stat(pid: int) -> Stat | None:
    """None when there is no such process."""
    text = _read(f"/proc/{pid}/stat")
    if not text:
        return None
    head, _, tail = text.rpartition(b") ")
    fields = tail.split()
    name = head.partition(b" (")[2].decode("utf-8", "replace")
    return Stat(name, fields[0].decode("ascii"), int(fields[1]), int(fields[19]))


def process(pid: int) -> Process | None:
    """The process with this id as it is now; None when there is none or it has ended."""
    seen = stat(pid)
    if seen is None or seen.state in _DEAD:
        return None
    uid, gid = _owner(pid)
    return Process(pid, seen.started, uid, gid)


def state(process: Process) -> str | None:
    """One letter from /proc/PID/stat (R, S, D, T, Z, …); None when it is gone or another process has its id."""
    seen = stat(process.pid)
    return seen.state if seen is not None and seen.started == process.started else None


def age(process: Process) -> float:
    """Seconds since the process was started."""
    uptime = float((_read("/proc/uptime") or b"0").split()[0])
    return uptime - process.started / os.sysconf("SC_CLK_TCK")


def replicas() -> tuple[Process, ...]:
    """Every running `pomerium` that serves (its subcommands do not).

    Where one started another (a wrapper script, a fork under way), the one with an Envoy counts, else the first.
    """
    everyone = _everyone()
    found = [pid for pid, seen in everyone.items() if _serves(pid, seen)]
    chosen = [pid for pid in found if everyone[pid].parent not in found]
    for pid in found:
        parent = everyone[pid].parent
        if parent in found and _has_envoy(pid, everyone):
            chosen = [one for one in chosen if one != parent] + [pid]
    return tuple(one for pid in sorted(chosen) if (one := process(pid)) is not None)


def envoys(main: Process) -> tuple[Process, ...]:
    """The running Envoys that this process started, oldest first. Two during a hot restart."""
    found = []
    for pid, seen in _everyone().items():
        if seen.parent == main.pid and _is_envoy(pid, seen):
            uid, gid = _owner(pid)
            found.append(Process(pid, seen.started, uid, gid))
    return tuple(sorted(found, key=lambda one: (one.started, one.pid)))


def is_replica(pid: int) -> bool:
    """Whether this process is a `pomerium` that serves."""
    seen = stat(pid)
    return seen is not None and seen.state not in _DEAD and _serves(pid, seen)


def closed() -> bool:
    """Whether a process of our own user is closed to us: one with more capabilities, where /proc hides those (hidepid
    of proc(5), ProtectProc= of systemd.exec(5)).
    """
    user = os.geteuid()
    return any(_closed(pid, user) for pid in pids())


class Strangers:
    """Processes known to be none of a replica's children, so that the next look need not read them again."""

    def __init__(self) -> None:
        self._main: Process | None = None
        self._known: frozenset[int] = frozenset()

    def have_envoy(self, main: Process, known: Sequence[Process]) -> bool:
        """Whether the process has an Envoy that is not among those known.

        Only processes that were not there at the last call are looked at, besides the process's own children.
        """
        now = frozenset(pids())
        past = self._known & now if self._main == main else frozenset[int]()
        others = set()
        found = False
        for pid in now - past:
            seen = stat(pid)
            if seen is None or seen.parent != main.pid:
                others.add(pid)
            elif pid not in {one.pid for one in known}:
                found = found or _is_envoy(pid, seen)
        self._main, self._known = main, past | others
        return found


def argv(pid: int) -> tuple[str, ...]:
    """The command line; empty for kernel threads and for what has ended."""
    text = _read(f"/proc/{pid}/cmdline")
    if not text:
        return ()
    return tuple(part.decode("utf-8", "surrogateescape") for part in text.removesuffix(b"\0").split(b"\0"))


def environment(pid: int) -> Mapping[str, str]:
    """The environment the process was started with. Raises Unobservable without the right to read it."""
    with _right(pid, "environment"), open(f"/proc/{pid}/environ", "rb") as file:
        text = file.read()
    pairs = (part.partition(b"=") for part in text.split(b"\0") if b"=" in part)
    return {
        name.decode("utf-8", "surrogateescape"): value.decode("utf-8", "surrogateescape")
        for name, _, value in pairs
    }


def cwd(pid: int) -> str:
    """The working directory. Raises Unobservable without the right to read it."""
    with _right(pid, "working directory"):
        return os.readlink(f"/proc/{pid}/cwd").removesuffix(" (deleted)")


def executable(pid: int) -> str:
    """The path of the program. Raises Unobservable without the right to read it."""
    with _right(pid, "executable"):
        return os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")


def root(pid: int) -> str:
    """The prefix under which the process's files are reached: "" when it sees the same files as we do.

    Raises Unobservable without the right to tell.
    """
    with _right(pid, "mount namespace"):
        here, there = os.stat("/"), os.stat(f"/proc/{pid}/root/")
        same = os.readlink("/proc/self/ns/mnt") == os.readlink(f"/proc/{pid}/ns/mnt")
    if same and (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino):
        return ""
    return f"/proc/{pid}/root"


def reached(root: str) -> bool:
    """Whether a prefix that `root` gave still leads anywhere: it does not once the process has ended."""
    if not root:
        return True
    try:
        os.readlink(root)
    except OSError:
        return False
    return True


def same_network(pid: int) -> bool:
    """Whether the process shares our network namespace.

    Each namespace has its own /proc/PID/net/tcp, with an inode of its own, which anybody may look at.
    """
    try:
        return os.stat(f"/proc/{pid}/net/tcp").st_ino == os.stat("/proc/self/net/tcp").st_ino
    except OSError:
        return True


def named(pid: int) -> str:
    """A process in words: "nginx (pid 812)"."""
    seen = stat(pid)
    return f"{seen.name} (pid {pid})" if seen is not None else f"pid {pid}"


def right_for(pid: int) -> str:
    """The right that is needed to look into a process that is another user's."""
    uid, _ = _owner(pid)
    return f"run as the replica's user (uid {uid}) or with CAP_SYS_PTRACE"


def pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _everyone() -> dict[int, Stat]:
    """Every process that has not ended."""
    return {pid: seen for pid in pids() if (seen := stat(pid)) is not None and seen.state not in _DEAD}


def _closed(pid: int, user: int) -> bool:
    try:
        if os.stat(f"/proc/{pid}").st_uid != user:
            return False
        os.close(os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC))
    except PermissionError:
        return True
    except OSError:
        pass
    return False


def _serves(pid: int, seen: Stat) -> bool:
    words = argv(pid)
    if not words:
        return False
    named_so = seen.name == commandline.NAME or commandline.is_named(words) or _runs(pid, commandline.NAME)
    return named_so and commandline.serves(words)


def _runs(pid: int, name: str) -> bool:
    try:
        return os.path.basename(executable(pid)) == name
    except Unobservable:
        return False


def _has_envoy(parent: int, everyone: Mapping[int, Stat]) -> bool:
    return any(seen.parent == parent and _is_envoy(pid, seen) for pid, seen in everyone.items())


def _is_envoy(pid: int, seen: Stat) -> bool:
    return seen.name == "envoy" or commandline.is_named(argv(pid), "envoy")


def _owner(pid: int) -> tuple[int, int]:
    """The effective user and group."""
    ids = {
        line.partition(b":")[0]: line.split()[2]
        for line in (_read(f"/proc/{pid}/status") or b"").splitlines()
        if line.startswith((b"Uid:", b"Gid:"))
    }
    return int(ids.get(b"Uid", b"0")), int(ids.get(b"Gid", b"0"))


def _read(path: str) -> bytes:
    """A small file of /proc; empty when it is gone or may not be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        content = os.read(descriptor, 65536)
        while len(content) % 65536 == 0 and (more := os.read(descriptor, 65536)):
            content += more
        return content
    except OSError:
        return b""
    finally:
        os.close(descriptor)


class _right:  # noqa: N801  (a context manager, used as a function)
    """Turns a refused look into Unobservable with the right that is lacking, and a vanished process likewise."""

    def __init__(self, pid: int, what: str) -> None:
        self._pid = pid
        self._what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, PermissionError):
            raise Unobservable(
                f"the {self._what} of process {self._pid} cannot be read", right_for(self._pid)
            ) from None
        if isinstance(error, OSError):
            raise Unobservable(f"process {self._pid} has ended") from None
