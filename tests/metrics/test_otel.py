"""OpenTelemetry: what is sent, when, where to, and that a collector that is gone holds nobody up."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest

from pomhealth import __version__
from pomhealth.blocking import Workers
from pomhealth.publish.metrics.families import FAMILIES, Kind
from pomhealth.publish.otel import EXPORTER, OpenTelemetry, protocol, secrets, wanted
from pomhealth.publish.view import View
from pomhealth.status import failed, passed
from pomhealth.status.tally import Count
from tests.agent.little import until
from tests.findings import SEEN
from tests.metrics.collector import Receiver, mute, receiver
from tests.metrics.reading import scraped
from tests.publish.views import view

WELL = view({"envoy.server": passed("fine")}, tally={"envoy.server": Count(looks=7, seconds=1.5, changes=2)})
ILL = view({"envoy.server": failed("hung", "no answer", SEEN)})
NOW = "pomhealth_ready", frozenset[tuple[str, str]]()


class Log:
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **values: object) -> None:
        self.said.append((event, values))

    warning = info

    def whys(self) -> list[str]:
        return [str(values["why"]) for _, values in self.said if "why" in values]


class Agent:
    """What an agent gives: a view, on its own thread."""

    def __init__(self) -> None:
        self.log = Log()
        self.shown: View = WELL

    def view(self) -> View:
        assert asyncio.get_running_loop()
        return self.shown


@asynccontextmanager
async def sending(monkeypatch: pytest.MonkeyPatch, **environ: Any) -> AsyncIterator[Agent]:
    """An agent with an export by this environment, closed afterwards."""
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    for name, text in environ.items():
        monkeypatch.setenv(f"OTEL_{name}", str(text))
    agent = Agent()
    export = OpenTelemetry(agent.view, environ=os.environ, workers=Workers(), log=lambda: agent.log)
    await export.start()
    try:
        yield agent
    finally:
        await export.close()


def soon(where: str) -> dict[str, Any]:
    return {"EXPORTER_OTLP_ENDPOINT": where, "METRIC_EXPORT_INTERVAL": 50}


async def first(here: Receiver) -> None:
    await until(lambda: bool(here.exports))


@pytest.mark.parametrize(
    ("environ", "so"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://c:4318/v1/metrics"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": " "}, False),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, False),
        ({"OTEL_METRICS_EXPORTER": "otlp"}, True),
        ({"OTEL_METRICS_EXPORTER": "prometheus, otlp"}, True),
        ({"OTEL_METRICS_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, False),
        ({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({"OTEL_METRICS_EXPORTER": "otlp", "OTEL_SDK_DISABLED": "1"}, True),
    ],
)
def test_the_environment_decides_whether_anything_is_sent(environ: dict[str, str], so: bool) -> None:
    assert wanted(environ) is so


def test_the_protocol_for_metrics_counts_before_the_one_for_all() -> None:
    both = {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf"}
    assert (protocol(both), protocol({}), protocol({"OTEL_EXPORTER_OTLP_PROTOCOL": "GRPC "})) == (
        "http/protobuf",
        "http/protobuf",
        "grpc",
    )


async def test_without_a_word_in_the_environment_nothing_starts_and_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with sending(monkeypatch) as agent:
        pass
    assert agent.log.said == []


async def test_every_family_of_the_collector_is_sent_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as here:
        async with sending(monkeypatch, **soon(here.address)):
            await first(here)
    sent = here.exports[0].values
    told = scraped(WELL)
    for family in FAMILIES:
        suffixes = ("_sum", "_count") if family.kind is Kind.SUMMARY else ("",)
        for name in (family.name + suffix for suffix in suffixes):
            instrument = name.removesuffix("_total")
            wanted_ = {key[1]: worth for key, worth in told.items() if key[0] == name}
            assert {key[1]: worth for key, worth in sent.items() if key[0] == instrument} == wanted_, name
    assert sent["process_resident_memory_bytes", frozenset()] > 0


async def test_counters_are_sums_that_only_grow_and_times_have_their_unit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiver() as here:
        async with sending(monkeypatch, **soon(here.address)):
            await first(here)
    metrics = here.exports[0].metrics
    assert metrics["pomhealth_check_changes"].sum.is_monotonic
    looks = metrics["pomhealth_probe_duration_seconds_sum"]
    assert looks.sum.is_monotonic
    assert looks.unit == "s"
    assert metrics["process_resident_memory_bytes"].unit == "By"
    assert metrics["pomhealth_ready"].WhichOneof("data") == "gauge"
    assert metrics["pomhealth_ready"].description


async def test_each_export_tells_what_is_so_then(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as here:
        async with sending(monkeypatch, **soon(here.address)) as agent:
            await first(here)
            agent.shown = ILL
            await until(lambda: here.exports[-1].values[NOW] == 0)
            agent.shown = WELL
            await until(lambda: here.exports[-1].values[NOW] == 1)


async def test_what_is_so_at_the_end_is_sent_before_the_agent_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as here:
        async with sending(monkeypatch, EXPORTER_OTLP_ENDPOINT=here.address) as agent:
            agent.shown = ILL
            assert here.exports == []  # a minute between two, by default
        assert [export.values[NOW] for export in here.exports] == [0]


async def test_the_environment_says_who_sends_and_with_which_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    more = {
        "EXPORTER_OTLP_HEADERS": "api-key=sesame",
        "EXPORTER_OTLP_COMPRESSION": "gzip",
        "RESOURCE_ATTRIBUTES": "deployment.environment=test,service.instance.id=a",
    }
    with receiver() as here:
        async with sending(monkeypatch, **soon(here.address), **more) as agent:
            await first(here)
    (one, *_) = here.exports
    assert one.headers["api-key"] == "sesame"
    assert one.headers["Content-Encoding"] == "gzip"
    assert one.resource["service.name"] == "pomhealth"
    assert one.resource["service.version"] == __version__
    assert one.resource["deployment.environment"] == "test"
    assert "sesame" not in str(agent.log.said)


async def test_a_service_name_of_the_environment_counts_before_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as here:
        async with sending(monkeypatch, **soon(here.address), SERVICE_NAME="edge"):
            await first(here)
    assert here.exports[0].resource["service.name"] == "edge"


async def test_an_endpoint_for_metrics_alone_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as here:
        async with sending(
            monkeypatch,
            EXPORTER_OTLP_METRICS_ENDPOINT=f"{here.address}/v1/metrics",
            METRIC_EXPORT_INTERVAL=50,
        ):
            await first(here)


async def test_a_collector_that_refuses_is_told_of_once_and_so_is_its_recovery(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with receiver() as here:
        here.status = 401
        async with sending(monkeypatch, **soon(here.address), EXPORTER_OTLP_HEADERS="key=sesame") as agent:
            await until(lambda: bool(agent.log.whys()))
            here.came.clear()
            await until(here.came.is_set)
            assert len(agent.log.whys()) == 1
            here.status = 200
            await until(lambda: "again" in agent.log.said[-1][0])
    assert "401" in agent.log.whys()[0]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["refused", "mute"])
async def test_a_dead_collector_holds_up_neither_the_loop_nor_the_end(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    with mute() as where:
        address = where if kind == "mute" else "http://user:sesame@127.0.0.1:1"
        async with sending(monkeypatch, **soon(f"{address}/?token=sesame2")) as agent:
            await asyncio.sleep(0.2)  # an export is under way
            began = time.monotonic()
            await asyncio.sleep(0)
            assert time.monotonic() - began < 0.5
            began = time.monotonic()
        assert time.monotonic() - began < 2.5  # 2 s, and a slow machine
    assert "sesame" not in str(agent.log.said)
    assert capfd.readouterr() == ("", "")


async def test_what_the_collector_alone_may_see_is_told_nowhere(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The SDK names a header that it cannot read, and the address that it cannot reach."""
    secret = "Authorization Bearer sesame-in-no-form, x-key=open%20sesame"
    more = {"EXPORTER_OTLP_HEADERS": secret, "EXPORTER_OTLP_TIMEOUT": 1}
    where = "http://user:sesame@127.0.0.1:1/v1/metrics?token=sesame2"
    async with sending(
        monkeypatch, EXPORTER_OTLP_METRICS_ENDPOINT=where, METRIC_EXPORT_INTERVAL=50, **more
    ) as agent:
        await until(lambda: bool(agent.log.whys()))
    assert "sesame" not in str(agent.log.said)
    assert "127.0.0.1" in agent.log.whys()[0]
    assert capfd.readouterr() == ("", "")


