"""An outside world of the tests' own: authorities, a name server, servers of the cloud, proxies, a firewall."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pomhealth.blocking import Workers
from pomhealth.checks import Context, zero_connect
from pomhealth.replica import processes
from pomhealth.replica.model import Options, Process, Replica
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings
from tests.actors import acting

DAY = timedelta(days=1)
CONSOLE, CONNECT, TELEMETRY = "console.pomerium.app", "connect.pomerium.app", "telemetry.pomerium.app"
ADDRESSES = {CONSOLE: "203.0.113.1", CONNECT: "203.0.113.2", TELEMETRY: "203.0.113.3"}
NAME_SERVER, PROXY = "203.0.113.53", "203.0.113.80"
SWALLOWED = "198.51.100.7"  # behind a firewall that drops packets
FORBIDDEN = "203.0.113.70"  # behind one that rejects them
EMPTY = "203.0.113.9"  # a machine on which nothing listens
_SETTINGS = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Authority:
    """Issues certificates, as a public authority or an inspecting firewall does."""

    def __init__(self, name: str, directory: Path) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, name),
                x509.NameAttribute(NameOID.COMMON_NAME, f"{name} CA"),
            ]
        )
        self._directory = directory
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        own = self._builder(self._name, self._key.public_key(), (-DAY, 365 * DAY)).add_extension(
            constraints, critical=True
        )
        self.path = directory / f"{name}.pem"
        self.path.write_bytes(own.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def serving(
        self,
        *names: str,
        alpn: tuple[str, ...] = ("h2", "http/1.1"),
        lasts: tuple[timedelta, timedelta] = (-DAY, 90 * DAY),
    ) -> ssl.SSLContext:
        """What a server with a certificate for these names needs; it lasts from and to these times from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        signed = (
            self._builder(subject, key.public_key(), lasts)
            .add_extension(alternatives, critical=False)
            .sign(self._key, hashes.SHA256())
        )
        pem = signed.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path = self._directory / f"{signed.serial_number}.pem"
        path.write_bytes(pem)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, lasts: tuple[timedelta, timedelta]
    ) -> x509.CertificateBuilder:
        now = datetime.now(timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + lasts[0])
            .not_valid_after(now + lasts[1])
        )


@dataclass
class Server:
    """What listens, and what clients have said to it."""

    port: int
    heard: list[bytes] = field(default_factory=list)


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter, "Server"], Any]


@contextlib.asynccontextmanager
async def serving(
    handler: Handler, *, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """A TCP server for the time of the block."""
    told = Server(port)
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer, told)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort()

    server = await asyncio.start_server(serve, host, port, ssl=tls)
    told.port = server.sockets[0].getsockname()[1]
    try:
        yield told
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def web(status: int = 404) -> Handler:
    """A web server: HTTP/2 where that was agreed on, else HTTP/1.1 with this status."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, told: Server) -> None:
        secured = writer.get_extra_info("ssl_object")
        if secured is not None and secured.selected_alpn_protocol() == "h2":
            told.heard.append(await reader.readexactly(len(_PREFACE) + len(_SETTINGS)))
            writer.write(_SETTINGS)
            told.heard.append(await reader.read(1024))
            return
        told.heard.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()

    return handle


async def hang(reader: asyncio.StreamReader, _: asyncio.StreamWriter, told: Server) -> None:
    """Takes connections and says nothing."""
    while piece := await reader.read(4096):
        told.heard.append(piece)


async def hang_up(_: asyncio.StreamReader, __: asyncio.StreamWriter, ___: Server) -> None:
    """Takes connections and closes them."""


async def mail(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Server) -> None:
    """Something that is no web server."""
    writer.write(b"220 mail.example ESMTP\r\n")
    await writer.drain()
    await asyncio.sleep(60)


def proxy(status: int = 200, inspect: ssl.SSLContext | None = None) -> Handler:
    """A proxy that answers CONNECT with this status; with `inspect` it opens TLS itself, with that certificate."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, told: Server) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        told.heard.append(head)
        host, _, port = head.split()[1].decode().rpartition(":")
        writer.write(f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        if status != 200:
            return
        if inspect is None:
            there = await asyncio.open_connection(ADDRESSES.get(host, host), int(port))
            try:
                await asyncio.gather(_pump(reader, there[1]), _pump(there[0], writer))
            finally:
                there[1].transport.abort()
            return
        loop = asyncio.get_running_loop()
        protocol = writer.transport.get_protocol()
        opened = await loop.start_tls(writer.transport, protocol, inspect, server_side=True)
        assert opened is not None
        try:
            told.heard.append(await reader.read(4096))
        finally:
            opened.abort()

    return handle


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
    writer.transport.abort()


class NameServer(asyncio.DatagramProtocol):
    """Answers for names: with addresses (commas between), "NXDOMAIN", "SERVFAIL", or not at all for None.

    The rest does not exist.
    """

    _CODES: Mapping[str, int] = {"SERVFAIL": 2, "NXDOMAIN": 3}

    def __init__(self, zone: Mapping[str, str | None]) -> None:
        self._zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode("ascii"))
            at += data[at] + 1
        kind = int.from_bytes(data[at + 1 : at + 3], "big")
        question = data[12 : at + 5]
        known = self._zone.get(".".join(labels).lower(), "NXDOMAIN")
        if known is None:
            return
        code = self._CODES.get(known, 0)
        records = [] if code else [_packed(one) for one in known.split(",")]
        fitting = [one for one in records if len(one) == {1: 4, 28: 16}.get(kind)]
        answer = b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(one)) + one for one in fitting)
        header = data[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(fitting), 0, 0)
        self._transport.sendto(header + question + answer, addr)


