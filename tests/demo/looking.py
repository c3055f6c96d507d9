"""Small ways of looking at a stand-in, for its tests."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.standin import RunningReplica

RECORDINGS = Path(__file__).parent.parent / "recordings"


def until(condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Returns when the condition holds; fails the test when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


def get(
    where: tuple[str, int] | None, path: str, *, timeout: float = 5.0
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a plain GET."""
    assert where is not None
    connection = http.client.HTTPConnection(*where, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, dict(response.getheaders()), response.read()
    finally:
        connection.close()


def statuses(replica: RunningReplica) -> dict[str, Any]:
    """The replica's own account of itself."""
    found: dict[str, Any] = json.loads(get(replica.health, "/status")[2])["statuses"]
    return found


def error(replica: RunningReplica, component: str) -> str:
    """What the replica itself says is wrong with a component; "" when nothing."""
    return str(statuses(replica).get(component, {}).get("error", ""))


def admin(replica: RunningReplica, path: str) -> Any:
    """What Envoy's admin interface answers, as JSON."""
    return json.loads(get(replica.admin, path)[2])


def recorded(folder: str, name: str) -> tuple[str, bytes]:
    """A recorded answer's header and body."""
    header, _, body = (RECORDINGS / folder / name).read_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    return header.decode(), body


def messages(replica: RunningReplica, containing: str) -> list[dict[str, Any]]:
    """The replica's log entries whose message contains these words."""
    entries = [json.loads(line) for line in replica.log().splitlines() if line.startswith("{")]
    return [entry for entry in entries if containing in entry["message"]]
