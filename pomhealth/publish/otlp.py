"""The bridge from the collector of /metrics to OpenTelemetry's instruments. Imports the SDK.

The SDK's own thread asks for a view once a collection, and every instrument reads what the collector makes of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from prometheus_client import Metric

from pomhealth import __version__
from pomhealth.catalogue import catalogue
from pomhealth.publish.metrics.exposition import registry
from pomhealth.publish.view import View
from pomhealth.status import StatusMap

_CLOSING = 1500.0  # milliseconds for the last export
_UNITS = {"_seconds": "s", "_bytes": "By"}
_EMPTY = View(StatusMap(), catalogue())  # it has every family, as every view
Samples = Mapping[str, list[Observation]]
Tell = Callable[[str], None]


class Exporting:
    """Exports until `close`. `view` gives what is so now, None where it cannot; `tell` hears of each turn: why exports
    fail, "" once they work again. Both are called from the SDK's thread.

    Raises ValueError for what the environment says and the SDK does not take.
    """

    def __init__(self, view: Callable[[], View | None], tell: Tell) -> None:
        self._view = view
        self._samples: Samples = {}
        self._asked: set[str] = set()
        reader = PeriodicExportingMetricReader(_Exporter(tell))
        self._provider = MeterProvider([reader], resource=_resource(), shutdown_on_exit=False)
        meter = self._provider.get_meter("pomhealth", __version__)
        for family in registry(_EMPTY).collect():
            for name, counts in _names(family):
                self._asked.add(name)
                make = meter.create_observable_counter if counts else meter.create_observable_gauge
                make(name, [self._reads(name)], unit=_unit(family.name), description=family.documentation)

    def close(self) -> None:
        """Exports once more and ends."""
        self._provider.shutdown(timeout_millis=_CLOSING)

    def _reads(self, name: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
        def read(_: CallbackOptions) -> Iterable[Observation]:
            if name in self._asked:  # each is asked once in a collection: this is the next one
                self._asked.clear()
                view = self._view()
                self._samples = _collected(registry(view).collect()) if view is not None else {}
            self._asked.add(name)
            return self._samples.get(name, ())

        return read


class _Exporter(OTLPMetricExporter):
    """Tells how the exports go, in one line a turn; by itself the SDK would write on standard error at each."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._fails = False
        self._said = _FirstSaid()
        for name in ("opentelemetry", "urllib3"):
            logger = logging.getLogger(name)
            logger.handlers = [self._said]
            logger.propagate = False
        super().__init__()

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: object
    ) -> MetricExportResult:
        self._said.text = ""
        result = super().export(metrics_data, timeout_millis, **kwargs)
        fails = result is not MetricExportResult.SUCCESS
        if fails != self._fails:
            self._fails = fails
            self._tell(f"{self._where()}: {self._said.text or 'it failed'}" if fails else "")
        return result

    def _where(self) -> str:
        """The collector's address, without what identifies us to it."""
        url = urlsplit(self._endpoint)
        return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"


class _FirstSaid(logging.Handler):
    """Keeps the first thing that the SDK's loggers say of an export, in place of writing it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text = self.text or record.getMessage()


def _collected(families: Iterable[Metric]) -> Samples:
    found: dict[str, list[Observation]] = {}
    for family in families:
        for sample in family.samples:
            found.setdefault(_instrument(sample.name, family), []).append(
                Observation(sample.value, sample.labels)
            )
    return found


def _names(family: Metric) -> list[tuple[str, bool]]:
    """The instruments of a family, and whether each counts. OpenTelemetry has no summary: its two parts are counters."""
    if family.type == "summary":
        return [(f"{family.name}_sum", True), (f"{family.name}_count", True)]
    return [(family.name, family.type == "counter")]


def _instrument(sample: str, family: Metric) -> str:
    """A counter's instrument has no _total: whoever hands it on to Prometheus adds that."""
    return sample.removesuffix("_total") if family.type == "counter" else sample


def _unit(name: str) -> str:
    return next((unit for end, unit in _UNITS.items() if name.endswith(end)), "")


def _resource() -> Resource:
    """Who sends this. What OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say counts before what is known by itself."""
    given = OTELResourceDetector().detect().attributes
    ours = {"service.name": "pomhealth", "service.version": __version__}
    return Resource.create({key: value for key, value in ours.items() if key not in given})
