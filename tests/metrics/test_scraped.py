"""A real agent beside a stand-in replica, asked by promtool, by both parsers, and by a real Prometheus."""

from __future__ import annotations

import http.client
import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pomhealth.catalogue import catalogue
from pomhealth.demo.running import RunningReplica
from tests.agent.process import Agent, agent, until
from tests.metrics.page import PAGE
from tests.metrics.reading import OPENMETRICS, complaints, ones, series, value
from tests.metrics.scraper import scraping
from tests.standin import StandIn


def scrape(one: Agent, accept: str = "", method: str = "GET") -> tuple[http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection(one.address, timeout=5)
    try:
        connection.request(method, "/metrics", headers={"Accept": accept} if accept else {})
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.headers, answer.read().decode()
    finally:
        connection.close()


@contextmanager
def beside(replica: RunningReplica, tmp_path: Path) -> Iterator[Agent]:
    """An agent that has looked at everything."""
    with agent(tmp_path, "--pid", str(replica.pid)) as one:
        until(one.ready, lambda: one.get("/readyz"))
        yield one


def queries() -> list[str]:
    """Every expression on the page."""
    text = PAGE.read_text(encoding="utf-8")
    (block,) = re.findall(r"```promql\n(.*?)```", text, re.DOTALL)
    lines = [line.partition("#")[0].strip() for line in block.splitlines()]
    inline = [one for one in re.findall(r"`([^`\n]+)`", text) if re.search(r"\w[({].*[)}]", one)]
    assert lines
    assert inline
    return lines + [one for one in inline if not one.startswith("--")]


@contextmanager
def hung(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("accept", ["", OPENMETRICS], ids=["plain", "openmetrics"])
def test_what_a_real_agent_tells_parses_healthy_and_broken(
    standin: StandIn, tmp_path: Path, accept: str
) -> None:
    replica = standin()
    with beside(replica, tmp_path) as one:
        until(lambda: bool(ones(series(scrape(one, accept)[1]), "pomhealth_certificate_readable")))
        well = series(scrape(one, accept)[1])
        assert value(well, "pomhealth_ready") == 1
        assert ones(well, "pomhealth_check_cause", severity="fail", gate="ready") == []
        with hung(replica.envoy_pid()):
            until(lambda: not one.ready())
            ill = series(scrape(one, accept)[1])
        assert value(ill, "pomhealth_ready") == 0
        assert ones(ill, "pomerium_health_status", check="envoy.server", status="error")
        looked = value(ill, "pomhealth_probe_failures_total", check="envoy.server")
        assert looked


def test_promtool_accepts_a_real_agents_answer_healthy_and_broken(standin: StandIn, tmp_path: Path) -> None:
    replica = standin()
    with beside(replica, tmp_path) as one:
        assert complaints(scrape(one)[1]) == ""
        (replica.directory / "cert.pem").write_bytes(b"")
        until(lambda: ("certificates_current", "unreadable") in one.alerts())
        text = scrape(one)[1]
    assert complaints(text) == ""
    found = series(text)
    (certificate,) = (
        dict(labels)
        for (name, labels), worth in found.items()
        if name == "pomhealth_certificate_readable" and not worth
    )
    assert certificate["where"] == str(replica.directory / "cert.pem")


def test_each_look_of_a_real_agent_is_counted(standin: StandIn, tmp_path: Path) -> None:
    with beside(standin(), tmp_path) as one:
        found = series(scrape(one)[1])
    for check in catalogue():
        state = ones(found, "pomhealth_check_state", check=check.id)
        if check.measured and state and state[0]["state"] in ("pass", "fail"):
            assert value(found, "pomhealth_probe_duration_seconds_count", check=check.id), check.id
            assert value(found, "pomhealth_probe_last_duration_seconds", check=check.id) is not None


def test_a_head_is_answered_with_the_length_alone(standin: StandIn, tmp_path: Path) -> None:
    with beside(standin(), tmp_path) as one:
        headers, body = scrape(one, method="HEAD")
    assert (body, headers["Content-Type"]) == ("", "text/plain; version=0.0.4; charset=utf-8")
    assert int(headers["Content-Length"]) > 10_000


def test_a_real_prometheus_scrapes_a_real_agent_and_sees_a_fault(standin: StandIn, tmp_path: Path) -> None:
    replica = standin()
    with beside(replica, tmp_path) as one, scraping(one.address, tmp_path / "prometheus") as server:
        until(lambda: bool(server.query("pomhealth_ready == 1")), server.target)
        (replica.directory / "cert.pem").write_bytes(b"")
        until(lambda: bool(server.query('pomhealth_check_cause{cause="unreadable"} == 1')))
        until(lambda: bool(server.query("pomhealth_certificate_readable == 0")))
        until(lambda: server.target()["lastError"] == "", server.target)
        for expression in queries():
            server.query(expression)  # it is refused where it is none
        refused = ("duplicate", "out-of-order", "append failed", "ingesting")
        assert not [said for said in refused if said in server.log.lower()]
