"""The agent as a process: start, stop, reload, and what it says when it cannot."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.process import PATIENCE, agent, nothing_runs, until
from tests.replica.apart import needs_root


def refused(*options: str, **environment: str) -> tuple[int, str]:
    """Exit status and the one line of an agent that does not start."""
    done = subprocess.run(
        [sys.executable, "-m", "pomhealth", "run", *options],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={**os.environ, **environment},
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_while_no_replica_runs_it_waits_and_says_so(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as one:
        until(lambda: ("pomerium.process", "not-running") in one.alerts(), lambda: one.get("/alerts"))
        assert one.get("/readyz")[0] == 503
        assert one.get("/startupz")[0] == 503
        status = one.get("/status")[1]
        assert status["replica"]["state"] == "awaited"
        assert "waiting for it" in status["notice"]
        assert one.stop() == 0


def test_sigterm_is_a_clean_stop_with_status_0(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as one:
        assert one.get("/healthz")[0] in (200, 503)
        assert one.stop() == 0
        assert [line["signal"] for line in one.events("stopping")] == ["SIGTERM"]
        assert one.lines[-1]["event"] == "stopped"


def test_after_sigint_the_shell_sees_that_it_was_interrupted(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as one:
        assert one.get("/healthz")[0] in (200, 503)
        assert one.stop(signal.SIGINT) == -signal.SIGINT
        assert one.lines[-1]["event"] == "stopped"
        assert "Traceback" not in one.text


def test_a_stop_does_not_wait_for_idle_clients(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as one:
        host, _, port = one.address.rpartition(":")
        with socket.create_connection((host, int(port))) as idle:
            idle.sendall(b"GET /readyz HTTP/1.1\r\n\r\n")
            assert idle.recv(12) == b"HTTP/1.1 503"
            assert one.stop() == 0


def test_a_taken_address_is_one_clear_line_with_its_owner_and_status_1(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as held:
        where = f"127.0.0.1:{held.getsockname()[1]}"
        status, said = refused("--listen", where, *nothing_runs(tmp_path))
    assert status == 1
    assert f"cannot listen on {where}" in said
    assert f"(pid {os.getpid()})" in said


@pytest.mark.parametrize(
    ("options", "environment", "expected"),
    [
        (("--listen", "127.0.0.1:28080"), {}, "SO_REUSEPORT"),
        (("--listen", "nowhere"), {}, "option --listen"),
        (("--settings", "/no/such/file"), {}, "/no/such/file: cannot be read"),
        (("--pid", "soon"), {}, "option --pid"),
        (("--pid", "4194303"), {}, "no such process"),
        (("--pomerium-config", "/no/such/pomerium.yaml"), {}, "/no/such/pomerium.yaml"),
        ((), {"POMHEALTH_FALL": "never"}, "POMHEALTH_FALL"),
        (("--no-such-option",), {}, "No such option"),
    ],
)
def test_wrong_usage_and_wrong_settings_are_status_64(
    options: tuple[str, ...], environment: dict[str, str], expected: str
) -> None:
    status, said = refused(*options, **environment)
    assert status == 64
    assert expected in said


def test_sighup_takes_over_new_settings_and_keeps_the_old_where_the_new_are_wrong(tmp_path: Path) -> None:
    settings = tmp_path / "pomhealth.toml"
    settings.write_text("")
    with agent(tmp_path, *nothing_runs(tmp_path), "--settings", str(settings)) as one:
        until(lambda: ("pomerium.process", "not-running") in one.alerts())
        assert one.get("/healthz")[0] == 503

        settings.write_text('[gates]\n"pomerium.process" = "aalert"\n')
        one.process.send_signal(signal.SIGHUP)
        until(lambda: bool(one.events("the settings are wrong; the old ones stay in force")))
        assert "aalert" in one.lines[-1]["error"]
        assert one.get("/healthz")[0] == 503

        settings.write_text('[gates]\n"pomerium.process" = "alert"\n')
        one.process.send_signal(signal.SIGHUP)
        until(lambda: one.get("/healthz")[0] == 200, lambda: one.text)
        assert one.stop() == 0


def test_on_no_terminal_the_log_is_json_and_as_text_when_asked_for(tmp_path: Path) -> None:
    with agent(tmp_path, *nothing_runs(tmp_path)) as one:
        assert one.address
        assert all(line.startswith("{") for line in one.text.splitlines())
        one.stop()
    status, said = refused("--listen", "192.0.2.1:1", "--log-format", "text", *nothing_runs(tmp_path))
    assert status == 1
    assert "cannot listen on 192.0.2.1:1" in said
    assert not said.startswith("{")


@needs_root
def test_as_a_containers_first_process_it_heeds_a_sigterm_that_comes_while_it_is_loaded(
    tmp_path: Path,
) -> None:
    """The kernel drops what the first process of a container has no handler for."""
    agent = [sys.executable, "-m", "pomhealth", "run", "--listen", "127.0.0.1:0", *nothing_runs(tmp_path)]
    box = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *agent]
    with subprocess.Popen(box, stderr=subprocess.DEVNULL) as outer:
        try:
            children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
            until(lambda: bool(children.read_text()))
            first = int(children.read_text())
            until(lambda: holds(first, signal.SIGTERM))
            os.kill(first, signal.SIGTERM)
            assert outer.wait(PATIENCE) == 0
        finally:
            outer.kill()


def holds(pid: int, number: signal.Signals) -> bool:
    """Whether this signal waits there until it is asked for."""
    fields = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return bool(int(fields["SigBlk"], 16) >> (number - 1) & 1)
