"""Secrets planted wherever Pomerium keeps them appear in nothing that pomhealth prints, serves or logs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pomhealth.demo.certificate import self_signed
from pomhealth.demo.running import RunningReplica
from tests.standin import StandIn

PASSWORD = "correct-horse/battery+staple"
SHARED = b64encode(b"shared-secret-of-32-bytes-padded").decode()
COOKIE = b64encode(b"cookie-secret-of-32-bytes-padded").decode()
IDP = "idp-client-secret-7d1f"
TOKEN = "cluster-token-9c2e"
BASIC = "metrics-basic-auth-4b7a"
UPSTREAM = "upstream-userinfo-1f3c"
HEADER = "Bearer upstream-header-8e6d"

PATHS = (
    "/",
    "/readyz",
    "/readyz?verbose",
    "/healthz",
    "/startupz",
    "/status",
    "/alerts",
    "/readyz/storage.backend",
    "/nowhere",
)
COMMANDS = (
    ("check",),
    ("check", "-o", "json"),
    ("config",),
    ("config", "-o", "json"),
)


def planted(key: bytes) -> set[str]:
    """Every secret, in each spelling in which it could leak."""
    words = {
        SHARED,
        COOKIE,
        IDP,
        TOKEN,
        BASIC,
        UPSTREAM,
        HEADER,
        PASSWORD,
        urllib.parse.quote(PASSWORD, safe=""),
    }
    lines = key.decode().splitlines()[1:-1]
    return words | {b64encode(key).decode()[:60]} | set(lines)


@contextmanager
def agent(replica: RunningReplica, log: Path) -> Iterator[str]:
    """An agent of its own beside the replica; gives its address once it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    command = [
        sys.executable,
        "-m",
        "pomhealth",
        "run",
        "--listen",
        listen,
        "--pomerium-config",
        str(replica.config_path),
    ]
    environment = {**os.environ, "POMERIUM_ZERO_TOKEN": TOKEN, "PGPASSWORD": PASSWORD}
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out, env=environment) as process:
        try:
            wait_for(lambda: fetch(listen, "/status") != b"")
            yield listen
        finally:
            process.send_signal(signal.SIGTERM)


def fetch(listen: str, path: str) -> bytes:
    """Headers and body of the agent's answer; nothing where it does not answer yet."""
    try:
        with urllib.request.urlopen(f"http://{listen}{path}", timeout=5) as answer:
            return str(answer.headers).encode() + bytes(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return str(error.headers).encode() + bytes(error.read())
    except OSError:
        return b""


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def said(listen: str, replica: RunningReplica) -> str:
    """Everything that pomhealth says of the replica just now."""
    told = [fetch(listen, path).decode() for path in PATHS]
    commands = [
        *((*command, "--pid", str(replica.pid)) for command in COMMANDS),
        ("health", "-v", "-a", listen),
    ]
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "pomhealth", *command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        told += [done.stdout, done.stderr]
    return "\n".join(told)


def config_with(replica: RunningReplica, text: str) -> None:
    replica.write_config(replica.config_path.read_text() + text)


STATES: dict[str, Callable[[RunningReplica], object]] = {
    "healthy": RunningReplica.running,
    "wrong database password": lambda replica: replica.rewrite(
        databroker_storage_connection_string=replica.dsn.replace(
            "@", f"{urllib.parse.quote(PASSWORD, safe='')}@", 1
        )
    ),
    "connection string that cannot be parsed": lambda replica: replica.rewrite(
        databroker_storage_connection_string=f"postgres://pomerium:{PASSWORD}@[::1/pomerium?sslmode=%zz"
    ),
    "keyword connection string with a loose quote": lambda replica: replica.rewrite(
        databroker_storage_connection_string=f"host=127.0.0.1 password='{PASSWORD} dbname=x"
    ),
    "broken line that holds a secret": lambda replica: config_with(
        replica, f"\nidp_client_secret: [{IDP}: {{\n"
    ),
    "the same secret twice": lambda replica: config_with(replica, f"\nshared_secret: {SHARED}\n"),
    "route with a secret in its URL": lambda replica: replica.rewrite(
        routes=[{"from": "https://a.demo.localhost", "to": f"http://user:{UPSTREAM}@upstream:port"}]
    ),
    "file that is nothing but a secret": lambda replica: replica.write_config(SHARED),
}


@pytest.mark.parametrize("state", STATES)
def test_no_secret_appears_anywhere(standin: StandIn, tmp_path: Path, state: str) -> None:
    pair = self_signed(["*.demo.localhost"])
    replica = standin(
        storage="postgres",
        env={"IDP_CLIENT_SECRET": IDP, "METRICS_BASIC_AUTH": b64encode(f"user:{BASIC}".encode()).decode()},
        shared_secret=SHARED,
        cookie_secret=COOKIE,
        certificate_file=None,
        certificate_key_file=None,
        certificate=b64encode(pair.certificate).decode(),
        certificate_key=b64encode(pair.key).decode(),
        routes=[
            {
                "from": "https://app.demo.localhost",
                "to": "http://127.0.0.1:1",
                "set_request_headers": {"Authorization": HEADER},
            }
        ],
    )
    log = tmp_path / "agent.log"
    with agent(replica, log) as listen:
        wait_for(lambda: b'"started": true' in fetch(listen, "/status"))
        before = fetch(listen, "/status")
        STATES[state](replica)
        if state != "healthy":
            wait_for(
                lambda: (
                    fetch(listen, "/status").count(b'"outcome": "fail"') > before.count(b'"outcome": "fail"')
                )
            )
        told = said(listen, replica)
    told += log.read_text()
    assert "Traceback" not in told
    assert "[redacted]" in told
    secrets = planted(pair.key) | {urllib.parse.urlsplit(replica.dsn).password or ""}
    assert not [secret for secret in secrets if secret in told]
