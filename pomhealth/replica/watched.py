"""The files on which a replica's configuration rests, each with a mark that tells a changed one. Blocking."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator

from pomhealth.certs import reading, sources
from pomhealth.replica import paths, routes
from pomhealth.replica.model import Options, Value

__all__ = ["stamps", "stamps_of"]

Known = dict[str, tuple[str, tuple[str, ...]]]


def stamps(
    options: Options,
    *,
    own: str,
    cwd: str,
    root: str,
    data: Value | None,
    release: tuple[int, int] | None,
) -> dict[str, tuple[int, ...]]:
    """The marks of the files that were read and of the links that lead to them, by path as this process reaches it.

    `own` is the configuration file as the operator named it for us, else it is the replica's. `cwd` and `root` are
    as in `paths.reach`, `data` is the replica's data directory.
    """
    known: Known = {}
    named = [
        "" if own else options.path,
        str(options.get("databroker_storage_connection_string_file") or ""),
        *_certificates(options),
        *_autocert(options, cwd, root, data, release),
    ]
    trails = [paths.trail(path, cwd=cwd, root=root, known=known) for path in dict.fromkeys(named) if path]
    found = stamps_of(own) if own else {}
    return {**found, **{path: paths.stamp(path) for trail in trails for path in trail}}


def stamps_of(own: str) -> dict[str, tuple[int, ...]]:
    """The same of one file that the operator named for us."""
    return {path: paths.stamp(path) for path in paths.trail(own, cwd=os.getcwd(), root="", known={})}  # noqa: PTH109


def _certificates(options: Options) -> Iterator[str]:
    for source in sources.asked_for(options):
        if not source.inline:
            yield from (source.certificate, source.key)


def _autocert(
    options: Options, cwd: str, root: str, data: Value | None, release: tuple[int, int] | None
) -> Iterator[str]:
    """What autocert has obtained, and the directories in which more will appear."""
    found = sources.autocert_directory(options, data, release)
    if found is None or sources.in_bucket(str(found.value)):
        return
    directory = str(found.value)
    yield sources.issuer_directory(options, directory)
    names = (host.name for host in routes.hosts(options))
    try:
        for source in reading.autocert(
            options, directory, names, lambda path: paths.reach(path, cwd=cwd, root=root)
        ):
            yield from (posixpath.dirname(source.certificate), source.certificate, source.key)
    except PermissionError:
        return