def test_secrets_are_found_as_written_and_as_meant() -> None:
    found = secrets(
        {
            "OTEL_EXPORTER_OTLP_HEADERS": "a=one, b=two%20three",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "https://c/x?k=four&l=five",
        }
    )
    assert {"one", "two%20three", "two three", "four", "five"} <= found
    assert "" not in found


async def test_another_protocol_is_told_to_be_missing_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as here:
        async with sending(monkeypatch, **soon(here.address), EXPORTER_OTLP_PROTOCOL="grpc") as agent:
            pass
        assert here.exports == []
    ((event, values),) = agent.log.said
    assert event == "no metrics are sent by OpenTelemetry"
    assert "'grpc'; only http/protobuf is spoken" in str(values["why"])


async def test_without_the_extra_one_line_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.startswith("opentelemetry")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    async with sending(monkeypatch, EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1") as agent:
        pass
    ((_, values),) = agent.log.said
    command = f"{sys.executable} -m pip install {EXPORTER}"
    assert values["why"] == f"the extra otel is not installed: {command}"


def test_what_is_to_be_installed_is_what_the_extra_brings() -> None:
    project = Path("pyproject.toml").read_text(encoding="utf-8")
    (extra,) = re.findall(r"^otel = \[(.*)\]$", project, re.MULTILINE)
    assert f'"{EXPORTER}>=' in extra
    assert any(one.startswith("opentelemetry-sdk") for one in requires(EXPORTER) or ())


async def test_what_the_sdk_does_not_take_is_told_and_the_agent_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with sending(monkeypatch, METRICS_EXPORTER="otlp", METRIC_EXPORT_INTERVAL="-5") as agent:
        pass
    ((event, values),) = agent.log.said
    assert event == "no metrics are sent by OpenTelemetry"
    assert "larger than zero" in str(values["why"])
