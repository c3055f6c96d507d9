"""Where a replica's files are, seen from here: its working directory, its mount namespace."""

from __future__ import annotations

# Plain os calls: there are thousands of them in one look.
# ruff: noqa: PTH115, PTH116, PTH123
import os
import posixpath
import stat

from pomhealth.replica.model import Replica
from pomhealth.touch import touching

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


def trail(
    path: str, *, cwd: str, root: str, known: dict[str, tuple[str, tuple[str, ...]]]
) -> tuple[str, ...]:
    """The file that `path` leads to, as this process reaches it, and after it every link on the way.

    A change of any of them is a change of the file. `known` remembers directories from one call to the next.
    """
    directory, name = posixpath.split(posixpath.normpath(posixpath.join(cwd or "/", path)))
    if directory not in known:
        met: list[str] = []
        real = _follow(directory, root, met).rstrip("/")
        known[directory] = (real, tuple(met))
    real, links = known[directory]
    try:
        with touching(f"{root}{real}/{name}"):
            os.readlink(f"{root}{real}/{name}")
    except OSError:
        return (f"{root}{real}/{name}", *links)
    further: list[str] = []
    return (root + _follow(f"{real}/{name}", root, further), *further, *links)


def _follow(path: str, root: str, links: list[str] | None = None) -> str:
    """`path` with its symbolic links followed inside `root`; each one that is met is added to `links`."""
    ahead = [part for part in path.split("/") if part][::-1]
    done = ""
    count = 0
    while ahead:
        part = ahead.pop()
        if part == "..":
            done = posixpath.dirname(done).rstrip("/")
            continue
        try:
            with touching(f"{root}{done}/{part}"):
                target = os.readlink(f"{root}{done}/{part}")
        except OSError:
            done = f"{done}/{part}"
            continue
        count += 1
        if count > _MOST_LINKS:
            return path
        if links is not None:
            links.append(f"{root}{done}/{part}")
        if target.startswith("/"):
            done = ""
        ahead.extend([one for one in target.split("/") if one not in ("", ".")][::-1])
    return done or "/"


def read(path: str, *, limit: int = 64 * 1024 * 1024) -> bytes:
    """A regular file's content. Raises OSError; also for what is no regular file (a pipe would never end)."""
    with touching(path):
        return _content(path, limit)


def _content(path: str, limit: int) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)  # open() would refuse a directory and leave its descriptor behind
        raise OSError(0, "not a regular file", path)
    with open(descriptor, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(0, f"larger than {limit} bytes", path)
    return content


def stamp(path: str) -> tuple[int, ...]:
    """A mark that changes when the file is written or replaced, or its owner, mode or link; empty when it is not there."""
    try:
        with touching(path):
            return _stamp(path)
    except OSError:
        return ()


def _stamp(path: str) -> tuple[int, ...]:
    try:
        seen = os.lstat(path)
        if not stat.S_ISLNK(seen.st_mode):
            return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns
        link = (seen.st_ino, seen.st_mtime_ns)
    except OSError:
        return ()
    try:
        seen = os.stat(path)
    except OSError:
        return link
    return seen.st_dev, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns, *link
