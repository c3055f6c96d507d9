"""What the manifests' security context leaves the agent: the replica's own user, no capability, a root of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.agent.process import PATIENCE, Agent, until
from tests.kubernetes.test_probes import AGENT, environment
from tests.replica.apart import ROOT, needs_root

USER = str(AGENT["securityContext"]["runAsUser"])
CONFINED = (
    *("setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"),
    *("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs", "--"),
)
# A view of files of its own, as a container has it: without what lies in $1, and with a way to Python's own files ($2)
# where they lie below a directory that is root's alone ($3).
VIEW = """
[ -z "$1" ] || mount -t tmpfs none "$1"
[ -z "$3" ] || {
  mount --bind "$2" /mnt && mount -t tmpfs -o mode=755 none "$3" && mkdir -p "$2" && mount --bind /mnt "$2"
}
shift 3
exec "$@"
"""
STAND_IN = """
import json, sys
from pathlib import Path
from pomhealth.demo.running import RunningReplica
replica = RunningReplica(Path(sys.argv[1]), release="v0.33.1", storage="file", options={})
try:
    replica.start()
    print(json.dumps([replica.pid, str(replica.config_path)]), flush=True)
    sys.stdin.read()
finally:
    replica.stop()
"""
NOT_YET = "not looked at yet"


def as_user(*arguments: str, without: str = "") -> list[str]:
    """The command that runs this Python as that user, without capabilities; without the files in one directory, too."""
    base = Path(sys.base_prefix)
    above = [one for one in reversed(base.parents) if not one.stat().st_mode & 0o001]
    view = ("sh", without, str(base), str(above[0]) if above else "")
    return ["unshare", "--mount", "sh", "-ec", VIEW, *view, *CONFINED, sys.executable, *arguments]


def may_run() -> bool:
    """Whether that user can be given a way to all that is needed."""
    if shutil.which("setpriv") is None or shutil.which("unshare") is None:
        return False
    tried = as_user("-c", "import pomhealth.demo.running")
    return subprocess.run(tried, cwd=ROOT, capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Running:
    directory: Path
    pid: int
    config: str


@contextmanager
def replica() -> Iterator[Running]:
    """A stand-in of that user's, in a directory of its own."""
    directory = Path(tempfile.mkdtemp(prefix="pomhealth-"))
    shutil.chown(directory, int(USER), int(USER))
    started = subprocess.Popen(
        as_user("-c", STAND_IN, str(directory)), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert started.stdout is not None
        yield Running(directory, *json.loads(started.stdout.readline()))
    finally:
        started.communicate(timeout=PATIENCE)
        shutil.rmtree(directory)


@contextmanager
def beside(one: Running, log: Path) -> Iterator[Agent]:
    """The agent, to whose own files the replica's do not belong."""
    command = as_user(
        *("-m", "pomhealth", "run", "--listen", "127.0.0.1:0", "--pid", str(one.pid)),
        without=str(one.directory),
    )
    said = environment(POMHEALTH_RELEASE_FEED="off", PATH=os.defpath)
    with log.open("wb") as out:
        started = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out, env=said)
    try:
        yield Agent(started, log)
    finally:
        started.terminate()
        started.wait(PATIENCE)


@needs_root
@pytest.mark.skipif(not may_run(), reason="another user may not run this Python")
def test_of_the_same_user_it_sees_everything_without_a_single_capability(tmp_path: Path) -> None:
    with replica() as running, beside(running, tmp_path / "agent.log") as one:
        until(one.ready, lambda: (one.text, one.get("/readyz?verbose")))
        until(lambda: NOT_YET not in one.get("/status")[1]["unobserved"].values(), lambda: one.get("/status"))
        status = one.get("/status")[1]
        assert status["replica"]["pid"] == running.pid
        assert status["replica"]["config"] == running.config
        for id_ in ("pomerium.process", "storage.backend", "zero.bootstrap-config.save"):
            assert status["statuses"][id_]["outcome"] == "pass"
        assert status["unobserved"] == {}
        kernel = Path(f"/proc/{one.process.pid}/status").read_text()
        assert "CapEff:\t0000000000000000" in kernel
        assert f"Uid:\t{USER}" in kernel
        assert not Path(f"/proc/{one.process.pid}/root{running.config}").exists()