def _packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def make_network() -> list[Any]:
    """Addresses, firewalls and an /etc/resolv.conf for a network and a mount namespace of our own.

    Gives what must be kept open for as long as they are needed.
    """
    for command in (
        ["ip", "link", "set", "lo", "up"],
        *(["ip", "address", "add", f"{one}/32", "dev", "lo"] for one in (*ADDRESSES.values(), EMPTY)),
        *(["ip", "address", "add", f"{one}/32", "dev", "lo"] for one in (NAME_SERVER, PROXY)),
        ["ip", "route", "add", "prohibit", FORBIDDEN],
    ):
        subprocess.run(command, check=True)
    resolv = Path(tempfile.mkdtemp()) / "resolv.conf"
    resolv.write_text(f"nameserver {NAME_SERVER}\noptions timeout:5 attempts:1\n", encoding="ascii")
    subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
    tunnel = open("/dev/net/tun", "r+b", buffering=0)  # noqa: SIM115, PTH123  (its packets are never read)
    fcntl.ioctl(
        tunnel, 0x400454CA, struct.pack("16sH22x", b"nowhere", 0x1001)
    )  # TUNSETIFF: IFF_TUN, IFF_NO_PI
    subprocess.run(["ip", "link", "set", "nowhere", "up"], check=True)
    subprocess.run(["ip", "route", "add", f"{SWALLOWED}/32", "dev", "nowhere", "src", EMPTY], check=True)
    return [tunnel]


@contextlib.asynccontextmanager
async def cloud(
    authority: Authority,
    *,
    zone: Mapping[str, str | None] | None = None,
    tls: Mapping[str, ssl.SSLContext] | None = None,
    handlers: Mapping[str, Handler] | None = None,
) -> AsyncIterator[dict[str, Server]]:
    """The cloud's hosts under their own names, in a network namespace of our own, and a name server for them."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: NameServer({**ADDRESSES, **(zone or {})}), local_addr=(NAME_SERVER, 53)
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(transport.close)
        servers = {}
        for name, address in ADDRESSES.items():
            secure = (tls or {}).get(name) or authority.serving(name)
            handler = (handlers or {}).get(name) or web()
            servers[name] = await stack.enter_async_context(
                serving(handler, host=address, port=443, tls=secure)
            )
        yield servers


_HOLD = """
import socket, sys
held = socket.create_connection((sys.argv[1], int(sys.argv[2])))
print("connected", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def holding(host: str, port: int = 443) -> Iterator[int]:
    """A process that has a connection open, as a replica has its stream."""
    with acting(_HOLD, host, str(port), says="connected") as process:
        yield process.pid


@contextlib.contextmanager
def pomerium(home: Path, environment: Mapping[str, str], host: str) -> Iterator[int]:
    """The same under Pomerium's name and with this environment, so that it is found as a replica."""
    program = home / "pomerium"
    program.write_text(f"#!{sys.executable}\n{_HOLD}", encoding="utf-8")
    program.chmod(0o755)
    with subprocess.Popen(
        [program, host, "443"],
        cwd=home,
        env={"PATH": os.environ["PATH"], "HOME": str(home), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            process.stdin.close()


async def check(pid: int) -> tuple[int | None, dict[str, Any]]:
    """What `pomhealth check zero.connect` says of this replica, and its exit status."""
    command = [sys.executable, "-m", "pomhealth", "check", "--pid", str(pid), "-o", "json", "zero.connect"]
    running = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await running.communicate()
    return running.returncode, json.loads(said)


def replica(pid: int, environment: Mapping[str, str], *, old: bool = True) -> Replica:
    """A replica in Zero mode whose main process this is; an old one has long had time to connect."""
    seen = processes.process(pid)
    assert seen is not None
    main = Process(pid, 0 if old else seen.started, seen.uid, seen.gid)
    return Replica(main=main, options=Options(zero=True), environment=dict(environment))


async def look(seen: Replica) -> dict[str, Any]:
    """What zero.connect finds, as JSON can hold it."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    finding = await zero_connect.look(Context(seen, Settings(), Workers(), SocketTable()))
    return {
        "outcome": finding.outcome.value,
        "cause": finding.cause,
        "summary": finding.summary,
        "observed": {one.source: one.observed for one in finding.evidence},
        "steps": list(finding.steps),
        "names": dict(finding.names),
        "seconds": loop.time() - began,
    }


def run(scenario: Callable[[Authority], Any]) -> None:
    """Makes the network, runs the scenario with an authority that the replica is to trust, and prints its result."""
    kept = make_network()
    with tempfile.TemporaryDirectory() as directory:
        result = asyncio.run(scenario(Authority("Public Authority", Path(directory))))
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    del kept
    os._exit(0)  # a lookup that hangs is none of the result's business
