"""A replica in containers: its configuration, the container itself, and what stands beside it."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from pomhealth.demo.certificate import self_signed
from tests.docker import images
from tests.docker.podman import Podman

USER = "65532:65532"
REPLICA, AGENT = "replica", "agent"
UNPRIVILEGED = (
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--read-only",
    "--read-only-tmpfs=false",
)
_HOLD = """
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
with context.wrap_socket(socket.create_connection(("127.0.0.1", 443)), server_hostname="app.demo.localhost") as open_:
    print("open", flush=True)
    sys.stdin.read()
"""


def configuration(path: Path, storage: str = "memory") -> None:
    """Writes a replica's configuration, readable to every user."""
    pair = self_signed(["*.demo.localhost"])
    options: dict[str, Any] = {
        "address": ":443",
        "grpc_address": "127.0.0.1:5443",
        "authenticate_service_url": "https://authenticate.demo.localhost",
        "certificate": base64.b64encode(pair.certificate).decode(),
        "certificate_key": base64.b64encode(pair.key).decode(),
        "databroker_storage_type": storage,
        "routes": [
            {
                "from": "https://app.demo.localhost",
                "to": "http://127.0.0.1:1",
                "allow_public_unauthenticated_access": True,
            }
        ],
    }
    path.write_text(yaml.safe_dump(options))
    path.chmod(0o644)


def secret_variables() -> dict[str, str]:
    return {
        name: base64.b64encode(secrets.token_bytes(32)).decode()
        for name in ("SHARED_SECRET", "COOKIE_SECRET")
    }


@contextmanager
def replica(
    podman: Podman, name: str = REPLICA, image: str = images.POMERIUM, *options: str
) -> Iterator[str]:
    """A container that serves on port 443 of its own loopback interface."""
    config = podman.root / "config.yaml"
    configuration(config)
    variables = [f"--env={key}={value}" for key, value in secret_variables().items()]
    podman.run(
        *("run", "--detach", f"--name={name}", f"--user={USER}", "--cap-drop=all", "--network=none"),
        *("--sysctl=net.ipv4.ip_unprivileged_port_start=0", "--env=POMHEALTH_RELEASE_FEED=off"),
        *(f"--volume={config}:/pomerium/config.yaml:ro", *variables, *options, image),
    )
    try:
        yield name
    finally:
        podman.run("rm", "--force", "--time=0", name)


@contextmanager
def agent(podman: Podman, *options: str, processes: bool = True) -> Iterator[str]:
    """The project's image beside the replica, without any right, as docs/docker.md runs it."""
    shared = [f"--network=container:{REPLICA}", *([f"--pid=container:{REPLICA}"] if processes else [])]
    variables = ("--env=POMHEALTH_RELEASE_FEED=off", "--env=POMHEALTH_DRAIN_NOTICE=0")
    podman.run(
        "run",
        "--detach",
        f"--name={AGENT}",
        *shared,
        *UNPRIVILEGED,
        "--stop-timeout=100",
        *variables,
        *options,
        images.POMHEALTH,
    )
    try:
        podman.until(lambda: podman.health(AGENT).returncode == 0, "the health check passes")
        yield AGENT
    finally:
        podman.run("rm", "--force", "--time=0", AGENT)


def holding(container: str) -> tuple[str, ...]:
    """The arguments for podman of a client that holds a connection to the replica until its standard input ends."""
    return ("exec", "--interactive", container, "/opt/pomhealth/bin/python3", "-c", _HOLD)
