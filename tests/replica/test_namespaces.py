"""Replicas in namespaces of their own, and the sidecar that shares only the network."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pomhealth.replica.discover import discover
from pomhealth.settings import Settings
from tests.replica.apart import LOOPBACK_UP, ROOT, needs_root, unshared
from tests.replica.little import Little

pytestmark = needs_root

STAND_IN = """
import json, subprocess, sys, tempfile
from pathlib import Path
from pomhealth.demo.running import RunningReplica
directory = tempfile.TemporaryDirectory(prefix="pomhealth-")
replica = RunningReplica(Path(directory.name), release="v0.33.1", storage="memory", dsn="", env=None, options={options})
replica.start(until_ready=True)
"""


def test_with_no_settings_the_only_replica_is_found() -> None:
    found = unshared(
        LOOPBACK_UP
        + STAND_IN.format(options={})
        + """
from pomhealth.replica.discover import discover
from pomhealth.settings import Settings
try:
    found = discover(Settings())
    print(json.dumps([found.main.pid == replica.pid, found.endpoint("address").port == replica.address[1]]))
finally:
    replica.stop()
    directory.cleanup()
""",
        "--pid",
        "--fork",
        "--mount-proc",
        "--net",
    )
    assert found == [True, True]


def test_with_no_replica_one_is_awaited() -> None:
    found = unshared(
        """
import json
from pomhealth.replica.changes import Changes
from pomhealth.replica.discover import discover
from pomhealth.settings import Settings
found = discover(Settings())
print(json.dumps([found.awaited, found.main, found.missing["process"], Changes().since(found, Settings())]))
""",
        "--pid",
        "--fork",
        "--mount-proc",
        "--net",
    )
    assert found == [True, None, "no pomerium process is running", False]


SIDECAR = """
import json
from pomhealth.replica.changes import Changes
from pomhealth.replica.discover import discover
from pomhealth.settings import Settings
def show(found):
    return {
        "awaited": found.awaited, "main": found.main, "missing": dict(found.missing),
        "admin": found.admin.where if found.admin else None,
        "health": found.health.where if found.health else None,
        "addresses": {one.role: [one.where, one.origin] for one in found.endpoints},
        "storage": found.storage.kind if found.storage else None,
        "version": found.version.value if found.version else None,
        "changed": Changes().since(found, settings), "path": found.options.path,
    }
"""


@pytest.fixture(scope="module")
def sidecar() -> dict[str, object]:
    """What a process in another PID namespace sees, which shares the stand-in's network namespace only."""
    inner = SIDECAR + (
        "import sys\n"
        "settings = Settings()\n"
        "first = show(discover(settings))\n"
        "settings = Settings(pomerium_config=sys.argv[1])\n"
        "print(json.dumps([first, show(discover(settings))]))\n"
    )
    return unshared(  # type: ignore[no-any-return]
        LOOPBACK_UP
        + STAND_IN.format(options={"health_check_addr": "127.0.0.1:28080"})
        + f"""
try:
    seen = subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", {inner!r}, str(replica.config_path)],
        capture_output=True, text=True, timeout=30,
    )
    assert seen.returncode == 0, seen.stderr
    first, named = json.loads(seen.stdout.splitlines()[-1])
    print(json.dumps({{
        "first": first, "named": named, "address": list(replica.address), "config": str(replica.config_path)
    }}))
finally:
    replica.stop()
    directory.cleanup()
""",
        "--net",
    )


def test_a_sidecar_finds_the_admin_socket_the_health_server_and_the_listeners(
    sidecar: dict[str, dict[str, object]],
) -> None:
    first = sidecar["first"]
    assert first["awaited"] is False
    assert first["main"] is None
    assert str(first["admin"]).startswith("@")
    assert first["health"] == "127.0.0.1:28080"
    host, port = sidecar["address"]
    assert first["addresses"]["address"] == [f"{host}:{port}", "Envoy's listeners"]  # type: ignore[index]
    assert first["version"] == "0.33.1", "its gRPC listener tells it"
    assert first["changed"] is False


def test_what_a_sidecar_does_not_see_names_what_to_share(sidecar: dict[str, dict[str, object]]) -> None:
    missing = sidecar["first"]["missing"]
    for what in ("process", "environment", "options", "storage"):
        assert "PID namespace" in missing[what], what  # type: ignore[index]


def test_a_sidecar_may_be_given_the_configuration(sidecar: dict[str, dict[str, object]]) -> None:
    named = sidecar["named"]
    assert named["path"] == sidecar["config"]
    assert "options" not in named["missing"]  # type: ignore[operator]
    assert named["awaited"] is False


@pytest.fixture
def elsewhere() -> Iterator[subprocess.Popen[str]]:
    """A stand-in in another network namespace; its first line is its pid."""
    code = (
        LOOPBACK_UP
        + STAND_IN.format(options={})
        + "print(json.dumps(replica.pid), flush=True)\ntry:\n    sys.stdin.read()\nfinally:\n    replica.stop()\n    directory.cleanup()\n"
    )
    with subprocess.Popen(
        ["unshare", "--net", sys.executable, "-c", code],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)


def test_a_replica_in_another_network_namespace_is_said_to_be_there(elsewhere: subprocess.Popen[str]) -> None:
    assert elsewhere.stdout is not None
    pid = json.loads(elsewhere.stdout.readline())
    found = discover(Settings(pid=pid))
    assert found.same_network is False
    assert f"nsenter --target {pid} --net" in found.missing["network"]
    assert found.admin is None
    assert found.missing["admin"] == found.missing["network"]
    assert found.options.path, "its file is still read"
    assert found.envoys


def test_files_in_another_mount_namespace_are_reached_through_the_process(
    little: Little, tmp_path: Path
) -> None:
    """The configuration stands on a file system that only the replica has mounted, behind an absolute link."""
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    main = little.replica()  # for its files alone
    program = Path(str(main.args[0]))  # type: ignore[index]
    script = (
        f"mount -t tmpfs none {hidden} && echo 'address: 127.0.0.1:7' > {hidden}/real.yaml"
        f" && ln -s {hidden}/real.yaml {hidden}/c.yaml && echo ready && exec {program} --config {hidden}/c.yaml"
    )
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={"HOME": str(program.parent), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            little.wait_until_named(process.pid)
            found = discover(Settings(pid=process.pid))
            assert found.root == f"/proc/{process.pid}/root"
            assert found.options.path == f"{hidden}/c.yaml"
            assert found.options.get("address") == "127.0.0.1:7"
            assert not (hidden / "c.yaml").exists()
        finally:
            little.kill(process)
