"""Sends the metrics by OpenTelemetry (OTLP over HTTP), where the environment asks for it. Needs the extra `otel`.

Which environment variables count, and how: docs/metrics.md. All of them are read by the SDK itself, but for those
that say whether anything is sent at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Mapping
from concurrent import futures
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from pomhealth.blocking import Workers
from pomhealth.publish.view import View
from pomhealth.reach import Silent
from pomhealth.redact import Redactor, redact_dsn

if TYPE_CHECKING:
    from pomhealth.publish.otlp import Exporting

EXPORTER = "opentelemetry-exporter-otlp-proto-http"  # what the extra brings; the SDK comes with it
SPOKEN = "http/protobuf"
_THREAD = "opentelemetry"
_STARTING = 30.0  # seconds: the SDK is large, and a disk may be slow
_CLOSING = 1.9  # seconds that the agent's end waits for it, at most
_VIEW = 1.0  # seconds within which the event loop gives the view
_PROTOCOL = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_HEADERS = ("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS")
_LONGEST = 300  # characters of a reason


class Log(Protocol):
    """What is asked of a structured log."""

    def info(self, event: str, **values: object) -> object: ...

    def warning(self, event: str, **values: object) -> object: ...


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether the environment asks for metrics by OTLP. Pure."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporters = [one.strip().lower() for one in environ.get("OTEL_METRICS_EXPORTER", "").split(",")]
    if any(exporters):
        return "otlp" in exporters
    return any(environ.get(name, "").strip() for name in _ENDPOINTS)


def protocol(environ: Mapping[str, str]) -> str:
    """The protocol that it asks for. Pure."""
    named = (environ.get(name, "").strip().lower() for name in _PROTOCOL)
    return next((one for one in named if one), SPOKEN)


def secrets(environ: Mapping[str, str]) -> frozenset[str]:
    """What is meant for the collector alone: the headers, and what stands in an address besides host and path. Pure."""
    found = set()
    for item in ",".join(environ.get(name, "") for name in _HEADERS).split(","):
        found |= {item, item.partition("=")[2]}
    for name in _ENDPOINTS:
        _, _, query = environ.get(name, "").partition("?")
        found |= {query, *(pair.partition("=")[2] for pair in query.split("&"))}
    return frozenset(text for one in found for text in (one.strip(), unquote(one).strip()) if text)


class OpenTelemetry:
    """The export of one agent. `view` is called on the event loop's thread; `log` gives the log in force."""

    def __init__(
        self,
        view: Callable[[], View],
        *,
        environ: Mapping[str, str],
        workers: Workers,
        log: Callable[[], Log],
    ) -> None:
        self._view = view
        self._environ = environ
        self._workers = workers
        self._log = log
        self._exporting: Exporting | None = None

    async def start(self) -> None:
        """Begins to send, where that is wanted and can be; one line says that it does, or why not. Raises nothing."""
        if not wanted(self._environ):
            return
        refused = self._refusal()
        if refused:
            self._log().warning("no metrics are sent by OpenTelemetry", why=refused)
            return
        loop = asyncio.get_running_loop()

        def begin() -> Exporting:
            from pomhealth.publish.otlp import Exporting  # noqa: PLC0415  (large, and only for who asks for it)

            return Exporting(lambda: _seen(self._view, loop), lambda *said: _say(self._tell, loop, *said))

        try:
            self._exporting = await self._workers.call(_THREAD, begin, deadline=_STARTING)
        except (Silent, ImportError, ValueError, OSError) as error:
            self._log().warning(
                "no metrics are sent by OpenTelemetry", why=f"{type(error).__name__}: {error}"
            )
            return
        self._log().info("metrics are sent by OpenTelemetry", protocol=SPOKEN)

    async def close(self) -> None:
        """Sends what is left, for less than 2 s. Raises nothing."""
        exporting, self._exporting = self._exporting, None
        if exporting is not None:
            try:
                await self._workers.call(_THREAD, exporting.close, deadline=_CLOSING)
            except Silent:
                self._log().warning("the last metrics were not sent: the collector does not answer")

    def _refusal(self) -> str:
        asked = protocol(self._environ)
        if asked != SPOKEN:
            return f"OTEL_EXPORTER_OTLP_PROTOCOL is {asked[:40]!r}; only {SPOKEN} is spoken: set it so, with the collector's HTTP port (4318)"
        if any(
            not _is_there(name) for name in ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http")
        ):
            return f"the extra otel is not installed: {sys.executable} -m pip install {EXPORTER}"
        return ""

    def _tell(self, why: str) -> None:
        """How the sending goes now: why it fails, "" where it works again."""
        if why:
            self._log().warning("the metrics could not be sent by OpenTelemetry", why=self._clean(why))
        else:
            self._log().info("the metrics are sent by OpenTelemetry again")

    def _clean(self, text: str) -> str:
        """What may be told of it, in one line."""
        said = Redactor(secrets(self._environ)).scrub(redact_dsn(text))
        return " ".join(said.split())[:_LONGEST]


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a package above it
        return False


def _seen(view: Callable[[], View], loop: asyncio.AbstractEventLoop) -> View | None:
    """A view made on the event loop, for another thread; None where the loop gives none in time."""
    answer: futures.Future[View] = futures.Future()

    def make() -> None:
        if answer.set_running_or_notify_cancel():
            try:
                answer.set_result(view())
            except Exception as error:  # noqa: BLE001  (it is for who waits)
                answer.set_exception(error)

    try:
        loop.call_soon_threadsafe(make)
    except RuntimeError:  # it is closed
        return None
    try:
        return answer.result(_VIEW)
    except (futures.TimeoutError, futures.CancelledError):
        answer.cancel()
        return None


def _say(tell: Callable[[str], None], loop: asyncio.AbstractEventLoop, why: str) -> None:
    """Has the event loop tell it: the log belongs to its thread."""
    with contextlib.suppress(RuntimeError):  # it is closed
        loop.call_soon_threadsafe(tell, why)
