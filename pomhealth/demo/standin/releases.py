"""What differs between Pomerium's releases, as far as a process outside can see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Release:
    """One release's traits.

    `health_server`: it serves its own health report. `abstract_admin`: Envoy's admin interface is on an abstract
    socket with a new name each start, else on a path in $TMPDIR. `memory_name`: the `backend` attribute of
    in-memory storage. `schema`: the migration version it keeps in PostgreSQL. `default_data_home`: where the
    data directory is without HOME. `metrics`: it exports its health and its syncers as metrics.
    """

    version: str
    health_server: bool
    abstract_admin: bool
    memory_name: str
    schema: int
    sorted_checks: bool
    extensions: bool
    default_file_store: bool
    data_in_tmp: bool
    metrics: bool


_RELEASES = {
    (0, 30): Release("v0.30.8", False, False, "in-memory", 5, False, False, False, True, False),
    (0, 31): Release("v0.31.3", True, False, "in-memory", 7, False, False, False, True, False),
    (0, 32): Release("v0.32.9", True, False, "file", 8, False, False, True, False, False),
    (0, 33): Release("v0.33.1", True, True, "file", 9, True, True, True, False, True),
}

VERSIONS = tuple(release.version for release in _RELEASES.values())
NEWEST = VERSIONS[-1]


def release(version: str) -> Release:
    """The release of that version ("v0.33.1"). Raises ValueError for one that the stand-in does not know."""
    for known in _RELEASES.values():
        if known.version == version:
            return known
    raise ValueError(f"unknown release {version!r}; known are {', '.join(VERSIONS)}")
