"""Whoever looks, at whichever face of it: all of them tell the same fault, and the same end of it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.demos import Demo, recovered, running_demo, until

FAULT, ID, CAUSE = "postgres-read-only", "storage.backend", "read-only"


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with running_demo() as demo:
        yield demo


class Words(HTMLParser):
    """The text of a page."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.text = ""
        self.feed(document)

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def asked(demo: Demo, path: str, accept: str = "*/*") -> str:
    request = urllib.request.Request(f"http://{demo.listen}{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        body: bytes = answer.read()
    return body.decode()


def by_readyz(demo: Demo) -> bool:
    status, body = demo.get("/readyz")
    return status == 503 and body[ID]["cause"] == CAUSE


def by_status(demo: Demo) -> bool:
    body = demo.get("/status")[1]
    return not body["ready"] and body["statuses"][ID]["cause"] == CAUSE


def by_alerts(demo: Demo) -> bool:
    return (ID, CAUSE) in demo.alerts()


def by_metrics(demo: Demo) -> bool:
    samples = {
        (one.name, one.labels.get("check", ""), one.labels.get("cause", "")): one.value
        for family in text_string_to_metric_families(asked(demo, "/metrics"))
        for one in family.samples
    }
    told = samples["pomhealth_check_cause", ID, CAUSE] == 1
    assert told == (samples["pomhealth_ready", "", ""] == 0)
    return told


def by_page(demo: Demo) -> bool:
    text = " ".join(Words(asked(demo, "/", "text/html")).text.split())
    told = f"pomhealth explain {ID}/{CAUSE}" in text
    assert told == ("Not ready" in text)
    return told


def by_health(demo: Demo) -> bool:
    done = demo.run("health", "-a", demo.listen)
    return done.returncode == 1 and f"{ID}: {CAUSE}" in done.stdout + done.stderr


def by_check(demo: Demo) -> bool:
    pid = str(demo.get("/status")[1]["replica"]["pid"])
    done = demo.run("check", "--pid", pid, "-o", "json")
    alerts = {
        (one["id"], one["cause"]) for one in json.loads(done.stdout)["checks"] if one["outcome"] == "fail"
    }
    return done.returncode == 1 and (ID, CAUSE) in alerts


def by_watch(demo: Demo) -> bool:
    """The state as it is, which is what it begins with."""
    command = [sys.executable, "-m", "pomhealth", "watch", "--plain", "-a", demo.listen]
    with subprocess.Popen(command, env=demo.environment, stdout=subprocess.PIPE, text=True) as watch:
        assert watch.stdout is not None
        try:
            first = watch.stdout.readline()
            second = watch.stdout.readline() if "not ready" in first.lower() else ""
        finally:
            watch.terminate()
            watch.stdout.close()
    return "not ready" in first.lower() and f"{ID}" in first + second and CAUSE in first + second


FACES: list[Callable[[Demo], bool]] = [
    by_readyz,
    by_status,
    by_alerts,
    by_metrics,
    by_page,
    by_health,
    by_check,
    by_watch,
]


def test_every_face_tells_a_fault_and_its_end(demo: Demo) -> None:
    recovered(demo)
    assert [face.__name__ for face in FACES if face(demo)] == []
    demo.make(FAULT)
    try:
        until(lambda: by_readyz(demo), demo.alerts)
        assert [face.__name__ for face in FACES if not face(demo)] == []
    finally:
        demo.do("--heal", FAULT)
    recovered(demo)
    assert [face.__name__ for face in FACES if face(demo)] == []
