"""What a real agent answers, and the commands print, fits the published schemas while parts break."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.agent.process import PATIENCE, Agent, agent, until
from tests.schemas.shapes import errors
from tests.standin import RunningReplica, StandIn


def printed(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "pomhealth", *arguments, "-o", "json"],
        env={**os.environ, "POMHEALTH_SETTINGS": os.devnull},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return json.loads(done.stdout)


def said(running: Agent, replica: RunningReplica) -> dict[str, Any]:
    """Every answer, by the schema that speaks of it."""
    return {
        "status": running.get("/status")[1],
        "alerts": running.get("/alerts")[1],
        "readyz": running.get("/readyz")[1],
        "check": printed("check", "--pid", str(replica.pid)),
        "config": printed("config", "--pid", str(replica.pid)),
    }


def wrong(answers: dict[str, Any]) -> list[str]:
    return [error for name, answer in answers.items() for error in errors(name, answer)]


def test_they_fit_while_all_is_well_and_while_envoy_hangs_and_the_configuration_is_refused(
    standin: StandIn, tmp_path: Path
) -> None:
    replica = standin(storage="postgres")
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as running:
        until(running.ready)
        assert wrong(said(running, replica)) == []
        assert running.get("/status")[1]["statuses"]["certificates_current"]["certificates"]
        with urllib.request.urlopen(f"http://{running.address}/events", timeout=PATIENCE) as events:
            replica.write_config(replica.config_path.read_text() + "\nno: [\n")
            os.kill(replica.envoy_pid(), signal.SIGSTOP)
            try:
                until(lambda: len(running.alerts()) > 1, running.alerts)
                answers = said(running, replica)
                changes = [json.loads(data) for name, data in read(events, 2) if name == "change"]
            finally:
                os.kill(replica.envoy_pid(), signal.SIGCONT)
    assert wrong(answers) == []
    assert [error for change in changes for error in errors("event", change)] == []
    assert "fail" in {change["outcome"] for change in changes}


def test_they_fit_where_no_replica_runs_and_of_a_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "pomerium.yaml"
    path.write_text("address: 127.0.0.1:1\ntracing_provider: jaeger\n")
    with agent(tmp_path, "--pomerium-config", str(path)) as running:
        until(lambda: running.get("/status")[1]["replica"]["state"] == "awaited")
        for name in ("status", "alerts", "readyz"):
            assert errors(name, running.get(f"/{name}")[1]) == []
    alone = printed("check", "--pomerium-config", str(path), "config.databroker.build")
    assert alone["replica"]["offline"]
    assert errors("check", alone) == []
    assert errors("check", printed("check", "--pomerium-config", str(path))) == []


def read(events: Any, number: int) -> list[tuple[str, str]]:
    """Events until so many changes were among them."""
    found: list[tuple[str, str]] = []
    name = ""
    while sum(one == "change" for one, _ in found) < number:
        line = events.readline().decode().rstrip("\n")
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            found.append((name, line.removeprefix("data: ")))
    return found
