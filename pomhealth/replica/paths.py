"""Where a replica's files are, seen from here: its working directory, its mount namespace."""

from __future__ import annotations

# Plain os calls: there are thousands of them in one look.
# ruff: noqa: PTH115, PTH116, PTH123
import os
import posixpath
import stat

from pomhealth.replica.model import Replica

_MOST_LINKS = 40  # the kernel's own limit


def resolve(replica: Replica, path: str) -> str:
    """The path under which this process reaches the replica's file `path`. Looks at links, so it may block."""
    return reach(path, cwd=replica.cwd, root=replica.root)


def reach(path: str, *, cwd: str, root: str) -> str:
    """The same, from the replica's working directory and the prefix of its mount namespace ("" for our own).

    In another mount namespace an absolute link leads to a path of that namespace, not of ours.
    """
    absolute = posixpath.normpath(posixpath.join(cwd or "/", path))
    if not root:
        return absolute
    return root + _follow(absolute, root)


def _follow(path: str, root: str) -> str:
    """`path` with its symbolic links followed inside `root`."""
    ahead = [part for part in path.split("/") if part][::-1]
    done = ""
    links = 0
    while ahead:
        part = ahead.pop()
        if part == "..":
            done = posixpath.dirname(done).rstrip("/")
            continue
        try:
            target = os.readlink(f"{root}{done}/{part}")
        except OSError:
            done = f"{done}/{part}"
            continue
        links += 1
        if links > _MOST_LINKS:
            return path
        if target.startswith("/"):
            done = ""
        ahead.extend([one for one in target.split("/") if one not in ("", ".")][::-1])
    return done or "/"


def read(path: str, *, limit: int = 64 * 1024 * 1024) -> bytes:
    """A regular file's content. Raises OSError; also for what is no regular file (a pipe would never end)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "not a regular file", path)
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(0, f"larger than {limit} bytes", path)
    return content


def stamp(path: str) -> tuple[int, ...]:
    """A mark that changes when the file is written, replaced, or its link swapped; empty when it is not there."""
    try:
        seen = os.stat(path)
    except OSError:
        return ()
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns
