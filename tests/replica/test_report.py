"""The replica's own report: recorded answers, a real server, and the wrong process behind the port."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from pomhealth.reach import Garbled, Refused, Silent
from pomhealth.replica.model import Endpoint, Holder
from pomhealth.replica.report import ReportClient, parse_status
from pomhealth.status import Report
from tests.standin import StandIn


def test_a_healthy_replica(recording: Callable[[str, str], bytes]) -> None:
    reports = parse_status(recording("healthy-v0.33.1", "pomerium_status.http"))
    assert (
        Report("RUNNING", attributes=(("backend", "postgres"),), required=True) == reports["storage.backend"]
    )
    assert all(report.healthy for report in reports.values())
    assert not reports["envoy.extensions"].required


def test_an_entry_may_be_running_with_an_error(recording: Callable[[str, str], bytes]) -> None:
    report = parse_status(recording("listener-port-taken", "pomerium_status.http"))["xds.listener"]
    assert report.status == "RUNNING"
    assert "Address already in use" in report.error
    assert not report.healthy


@pytest.mark.parametrize(
    "state",
    [
        "healthy-v0.32.9",
        "healthy-v0.31.3",
        "postgres-down",
        "storage-in-memory",
        "listener-port-taken-at-start",
    ],
)
def test_every_recorded_report_is_read(state: str, recording: Callable[[str, str], bytes]) -> None:
    body = recording(state, "pomerium_status.http")
    document = json.loads(body)
    reports = parse_status(body)
    assert document["statuses"].keys() | set(document["checks"]) == reports.keys()
    assert set(document["checks"]) == {id_ for id_, report in reports.items() if report.required}


def test_what_is_required_and_missing_is_unavailable() -> None:
    assert {"a": Report("UNAVAILABLE", required=True)} == parse_status(b'{"statuses": {}, "checks": ["a"]}')
    assert parse_status(b'{"statuses": null, "checks": null}') == {}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"ok",
        b"[]",
        b"{}",
        b"null",
        b'{"statuses": []',
        b'{"statuses": {"a": {}}}',
        b'{"statuses": {"a": "RUNNING"}}',
    ],
)
def test_any_other_answer_is_garbled(body: bytes) -> None:
    with pytest.raises(Garbled, match="not Pomerium's health report"):
        parse_status(body)


@asynccontextmanager
async def client_for(port: int, pid: int | None) -> AsyncIterator[ReportClient]:
    client = ReportClient(Endpoint("health_check_addr", "127.0.0.1", port, Holder.POMERIUM, "test"), pid)
    try:
        yield client
    finally:
        await client.close()


async def test_a_stand_in_reports(standin: StandIn) -> None:
    replica = standin()
    assert replica.health is not None
    port = replica.health[1]
    async with client_for(port, replica.pid) as client:
        for _ in range(3):
            assert (await client.fetch(deadline=5))["envoy.server"].required
    async with client_for(port, os.getpid()) as client:
        with pytest.raises(Garbled, match=rf"\(pid {replica.pid}\) answers there, not the replica"):
            await client.fetch(deadline=5)
    async with client_for(port, None) as client:
        assert await client.fetch(deadline=5)


OTHER = """
import http.server, socket, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = b'{"statuses": {"other": {"status": "RUNNING"}}, "checks": []}'
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        super().server_bind()
server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
"""


async def test_an_answer_of_another_process_on_a_shared_port_is_refused() -> None:
    """Two servers share the port with SO_REUSEPORT, as two replicas of one user do."""
    with socket.socket() as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        mine.bind(("127.0.0.1", 0))
        port = mine.getsockname()[1]
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OTHER, str(port), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert other.stdout is not None
            assert await asyncio.wait_for(other.stdout.readline(), 10) == b"ready\n"
            async with client_for(port, os.getpid()) as client:
                with pytest.raises(Garbled, match=rf"\(pid {other.pid}\) answers there"):
                    await client.fetch(deadline=5)
            async with client_for(port, other.pid) as client:
                assert (await client.fetch(deadline=5)).keys() == {"other"}
        finally:
            other.kill()
            await other.wait()


async def test_nobody_and_silence() -> None:
    with socket.socket() as quiet:
        quiet.bind(("127.0.0.1", 0))
        port = quiet.getsockname()[1]
        async with client_for(port, None) as client:
            with pytest.raises(Refused, match="nobody listens"):
                await client.fetch(deadline=5)
            quiet.listen()
            with pytest.raises(Silent, match=r"no answer within 0\.1 s"):
                await client.fetch(deadline=0.1)
