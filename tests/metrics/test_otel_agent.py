"""OpenTelemetry from a real agent: what its environment asks for, it sends; a collector that is gone is one line."""

from __future__ import annotations

import time
from pathlib import Path

from tests.agent.process import agent, nothing_runs, until
from tests.metrics.collector import mute, receiver
from tests.standin import StandIn

READY = "pomhealth_ready", frozenset[tuple[str, str]]()


def test_a_real_agent_sends_what_it_finds(standin: StandIn, tmp_path: Path) -> None:
    replica = standin()
    with (
        receiver() as here,
        agent(
            tmp_path,
            "--pid",
            str(replica.pid),
            OTEL_EXPORTER_OTLP_ENDPOINT=here.address,
            OTEL_METRIC_EXPORT_INTERVAL="200",
            OTEL_EXPORTER_OTLP_HEADERS="api-key=sesame",
        ) as one,
    ):
        until(lambda: bool(here.exports) and here.exports[-1].values[READY] == 1, lambda: one.text)
        assert one.get("/readyz")[0] == 200
        assert one.stop() == 0
        assert here.exports[-1].headers["api-key"] == "sesame"
        assert one.events("metrics are sent by OpenTelemetry")
        assert "sesame" not in one.text


def test_a_collector_that_does_not_answer_delays_the_agents_end_by_less_than_2_seconds(
    tmp_path: Path,
) -> None:
    with (
        mute() as where,
        agent(
            tmp_path,
            *nothing_runs(tmp_path),
            OTEL_EXPORTER_OTLP_ENDPOINT=where,
            OTEL_METRIC_EXPORT_INTERVAL="50",
        ) as one,
    ):
        until(lambda: bool(one.events("metrics are sent by OpenTelemetry")), lambda: one.text)
        began = time.monotonic()
        assert one.stop() == 0
        assert time.monotonic() - began < 3.5  # 2 s, and what the agent's end takes anyway
        assert one.lines[-1]["event"] == "stopped"
        assert "Traceback" not in one.text


def test_a_protocol_that_is_not_there_is_one_line_and_the_agent_goes_on(tmp_path: Path) -> None:
    with agent(
        tmp_path,
        *nothing_runs(tmp_path),
        OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1",
        OTEL_EXPORTER_OTLP_PROTOCOL="grpc",
    ) as one:
        until(lambda: bool(one.events("no metrics are sent by OpenTelemetry")), lambda: one.text)
        assert one.get("/metrics")[0] == 200
        assert one.stop() == 0
