"""Reads pairs of certificates and keys from disk, again only where a file changed. Blocking."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pomhealth.certs import pem, sources
from pomhealth.certs.model import AUTOCERT, UNREADABLE, Certificate, Complaint, Pair, Source
from pomhealth.replica import paths
from pomhealth.replica.model import Options
from pomhealth.storage.access import ENTER, READ, Credentials, mode
from pomhealth.touch import SAYS, touching

Reach = Callable[[str], str]

_LIMIT = 16 * 1024 * 1024  # bytes of a certificate file; Pomerium reads the file whole
_KEPT = 4096  # files whose content is remembered by their stamp


@dataclass(frozen=True, slots=True)
class Eyes:
    """How files are looked at: `reach` turns a path of the replica's into one of ours, `who` is its user where known.

    `sure` tells of a path as written whether a file that is not found from here is not there for the replica either.
    """

    reach: Reach
    who: Credentials | None = None
    sure: Callable[[str], bool] = lambda _: True


def read(source: Source, eyes: Eyes) -> Pair:
    """The pair as it is on disk, or inline. Raises nothing."""
    return _inline(source) if source.inline else _of_files(source, eyes)


def complaint(source: Source, reach: Reach) -> Complaint | None:
    """What Pomerium refuses of a pair; None too where this user may not read it."""
    return read(source, Eyes(reach)).complaint


def autocert(options: Options, directory: str, hosts: Iterable[str], reach: Reach) -> Iterator[Source]:
    """What autocert has obtained for these hosts so far. Raises PermissionError where it may not be looked at."""
    issuer = sources.issuer_directory(options, directory)
    try:
        here = reach(issuer)
        with touching(here):
            there = frozenset(os.listdir(here))  # noqa: PTH208  (names are enough)
    except PermissionError:
        raise
    except OSError:
        return
    for host in hosts:
        certificate, key = sources.autocert_files(issuer, host)
        if "*" not in host and posixpath.basename(posixpath.dirname(certificate)) in there:
            yield Source("autocert", options.origin("autocert"), certificate, key, AUTOCERT)


def _inline(source: Source) -> Pair:
    try:
        for what, text in (("certificate", source.certificate), ("key", source.key)):
            if not text:
                raise pem.NotPem(f"the {what} is missing")  # noqa: TRY301  (told as the other reasons are)
        found, public = pem.chain(pem.decoded(source.certificate, "certificate"))
    except pem.NotPem as bad:
        return Pair(source, complaint=Complaint(UNREADABLE, str(bad)))
    try:
        key = pem.public_of(pem.decoded(source.key, "key"))
    except pem.NotPem as bad:
        return Pair(source, found, Complaint(UNREADABLE, str(bad)))
    return Pair(source, found, pem.unfit(public, key))


def _of_files(source: Source, eyes: Eyes) -> Pair:
    changed = 0.0
    found: tuple[Certificate, ...] = ()
    public = b""
    worst: Complaint | None = None
    unseen, silent = "", False
    key = b""
    for what, path in (("certificate", str(source.certificate)), ("key", str(source.key))):
        if not path:
            worst = worst or Complaint(UNREADABLE, f"the {what} is missing")
            continue
        reached = eyes.reach(path)
        try:
            at, denied = _looked_at(reached, eyes.who, whole=path.startswith("/"))
            changed = max(changed, at)
            if denied:
                worst = worst or Complaint(
                    UNREADABLE, f"the replica's user may not read the {what}: {denied}"
                )
            if what == "certificate":
                found, public = _chain(reached, paths.stamp(reached))
            else:
                key = _public(reached, paths.stamp(reached))
        except (pem.NotPem, OSError) as error:
            complaint, hidden = _trouble(what, path, error, eyes)
            worst, unseen = worst or complaint, unseen or hidden
            silent = silent or isinstance(error, TimeoutError)
    if worst is None and public and key:
        worst = pem.unfit(public, key)
    return Pair(source, found, worst, unseen, changed, silent)


def _trouble(what: str, path: str, error: pem.NotPem | OSError, eyes: Eyes) -> tuple[Complaint | None, str]:
    """What it means that a file cannot be used: a complaint, or why it cannot be seen from here."""
    if isinstance(error, pem.NotPem):
        return Complaint(UNREADABLE, str(error)), ""
    if isinstance(error, TimeoutError):
        return None, f"{SAYS}: {path}"
    if isinstance(error, PermissionError):
        return None, f"this user may not read {path}"
    if eyes.sure(path):
        return Complaint(UNREADABLE, f"the {what} cannot be read: {error.strerror}", there=False), ""
    return None, f"{path} is not to be found from here"


def _looked_at(path: str, who: Credentials | None, *, whole: bool) -> tuple[float, str]:
    """When the file changed last, and why its reader may not read it, "" where he may. Raises OSError."""
    with touching(path):
        return _changed(path), _denied(path, who, whole=whole) if who is not None else ""


@lru_cache(maxsize=_KEPT)
def _chain(path: str, stamp: tuple[int, ...]) -> tuple[tuple[Certificate, ...], bytes]:
    """The certificates in a file. What cannot be read is not remembered: rights change without a trace in the stamp."""
    del stamp
    return pem.chain(paths.read(path, limit=_LIMIT))


@lru_cache(maxsize=_KEPT)
def _public(path: str, stamp: tuple[int, ...]) -> bytes:
    """The digest of the public key of a private key's file; of the key itself nothing is kept."""
    del stamp
    return pem.public_of(paths.read(path, limit=_LIMIT))


def _changed(path: str) -> float:
    """When a file was last changed or put in place, its link included."""
    seen = os.stat(path)  # noqa: PTH116  (there may be thousands)
    return max(seen.st_mtime, seen.st_ctime, os.lstat(path).st_ctime)


def _denied(path: str, who: Credentials, *, whole: bool) -> str:
    """Why this user may not read the file, by owner and mode; empty where it may, or where a list decides.

    With `whole` the directories on the way count too: from its working directory a process needs none above it.
    """
    if who.overrides or "system.posix_acl_access" in os.listxattr(path):
        return ""
    seen = os.stat(path)  # noqa: PTH116
    if not who.may(READ, uid=seen.st_uid, gid=seen.st_gid, mode=seen.st_mode):
        return f"{path} is of {mode(seen)}"
    return _barred(posixpath.dirname(path), who) if whole else ""


def _barred(directory: str, who: Credentials) -> str:
    while directory not in ("", "/"):
        seen = os.stat(directory)  # noqa: PTH116
        if not who.may(ENTER, uid=seen.st_uid, gid=seen.st_gid, mode=seen.st_mode):
            return f"{directory} is of {mode(seen)}"
        directory = posixpath.dirname(directory)
    return ""
