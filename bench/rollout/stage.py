"""What a rollout needs: PostgreSQL, what the routes lead to, two replicas, a balancer in front, clients before it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.rollout import upstream
from bench.rollout.balancer import Balancer
from bench.rollout.clients import ASKING
from bench.rollout.counting import Tally
from bench.rollout.envoyproxy import EnvoyBalancer
from bench.rollout.haproxy import HaproxyBalancer
from bench.rollout.member import Member
from bench.rollout.orders import Order
from bench.rollout.pace import Pace
from bench.stage import directory
from pomhealth.demo.children import end, spawn
from pomhealth.demo.errors import DemoError
from pomhealth.demo.ports import free_ports
from pomhealth.demo.postgres import PostgresServer
from pomhealth.demo.running import HOST, RunningReplica
from pomhealth.demo.standin.releases import NEWEST

BALANCERS: dict[str, Callable[..., Balancer]] = {"envoy": EnvoyBalancer, "haproxy": HaproxyBalancer}
MEMBERS = ("a", "b")
_ROOT = Path(__file__).parents[2]
_PATIENCE = 30.0  # seconds until something that was started answers
_LAST = 60.0  # seconds for what is under way at the end


@contextlib.contextmanager
def cluster(order: Order, pace: Pace) -> Iterator[dict[str, Member]]:
    """Two replicas that serve, with their agents, by their names; nothing is left of them afterwards."""
    with directory() as root, contextlib.ExitStack() as stack:
        postgres = PostgresServer(root / "postgres")
        stack.callback(postgres.stop, "immediate")
        postgres.start()
        dsn = postgres.create_database("pomerium")
        ports = stack.enter_context(_upstream())
        members = {}
        for name in MEMBERS:
            home = root / name
            home.mkdir(mode=0o700)
            replica = RunningReplica(
                home, release=NEWEST, storage="postgres", dsn=dsn, options=_options(ports[name])
            )
            members[name] = Member(name, home, replica, order, pace)
            stack.callback(members[name].stop)
            members[name].start()
        for member in members.values():
            member.await_start()
        yield members


@contextlib.contextmanager
def balanced(kind: str, members: Mapping[str, Member], pace: Pace, *, tcp: bool) -> Iterator[Balancer]:
    """A balancer in front of them, from when all are in rotation. Raises DemoError."""
    with directory() as root:
        targets = [one.target for one in members.values()]
        balancer = BALANCERS[kind](root, targets, pace, tcp=tcp)
        try:
            await_rotation(balancer, members)
            yield balancer
        finally:
            balancer.stop()


def await_rotation(balancer: Balancer, names: Sequence[str] | Mapping[str, object]) -> None:
    """Returns when the balancer sends requests to all of these. Raises DemoError where that takes too long."""
    until = time.monotonic() + _PATIENCE
    while not rotation(balancer).issuperset(names):
        if time.monotonic() > until:
            raise DemoError(f"not all are in rotation: {balancer.last_words()}")
        time.sleep(0.05)


def rotation(balancer: Balancer) -> frozenset[str]:
    """Those in rotation; nobody where the balancer does not tell."""
    try:
        return balancer.in_rotation()
    except (OSError, ValueError):
        return frozenset()


@contextlib.contextmanager
def clients(port: int, pace: Pace, *, tcp: bool) -> Iterator[subprocess.Popen[bytes]]:
    """The clients, as a process of its own, from when they ask; `tally` ends them in order."""
    command = [sys.executable, "-m", "bench.rollout.clients", str(port), "tls" if tcp else "plain"]
    command += [str(pace.shortest), str(pace.longest)]
    process = spawn(command, cwd=_ROOT, output=subprocess.PIPE, errors=subprocess.DEVNULL)
    try:
        _await_line(process, ASKING)
        yield process
    finally:
        end(process)
        if process.stdout is not None:
            process.stdout.close()


def tally(process: subprocess.Popen[bytes]) -> Tally:
    """Ends clients, once what they have asked has come to its end, and gives what they have seen."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=_LAST)
    return Tally.from_json(json.loads(said))


@contextlib.contextmanager
def _upstream() -> Iterator[dict[str, int]]:
    """What the routes lead to; the port of each member's."""
    ports = dict(zip(MEMBERS, free_ports(len(MEMBERS)), strict=True))
    command = [
        sys.executable,
        "-m",
        "bench.rollout.upstream",
        *(f"{name}={port}" for name, port in ports.items()),
    ]
    process = spawn(command, cwd=_ROOT, output=subprocess.PIPE, errors=subprocess.DEVNULL)
    try:
        _await_line(process, upstream.READY)
        yield ports
    finally:
        end(process)
        if process.stdout is not None:
            process.stdout.close()


def _await_line(process: subprocess.Popen[bytes], line: str) -> None:
    """Returns when a process has said this line. Raises DemoError where it says another, or ends."""
    if process.stdout is None or process.stdout.readline().decode().strip() != line:
        raise DemoError(f"{process.args!r} does not say that it is {line}")


def _options(port: int) -> dict[str, Any]:
    """One public route, on which connections may be upgraded and answers take their time."""
    route = {
        "from": f"https://{HOST}",
        "to": f"http://127.0.0.1:{port}",
        "allow_public_unauthenticated_access": True,
        "allow_websockets": True,
    }
    return {"routes": [route]}
