"""A small real OTLP/HTTP receiver, which decodes what it gets by OpenTelemetry's own definitions."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass(frozen=True)
class Export:
    """One request: its headers, and what its body holds."""

    headers: Mapping[str, str]
    message: Any

    @property
    def resource(self) -> dict[str, str]:
        (one,) = self.message.resource_metrics
        return {pair.key: pair.value.string_value for pair in one.resource.attributes}

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics by name."""
        return {
            metric.name: metric
            for resource in self.message.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    @property
    def values(self) -> Values:
        """Each point's value by the metric's name and its attributes."""
        found: Values = {}
        for name, metric in self.metrics.items():
            for point in getattr(metric, metric.WhichOneof("data")).data_points:
                labels = frozenset((pair.key, pair.value.string_value) for pair in point.attributes)
                found[name, labels] = getattr(point, point.WhichOneof("value"))
        return found


@dataclass
class Receiver:
    """What came so far. `status` is what is answered from now on."""

    address: str
    exports: list[Export] = field(default_factory=list)
    status: int = 200
    came: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiver() -> Iterator[Receiver]:
    """Listens until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/metrics" and here.status == 200:
                here.exports.append(Export(dict(self.headers), ExportMetricsServiceRequest.FromString(body)))
            self.send_response(here.status)
            self.send_header("Content-Length", "0")
            self.end_headers()
            here.came.set()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def mute() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
