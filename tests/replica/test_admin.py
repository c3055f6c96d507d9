"""Envoy's admin interface: a real Envoy, and servers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pomhealth.reach import Garbled, Refused, Silent
from pomhealth.replica.admin import EnvoyAdmin
from pomhealth.replica.adminaddress import by_name, by_path, from_bootstrap, is_pomerium, of_process, parse
from pomhealth.replica.model import AdminAddress, Process
from pomhealth.replica.processes import process
from tests.standin import RunningReplica, StandIn

if TYPE_CHECKING:
    from typing_extensions import Self


@pytest.fixture(scope="module", params=["v0.33.1", "v0.32.9"])
def replica(request: pytest.FixtureRequest, module_standin: StandIn) -> RunningReplica:
    """A replica whose Envoy has its admin interface on an abstract socket, and one with a path socket."""
    return module_standin(request.param)


def envoy_of(replica: RunningReplica) -> Process:
    found = process(replica.envoy_pid())
    assert found is not None
    return found


@contextlib.asynccontextmanager
async def admin_at(address: AdminAddress) -> AsyncIterator[EnvoyAdmin]:
    client = EnvoyAdmin(address)
    try:
        yield client
    finally:
        await client.close()


def address_of(replica: RunningReplica) -> AdminAddress:
    address = of_process(envoy_of(replica), "")
    assert address is not None
    return address


async def test_envoy_is_asked_again_and_again_over_one_connection(replica: RunningReplica) -> None:
    async with admin_at(address_of(replica)) as admin:
        assert (await admin.json("/server_info", deadline=5))["state"] == "LIVE"
        answers = [await admin.ask("/ready", deadline=5) for _ in range(20)]
        assert {(200, b"LIVE\n")} == {(answer.status, answer.body) for answer in answers}
        assert 0 < sum(answer.seconds for answer in answers) < admin.spent
        assert len(admin._gets._idle) == 1


async def test_questions_at_once_do_not_wait_for_each_other(replica: RunningReplica) -> None:
    async with admin_at(address_of(replica)) as admin:
        answers = await asyncio.gather(*(admin.ask("/stats", deadline=5) for _ in range(8)))
        assert {200} == {answer.status for answer in answers}
        assert all(b"server.live" in answer.body for answer in answers)


async def test_another_status_is_an_answer_but_no_json(replica: RunningReplica) -> None:
    async with admin_at(address_of(replica)) as admin:
        assert (await admin.ask("/nowhere", deadline=5)).status == 404
        with pytest.raises(Garbled, match="/nowhere answers 404"):
            await admin.json("/nowhere?x", deadline=5)
        with pytest.raises(Garbled, match="not JSON"):
            await admin.json("/ready", deadline=5)


def test_the_bootstrap_names_the_address(replica: RunningReplica) -> None:
    address = address_of(replica)
    assert address.origin.endswith("/envoy-config.yaml")
    assert is_pomerium(address)
    if address.kind == "path":
        assert address == AdminAddress("path", address.address, address.origin)
        assert by_path(str(Path(address.address).parent)) is not None
    else:
        found = by_name([envoy_of(replica)])
        assert found is not None
        assert (address.kind, address.address) == (found.kind, found.address)


def test_only_an_envoy_that_we_cannot_see_is_taken_for_a_sidecars(replica: RunningReplica) -> None:
    """Every Envoy on this machine can be seen, so none is a replica of another PID namespace."""
    assert replica.envoy_pid()
    assert None is by_name([])


async def test_an_envoy_that_is_stopped_is_silent_and_one_that_is_gone_refuses(standin: StandIn) -> None:
    replica = standin("v0.33.1")
    envoy = replica.envoy_pid()
    async with admin_at(address_of(replica)) as admin:
        await admin.ask("/ready", deadline=5)
        os.kill(envoy, signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(Silent, match=r"no answer within 0\.2 s"):
            await admin.ask("/ready", deadline=0.2)
        assert time.monotonic() - started < 1
        os.kill(envoy, signal.SIGCONT)
        assert (await admin.ask("/ready", deadline=5)).status == 200
        replica.stop()
        with pytest.raises(Refused):
            await admin.ask("/ready", deadline=5)


class Server:
    """Listens on a path socket and answers every connection with the same bytes; with none it does not answer."""

    def __init__(self, directory: Path) -> None:
        self.path = str(directory / "admin.sock")
        self.says = b""
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(self.says)
            if b"close" in self.says or not self.says.startswith(b"HTTP"):
                writer.close()
                return


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pomhealth-") as name:
        yield Path(name)


@pytest.mark.parametrize(
    ("says", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nLIVE", b"LIVE"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nLI\r\n2;x=y\r\nVE\r\n0\r\n\r\n",
            b"LIVE",
        ),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nLIVE", b"LIVE"),
        (b"HTTP/1.1 200 OK\r\ncontent-length:0\r\n\r\n", b""),
    ],
)
async def test_every_form_of_answer_is_read(says: bytes, body: bytes, directory: Path) -> None:
    async with Server(directory) as server, admin_at(parse(server.path, "test")) as admin:
        server.says = says
        for _ in range(2):
            assert body == (await admin.ask("/ready", deadline=5)).body
        assert (2 if b"close" in says else 1) == server.connections


@pytest.mark.parametrize(
    "says",
    [
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\nshort",
    ],
)
async def test_what_is_no_answer_is_garbled(says: bytes, directory: Path) -> None:
    async with Server(directory) as server, admin_at(parse(server.path, "test")) as admin:
        server.says = says
        with pytest.raises(Garbled, match="does not speak HTTP"):
            await admin.ask("/ready", deadline=5)


async def test_a_kept_connection_that_was_closed_meanwhile_is_made_anew(directory: Path) -> None:
    async with Server(directory) as server, admin_at(parse(server.path, "test")) as admin:
        server.says = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nLIVE"
        await admin.ask("/ready", deadline=5)
        server._writers[0].transport.abort()
        assert (await admin.ask("/ready", deadline=5)).body == b"LIVE"
        assert server.connections == 2


async def test_nobody_there_is_refused_and_a_full_queue_is_silence(directory: Path) -> None:
    path = str(directory / "admin.sock")
    async with admin_at(parse(path, "test")) as admin:
        with pytest.raises(Refused, match="no such socket"):
            await admin.ask("/ready", deadline=5)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as full:
            full.bind(path)
            full.listen(0)
            for _ in range(3):
                with pytest.raises(Silent):
                    await admin.ask("/ready", deadline=0.1)
            with pytest.raises(Silent, match="queue of connections is full"):
                await admin.ask("/ready", deadline=0.1)
        with pytest.raises(Refused, match="nobody listens"):
            await admin.ask("/ready", deadline=5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@abc", ("abstract", "abc", "@abc")),
        ("/run/a.sock", ("path", "/run/a.sock", "/run/a.sock")),
        ("[::1]:9901", ("tcp", "[::1]:9901", "[::1]:9901")),
    ],
)
def test_an_operator_may_name_the_address(text: str, expected: tuple[str, str, str]) -> None:
    address = parse(text, "settings")
    assert expected == (address.kind, address.address, address.where)


def bootstrap(address: object) -> bytes:
    return json.dumps({"admin": {"address": address}}).encode()


def test_bootstraps() -> None:
    assert from_bootstrap(bootstrap({"pipe": {"path": "@x"}}), "f") == AdminAddress("abstract", "x", "f")
    relative = from_bootstrap(bootstrap({"pipe": {"path": "a.sock"}}), "f", cwd="/run/e")
    assert AdminAddress("path", "/run/e/a.sock", "f") == relative
    socket_address = {"socket_address": {"address": "::1", "port_value": 9901}}
    assert AdminAddress("tcp", "[::1]:9901", "f") == from_bootstrap(bootstrap(socket_address), "f")
    yaml_form = b"admin:\n  address:\n    pipe: {path: '@y'}\n"
    assert AdminAddress("abstract", "y", "f") == from_bootstrap(yaml_form, "f")
    for nothing in (b"{}", b"{", b"[1]", b"admin: {"):
        assert None is from_bootstrap(nothing, "f")


@pytest.mark.parametrize("state", ["healthy-v0.33.1", "healthy-v0.32.9", "healthy-v0.30.8"])
def test_recorded_bootstraps(state: str) -> None:
    text = (Path(__file__).parent.parent / "recordings" / state / "envoy-config.admin.json").read_bytes()
    address = from_bootstrap(text, "f")
    assert address is not None
    assert ("abstract" if "33" in state else "path") == address.kind
