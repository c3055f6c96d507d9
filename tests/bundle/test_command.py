"""`pomhealth support-bundle` as a process: with an agent, without, with one that hangs, and where nothing can be written."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.agent.process import agent, until
from tests.bundle.bundles import bundle
from tests.schemas.shapes import errors
from tests.standin import RunningReplica, StandIn

LIMIT = 15.0  # seconds that the command may take
NOWHERE = "127.0.0.1:1"


def of(replica: RunningReplica) -> tuple[str, str]:
    return "--pid", str(replica.pid)


def test_it_holds_what_the_agent_envoy_and_a_fresh_look_say(standin: StandIn, tmp_path: Path) -> None:
    replica = standin(storage="postgres")
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as running:
        until(running.ready)
        made = bundle(tmp_path / "x.tar.gz", "-a", running.address, *of(replica))
    assert made.run.returncode == 0, made.run.stderr
    assert made.run.stdout.startswith(f"{tmp_path}/x.tar.gz: ")
    assert "Look through it before you send it" in made.run.stdout
    assert (tmp_path / "x.tar.gz").stat().st_mode & 0o777 == 0o600
    for name, schema in (
        ("agent/status.json", "status"),
        ("agent/alerts.json", "alerts"),
        ("check.json", "check"),
        ("config.json", "config"),
    ):
        assert errors(schema, made.json(name)) == []
    assert made.json("agent/status.json")["ready"] is True
    assert made.json("agent/status.json")["history"]
    assert made.json("check.json")["ready"] is True
    assert made.files["check.md"].startswith("# ✅ Ready")
    assert "readyz check passed" in made.files["agent/readyz.txt"]
    assert made.files["envoy/ready.txt"] == "200 LIVE\n"
    assert made.json("envoy/server.json")["options"]["restart_epoch"] == 0
    assert made.json("envoy/rejected.json") == []
    assert {"name", "address"} == made.json("envoy/listeners.json")[0].keys()
    assert made.json("replica/health.json")["statuses"]
    versions = made.json("versions.json")
    assert all(
        versions[name]
        for name in ("pomhealth", "pomerium", "envoy", "postgresql", "python", "kernel", "distribution")
    )
    assert versions["libraries"]["click"]
    for one in made.manifest["files"]:
        data = made.files[one["name"]].encode()
        assert (one["size"], one["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    listed = ["README.txt", "MANIFEST.json", *(one["name"] for one in made.manifest["files"])]
    assert list(made.files) == listed


def test_without_an_agent_it_measures_once_and_says_so(standin: StandIn, tmp_path: Path) -> None:
    replica = standin()
    made = bundle(tmp_path / "x.tar.gz", "-a", NOWHERE, *of(replica))
    assert made.run.returncode == 0
    assert "connection refused" in made.missing["agent/status.json"]
    assert "No agent answered: check.json" in made.files["README.txt"]
    assert made.json("check.json")["ready"] is True
    assert "agent/status.json" in made.run.stdout


def test_what_hangs_is_a_line_of_the_manifest_and_holds_nothing_up(standin: StandIn, tmp_path: Path) -> None:
    replica = standin(storage="postgres")
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as running:
        until(running.ready)
        address = running.address
        hung = [running.process.pid, replica.envoy_pid()]
        for pid in hung:
            os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            made = bundle(tmp_path / "x.tar.gz", "-a", address, *of(replica))
            took = time.monotonic() - began
        finally:
            for pid in hung:
                os.kill(pid, signal.SIGCONT)
    assert made.run.returncode == 0
    assert took < LIMIT
    assert "no answer within" in made.missing["agent/status.json"]
    assert "no answer within" in made.missing["envoy/server.json"]
    assert "envoy.server" in made.json("check.json")["errors"]


def test_where_no_replica_runs_what_there_is_is_written(tmp_path: Path) -> None:
    path = tmp_path / "pomerium.yaml"
    path.write_text("address: 127.0.0.1:1\n")
    made = bundle(tmp_path / "x.tar.gz", "-a", NOWHERE, "--pomerium-config", str(path))
    assert made.run.returncode == 0
    assert made.json("check.json")["error"] == "no Pomerium replica runs here"
    assert made.missing.keys() >= {"envoy/", "replica/health.json", "agent/status.json"}
    assert made.json("versions.json")["pomerium"] is None


def test_as_another_user_it_holds_what_that_one_may_see(standin: StandIn) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    replica = standin(storage="postgres", shared_secret="c2hhcmVkLXNlY3JldC1vZi0zMi1ieXRlcy1wYWRkZWQ=")
    directory = replica.root.parent / "given"
    directory.mkdir(mode=0o777)
    directory.chmod(0o777)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    made = bundle(directory / "x.tar.gz", "-a", NOWHERE, *of(replica), before=nobody, HOME="/")
    assert made.run.returncode == 0, made.run.stderr
    assert made.json("versions.json")["effective_uid"] == 65534
    assert made.json("check.json")["replica"]["missing"]
    assert "c2hhcmVkLXNlY3JldC1vZi0zMi1ieXRlcy1wYWRkZWQ" not in "".join(made.files.values())


def test_a_file_that_is_there_stays_and_nothing_is_asked(tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"")
    run = subprocess.run(
        [sys.executable, "-m", "pomhealth", "support-bundle", "-o", str(tmp_path / "x.tar.gz")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        f"Error: nothing is written: {tmp_path}/x.tar.gz is there already: --force replaces it, -o FILE names another\n"
    )
    assert (tmp_path / "x.tar.gz").read_bytes() == b""


def test_on_a_full_disk_one_line_says_so_and_nothing_half_written_stays(
    standin: StandIn, tmp_path: Path
) -> None:
    """In a mount namespace of its own, on a file system of one page."""
    replica = standin()
    small = tmp_path / "small"
    small.mkdir()
    inside = (
        f"mount -t tmpfs -o size=4k none {small} && cd {small} &&"
        f' {sys.executable} -m pomhealth support-bundle -a {NOWHERE} --pid {replica.pid}; echo "exit $?"; ls -A {small}'
    )
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", inside],
        env={**os.environ, "POMHEALTH_SETTINGS": os.devnull},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip("this machine lets nobody mount")
    assert done.stdout == "exit 1\n", done.stdout + done.stderr
    assert done.stderr.splitlines()[-1].endswith(": No space left on device")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("-a", "nonsense"),
        ("--pid", "0"),
        ("--pid", "1"),
        ("--settings", "/no/such/file"),
        ("--nope",),
        ("word",),
    ],
)
def test_wrong_usage_is_64_and_writes_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    made = bundle(tmp_path / "x.tar.gz", *arguments)
    assert (made.run.returncode, made.run.stdout, made.files) == (64, "", {})
    assert made.run.stderr.splitlines()[-1].startswith("Error: ")


def test_what_an_agent_has_seen_is_in_it_once_it_has_ended(standin: StandIn, tmp_path: Path) -> None:
    replica = standin()
    state: dict[str, Any] = {"POMHEALTH_STATE_DIR": str(tmp_path / "state"), "POMHEALTH_HISTORY": "true"}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    options = ("--listen", address, "--pomerium-config", str(replica.config_path))
    with agent(tmp_path, *options, **state) as running:
        until(running.ready)
        assert running.stop() == 0
    made = bundle(tmp_path / "x.tar.gz", "-a", address, *of(replica), **state)
    told = made.json("history.json")
    assert {"pomerium.process", "envoy.server"} <= {one["id"] for one in told["changes"]}
    assert told["watched"]
