"""Every series of a view. Pure, but for what the process knows of itself."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from functools import cache

import psutil

from pomhealth import __version__
from pomhealth.drain.model import ID as DRAIN
from pomhealth.publish.metrics import certificates, checks, cluster
from pomhealth.publish.metrics import families as of
from pomhealth.publish.metrics.families import FAMILIES, Family, Point
from pomhealth.publish.metrics.label import label
from pomhealth.publish.view import View


def points(view: View) -> Mapping[Family, list[Point]]:
    """The series of each family, in the order of FAMILIES; one without any stands there too."""
    found: dict[Family, list[Point]] = {family: [] for family in FAMILIES}
    for part in (_whole, checks.points, certificates.points, _replica, _drain, cluster.points, _agent):
        for family, point in part(view):
            found[family].append(point)
    return found


def _whole(view: View) -> Iterator[tuple[Family, Point]]:
    yield of.READY, Point((), view.status.ready)
    yield of.LIVE, Point((), view.status.live)
    yield of.STARTED, Point((), view.started)


def _replica(view: View) -> Iterator[tuple[Family, Point]]:
    """Nothing while none was found."""
    replica = view.replica
    if "version" in replica:
        values = (
            replica.get("version"),
            ",".join(replica.get("services") or ()),
            replica.get("storage"),
            replica.get("platform"),
        )
        yield of.REPLICA_INFO, Point(tuple(label(str(value or "")) for value in values), 1)


def _drain(view: View) -> Iterator[tuple[Family, Point]]:
    drain = view.drain
    yield of.DRAIN_ACTIVE, Point((), drain is not None)
    if drain is None:
        return
    for family, key in ((of.DRAIN_CONNECTIONS, "connections"), (of.DRAIN_REQUESTS, "requests")):
        if drain[key] is not None:
            yield family, Point((), drain[key])
    told = view.status.components.get(DRAIN)
    if told is not None and told.since:
        yield of.DRAIN_STARTED, Point((), told.since)


def _agent(view: View) -> Iterator[tuple[Family, Point]]:
    yield of.BUILD_INFO, Point((__version__, platform.python_version()), 1)
    yield of.AGENT_LAG, Point((), view.late)
    yield of.AGENT_START, Point((), _began())


@cache
def _began() -> float:
    """When this process was started, in seconds since the epoch."""
    return psutil.Process().create_time()
