"""The series as Prometheus's official client writes them. Imports it: only for who scrapes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from pomhealth.publish.metrics.families import Family, Kind, Point
from pomhealth.publish.metrics.points import points
from pomhealth.publish.view import View


class ViewCollector(Collector):
    """A collector of one moment: what it gives does not change."""

    def __init__(self, view: View) -> None:
        self._view = view

    def collect(self) -> Iterator[Metric]:
        for family, found in points(self._view).items():
            yield metric(family, found)


def registry(view: View) -> CollectorRegistry:
    """A registry with this view, and with what the kernel knows of this process."""
    made = CollectorRegistry()
    made.register(ViewCollector(view))
    made.register(_process())
    return made


def exposed(accept: str, view: View) -> tuple[str, bytes]:
    """The content type and the text that an Accept header asks for."""
    try:
        encode, kind = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is no number: the client compares it with one
        encode, kind = choose_encoder("")
    return kind, encode(registry(view))


def metric(family: Family, found: list[Point]) -> Metric:
    """A family in the client's form, which names a counter without its _total."""
    made = Metric(family.name.removesuffix("_total"), family.help, family.kind.value)
    for point in found:
        labels = dict(zip(family.labels, point.labels, strict=True))
        if family.kind is Kind.SUMMARY:
            made.add_sample(f"{family.name}_count", labels, point.count)
            made.add_sample(f"{family.name}_sum", labels, float(point.value))
        else:
            made.add_sample(family.name, labels, float(point.value))
    return made


@cache
def _process() -> ProcessCollector:
    return ProcessCollector(registry=None)
