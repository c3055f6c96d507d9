"""`pomhealth check` as a process, on stand-in replicas around a real Envoy."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.standin import RunningReplica, StandIn

DEADLINE = 60  # seconds


def check(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pomhealth", "check", *arguments],
        env={**os.environ, "POMHEALTH_SETTINGS": os.devnull, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def of(replica: RunningReplica) -> tuple[str, str]:
    return "--pid", str(replica.pid)


def test_a_healthy_replica_passes_and_the_report_says_which_it_is(standin: StandIn) -> None:
    replica = standin(storage="file")
    run = check(*of(replica))
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("✓ Ready.\nPomerium ")
    assert f"pid {replica.pid}" in run.stdout
    assert str(replica.config_path) in run.stdout
    assert "✓ envoy.server" in run.stdout
    assert "✗" not in run.stdout
    assert "\x1b" not in run.stdout


def test_a_hung_envoy_is_found_with_its_followers_and_the_exit_status_is_1_in_either_form(
    standin: StandIn,
) -> None:
    replica = standin()
    os.kill(replica.envoy_pid(), signal.SIGSTOP)
    try:
        began = time.monotonic()
        with ThreadPoolExecutor() as both:
            text, document = both.map(lambda form: check(*of(replica), "-o", form), ["text", "json"])
        assert time.monotonic() - began < 10
    finally:
        os.kill(replica.envoy_pid(), signal.SIGCONT)
    assert (text.returncode, document.returncode) == (1, 1)
    assert "✗ envoy.server: stopped (stops /readyz and /healthz)" in text.stdout
    assert text.stdout.startswith("✗ Not ready: envoy.server (stopped).\n")
    followers = text.stdout.partition("- not judged while it fails: ")[2].partition("\n\n")[0]
    assert "proxy.service" in followers
    told = json.loads(document.stdout)
    assert told["ready"] is False
    assert "envoy.server" in told["errors"]
    envoy = next(one for one in told["checks"] if one["id"] == "envoy.server")
    assert "proxy.service" in envoy["followers"]
    assert envoy["evidence"]
    assert envoy["fix"]
    assert envoy["who"] == "operator"
    assert told["checks"][0] == envoy


def test_a_warning_fails_only_when_it_is_asked_to(standin: StandIn) -> None:
    replica = standin(storage="memory")
    assert "! persistent_backend: in-memory" in check(*of(replica)).stdout
    assert check(*of(replica)).returncode == 0
    assert check(*of(replica), "--fail-on", "warning").returncode == 1
    assert check(*of(replica), "--fail-on", "warning", "-o", "json").returncode == 1


def test_named_checks_alone_are_measured(standin: StandIn) -> None:
    replica = standin()
    told = json.loads(check("persistent_backend", *of(replica), "-o", "json").stdout)
    assert [one["id"] for one in told["checks"]] == ["persistent_backend"]
    assert told["ready"] is None


def test_wait_measures_again_until_nothing_fails(standin: StandIn) -> None:
    replica = standin()
    os.kill(replica.envoy_pid(), signal.SIGSTOP)
    command = [sys.executable, "-m", "pomhealth", "check", "envoy.server", *of(replica), "--wait", "40"]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    with run:
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(timeout=1)
        os.kill(replica.envoy_pid(), signal.SIGCONT)
        output, _ = run.communicate(timeout=DEADLINE)
    assert run.returncode == 0
    assert "✓ envoy.server" in output


def test_of_several_replicas_it_asks_which(standin: StandIn) -> None:
    first, second = standin(), standin()
    run = check()
    assert (run.returncode, run.stdout) == (64, "")
    assert run.stderr.count("\n") == 1
    for replica in (first, second):
        assert f"pid {replica.pid}" in run.stderr
    assert check("pomerium.process", "--pomerium-config", str(second.config_path)).returncode == 0


def test_a_process_that_is_no_replica_is_wrong_usage() -> None:
    run = check("--pid", str(os.getpid()))
    assert (run.returncode, run.stdout) == (64, "")
    assert run.stderr.startswith("Error: ")
    assert run.stderr.count("\n") == 1


def test_where_no_replica_runs_one_line_says_so() -> None:
    """In a PID namespace of its own, since other replicas may run on this machine."""
    command = ["unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--net"]
    if subprocess.run([*command, "true"], capture_output=True, check=False, timeout=DEADLINE).returncode:
        pytest.skip("this machine lets nobody make a PID namespace")
    for form in ("text", "json"):
        run = subprocess.run(
            [*command, sys.executable, "-m", "pomhealth", "check", "-o", form],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert run.returncode == 1
        said = run.stderr if form == "text" else json.loads(run.stdout)["error"]
        assert "no Pomerium replica runs here" in said
        assert "Traceback" not in run.stderr
