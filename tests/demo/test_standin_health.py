"""The stand-in's own report has the form and the behaviour of the recordings."""

from __future__ import annotations

import json
import socket
from functools import partial
from pathlib import Path

import pytest

from pomhealth.demo.ports import free_ports
from tests.demo.looking import error, get, recorded, statuses, until
from tests.standin import OwnPostgres, RunningReplica, StandIn

RECORDED = (("v0.31.3", "memory"), ("v0.32.9", "memory"), ("v0.33.1", "postgres"))


@pytest.mark.parametrize("release", [release for release, _ in RECORDED])
@pytest.mark.parametrize("path", ["status", "readyz", "startupz", "healthz"])
def test_is_as_recorded(module_standins: dict[str, tuple[str, int]], release: str, path: str) -> None:
    header, body = recorded(f"healthy-{release}", f"pomerium_{path}.http")
    status, headers, answered = get(module_standins[release], f"/{path}")
    assert header.splitlines()[0] == f"HTTP/1.1 {status} OK"
    assert set(headers) == {"Date", "Content-Length", "Content-Type"}
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    if path == "status" and release != "v0.33.1":  # lists `checks` in no order of its own
        ours, theirs = json.loads(answered), json.loads(body)
        assert ours["statuses"] == theirs["statuses"]
        assert set(ours["checks"]) == set(theirs["checks"])
    else:
        assert answered == body


@pytest.fixture(scope="module")
def module_standins(module_standin: StandIn) -> dict[str, tuple[str, int]]:
    """The health servers of one replica a release, once Envoy's readiness has been reported (after a second)."""
    found = {}
    for release, storage in RECORDED:
        replica = module_standin(release, storage)
        until(partial(is_ready, replica), "it is ready")
        assert replica.health is not None
        found[release] = replica.health
    return found


def is_ready(replica: RunningReplica) -> bool:
    return get(replica.health, "/readyz")[0] == 200


def test_is_not_ready_before_everything_has_reported(standin: StandIn) -> None:
    replica = standin()
    status, _, body = get(replica.health, "/readyz")
    assert status == 503
    assert json.loads(body)["envoy.server"] == {"status": "UNAVAILABLE"}
    until(partial(is_ready, replica), "it is ready")


def test_release_0_30_has_no_health_server(standin: StandIn) -> None:
    [port] = free_ports(1)
    replica = standin("v0.30.8", health_check_addr=f"127.0.0.1:{port}")
    assert replica.health is None
    with pytest.raises(ConnectionRefusedError):
        get(("127.0.0.1", port), "/status")


def test_unknown_paths_and_methods(module_standins: dict[str, tuple[str, int]]) -> None:
    assert get(module_standins["v0.33.1"], "/")[0] == 404


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        ("proxy", {"proxy.service"}),
        ("authorize", {"authorize.service"}),
        ("databroker", {"databroker.cluster", "storage.backend"}),
    ],
)
def test_requires_what_its_services_report(standin: StandIn, services: str, expected: set[str]) -> None:
    replica = standin(services=services, until_ready=False)
    until(lambda: "envoy.server" in statuses_or_nothing(replica), "it reports")
    checks = set(json.loads(get(replica.health, "/status")[2])["checks"])
    common = {
        "config.databroker.build",
        "databroker.sync.initial",
        "envoy.server",
        "xds.cluster",
        "xds.listener",
        "xds.route-configuration",
    }
    assert checks == common | expected


def statuses_or_nothing(replica: RunningReplica) -> dict[str, object]:
    try:
        return statuses(replica)
    except OSError:
        return {}


def test_a_storage_backend_that_never_answered_is_unknown(
    standin: StandIn, own_postgres: OwnPostgres
) -> None:
    server = own_postgres()
    dsn = server.dsn()
    server.stop()
    replica = standin(storage="postgres", dsn=dsn)
    until(lambda: error(replica, "storage.backend"), "it says so")
    entry = statuses(replica)["storage.backend"]
    where = f"127.0.0.1:{server.port}"
    assert entry == {
        "status": "UNKNOWN",
        "error": f"failed to connect to `user=pomerium database=postgres`: {where} (127.0.0.1): "
        f"dial error: dial tcp {where}: connect: connection refused",
        "attributes": [{"Key": "backend", "Value": "postgres"}],
    }
    server.start()
    until(lambda: not error(replica, "storage.backend"), "it recovers")


def test_it_tells_a_supervisor_that_it_is_ready_that_it_is_there_and_that_it_ends(
    standin: StandIn, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(f"{tmp_path}/notify")
        supervisor.settimeout(30)
        replica = standin(env={"NOTIFY_SOCKET": f"{tmp_path}/notify", "WATCHDOG_USEC": "400000"})
        ready = [b"WATCHDOG=1"]
        while ready[-1] == b"WATCHDOG=1":
            ready.append(supervisor.recv(4096))
        there = supervisor.recv(4096)
        replica.stop()
        last = there
        while last == b"WATCHDOG=1":
            last = supervisor.recv(4096)
    assert (ready[-1], there, last) == (b"READY=1", b"WATCHDOG=1", b"STOPPING=1")
