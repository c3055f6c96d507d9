"""A real Prometheus that scrapes one address every second."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pomhealth.demo.ports import free_ports
from tests.agent.process import PATIENCE, until
from tests.tools import prometheus

_CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 500ms}}
rule_files: [{rules}]
scrape_configs:
  - job_name: pomhealth
    static_configs: [{{targets: ["{target}"]}}]
"""


class Prometheus:
    """A running server."""

    def __init__(self, address: str, log: Path) -> None:
        self._address = address
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        asked = urllib.parse.urlencode({"query": expression})
        found: list[dict[str, Any]] = self._get(f"/api/v1/query?{asked}")["data"]["result"]
        return found

    def alerts(self) -> set[str]:
        """The names of the alerts that fire now."""
        alerts: list[dict[str, Any]] = self._get("/api/v1/alerts")["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def target(self) -> dict[str, Any]:
        """What it says of its one target."""
        targets: list[dict[str, Any]] = self._get("/api/v1/targets")["data"]["activeTargets"]
        return targets[0] if targets else {}

    def is_up(self) -> bool:
        try:
            return self.target().get("health") == "up"
        except OSError:
            return False

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://{self._address}{path}", timeout=5) as answer:
            document: dict[str, Any] = json.load(answer)
        return document


@contextmanager
def scraping(target: str, directory: Path, rules: str = "") -> Iterator[Prometheus]:
    """Runs until the end of the block; what it stores is in this directory. `rules` is the text of a rules file."""
    directory.mkdir()
    config, log = directory / "prometheus.yml", directory / "prometheus.log"
    (directory / "rules.yaml").write_text(rules, encoding="utf-8")
    config.write_text(_CONFIG.format(target=target, rules=directory / "rules.yaml"))
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    command = [
        str(prometheus()),
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address={address}",
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, cwd=directory)
    try:
        server = Prometheus(address, log)
        until(server.is_up, lambda: server.log)
        yield server
    finally:
        process.kill()
        process.wait(PATIENCE)
