"""What hangs holds up nothing else: file systems that do not answer, and readers of the log that do not read."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pomhealth.demo.ports import free_ports
from tests.agent.process import PATIENCE, Agent, agent, nothing_runs, until
from tests.certs.making import made
from tests.standin import RunningReplica, StandIn
from tests.stuck import stuck, waiting

UNREADABLE = ("certificates_current", "unreadable")
NOT_WRITABLE = ("zero.bootstrap-config.save", "not-writable")
STOPPED = ("envoy.server", "stopped")
SAYS = "the file system does not answer"


def with_certificates(standin: StandIn, directory: Path) -> RunningReplica:
    """A replica with a certificate for its metrics there, which the stand-in itself does not read."""
    made("m.example.com").into(directory)
    return standin(
        metrics_certificate_file=str(directory / "cert.pem"),
        metrics_certificate_key_file=str(directory / "key.pem"),
    )


def pid(one: Agent) -> int | None:
    found: int | None = one.get("/status")[1]["replica"]["pid"]
    return found


def told(one: Agent, id_: str) -> str:
    """All that is said of a check, also why it cannot be seen."""
    status = one.get("/status")[1]
    return str(status["statuses"].get(id_, "")) + str(status["unobserved"].get(id_, ""))


def passes(one: Agent, id_: str) -> bool:
    return bool(one.get("/status")[1]["statuses"].get(id_, {}).get("outcome") == "pass")


@contextmanager
def envoy_stopped(one: Agent) -> Iterator[None]:
    """Envoy hangs within the block, which begins when that is told and ends when its end is."""
    (envoy,) = one.get("/status")[1]["replica"]["envoy_pids"]
    os.kill(envoy, signal.SIGSTOP)
    try:
        until(lambda: STOPPED in one.alerts(), lambda: one.get("/alerts"))
        yield
    finally:
        os.kill(envoy, signal.SIGCONT)
    until(lambda: STOPPED not in one.alerts(), lambda: one.get("/alerts"))


def test_a_stuck_certificate_directory_is_told_and_nothing_else_waits_for_it(
    tmp_path: Path, standin: StandIn
) -> None:
    directory = tmp_path / "tls"
    replica = with_certificates(standin, directory)
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        with stuck(directory):
            until(lambda: UNREADABLE in one.alerts(), lambda: (one.get("/alerts"), one.text))
            assert one.ready()
            with envoy_stopped(one):
                pass
            before, held = pid(one), waiting(one.process.pid)
            replica.restart()
            until(lambda: pid(one) not in (None, before), lambda: one.get("/status")[1]["replica"])
            until(one.ready, lambda: one.get("/readyz?verbose"))
            assert UNREADABLE in one.alerts()
            assert waiting(one.process.pid) <= held
        until(lambda: UNREADABLE not in one.alerts(), lambda: one.get("/alerts"))
        assert [line["where"] for line in one.events(SAYS)] == [str(directory)]
        assert one.events("the file system answers again")


def test_a_stuck_cache_is_told_and_nothing_else_waits_for_it(tmp_path: Path, standin: StandIn) -> None:
    replica = standin()
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        with stuck(replica.cache_dir):
            until(lambda: NOT_WRITABLE in one.alerts(), lambda: one.get("/alerts"))
            assert "does not answer" in told(one, NOT_WRITABLE[0])
            assert one.ready()
            with envoy_stopped(one):
                pass
        until(lambda: NOT_WRITABLE not in one.alerts(), lambda: one.get("/alerts"))


def test_with_the_configuration_stuck_it_goes_on_with_what_it_has_read_and_follows_a_restart(
    tmp_path: Path, standin: StandIn
) -> None:
    """The configuration stands in the replica's working directory, so that hangs too."""
    replica = standin()
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        before = pid(one)
        with stuck(replica.directory) as hanging:
            until(lambda: SAYS in told(one, "cluster_config_current"), lambda: one.get("/status")[1])
            assert one.ready()
            with envoy_stopped(one):
                pass
            assert before
            os.kill(before, signal.SIGKILL)
            until(lambda: pid(one) is None, lambda: one.get("/status")[1]["replica"])
            hanging.free()
            replica.stop()
            replica.start()
            until(lambda: pid(one) not in (None, before), lambda: one.get("/status")[1]["replica"])
        until(lambda: passes(one, "cluster_config_current"), lambda: one.get("/status")[1])
        until(one.ready, lambda: one.get("/readyz?verbose"))


def test_it_starts_and_stops_while_the_certificates_are_stuck(tmp_path: Path, standin: StandIn) -> None:
    directory = tmp_path / "tls"
    replica = with_certificates(standin, directory)
    with stuck(directory), agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(lambda: UNREADABLE in one.alerts(), lambda: (one.get("/alerts"), one.text))
        until(one.ready, lambda: one.get("/readyz?verbose"))
        assert one.stop() == 0
        assert one.events("stopped")


def test_many_stuck_directories_hold_a_thread_each_and_no_more(tmp_path: Path, standin: StandIn) -> None:
    directory = tmp_path / "tls"
    replica = with_certificates(standin, directory)
    with agent(tmp_path, "--pomerium-config", str(replica.config_path)) as one:
        until(one.ready, lambda: one.get("/readyz?verbose"))
        with stuck(directory), stuck(replica.cache_dir):
            until(lambda: {UNREADABLE, NOT_WRITABLE} <= one.alerts(), lambda: one.get("/alerts"))
            until(lambda: len(one.events(SAYS)) == 2, lambda: one.text)
            held = waiting(one.process.pid)
            assert held >= 2
            with envoy_stopped(one):
                pass
            assert waiting(one.process.pid) <= held
        until(lambda: not {UNREADABLE, NOT_WRITABLE} & one.alerts(), lambda: one.get("/alerts"))


def test_settings_that_cannot_be_read_again_stop_nothing(tmp_path: Path) -> None:
    directory = tmp_path / "own"
    directory.mkdir()
    settings = directory / "pomhealth.toml"
    settings.write_text('log_level = "info"\n')
    with agent(tmp_path, *nothing_runs(tmp_path), "--settings", str(settings)) as one:
        until(lambda: one.get("/readyz")[0] == 503)
        with stuck(directory):
            one.process.send_signal(signal.SIGHUP)
            until(
                lambda: bool(one.events("the settings cannot be read; the old ones stay in force")),
                lambda: one.text,
            )
            assert one.get("/readyz")[0] == 503
            assert one.stop() == 0


@contextmanager
def unread(tmp_path: Path, *options: str) -> Iterator[tuple[Agent, int]]:
    """An agent whose log goes into a pipe that is full, and the end at which nobody reads."""
    out, into = os.pipe()
    fcntl.fcntl(into, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(into, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(into, b"\n")
    os.set_blocking(into, True)
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "pomhealth", "run", "--listen", f"127.0.0.1:{port}", *options]
    log = tmp_path / "agent.log"
    log.write_text(
        json.dumps({"event": "listening", "address": f"127.0.0.1:{port}"}) + "\n", encoding="utf-8"
    )
    process = subprocess.Popen(command, stderr=into, stdout=into)
    os.close(into)
    try:
        yield Agent(process, log), out
    finally:
        os.close(out)
        process.kill()
        process.wait(PATIENCE)


def answers(one: Agent, path: str) -> int:
    """The status of an answer, 0 while nobody listens."""
    try:
        return one.get(path)[0]
    except OSError:
        return 0


def test_a_log_that_nobody_reads_holds_up_nothing(tmp_path: Path) -> None:
    with unread(tmp_path, *nothing_runs(tmp_path), "--log-level", "debug") as (one, _):
        until(lambda: answers(one, "/readyz") == 503)
        until(lambda: ("pomerium.process", "not-running") in one.alerts(), lambda: one.get("/alerts"))
        one.process.send_signal(signal.SIGHUP)
        until(lambda: answers(one, "/readyz") == 503)
        assert one.stop() == 0


def test_when_the_log_is_read_again_it_goes_on_where_it_was(tmp_path: Path) -> None:
    with unread(tmp_path, *nothing_runs(tmp_path)) as (one, out):
        until(lambda: answers(one, "/readyz") == 503)
        until(lambda: ("pomerium.process", "not-running") in one.alerts(), lambda: one.get("/alerts"))
        one.process.send_signal(signal.SIGTERM)
        read = b""
        while piece := os.read(out, 65536):
            read += piece
        events = [json.loads(line)["event"] for line in read.decode().splitlines() if line]
        assert events[0] == "pomhealth starts"
        assert events[-1] == "stopped"
        assert one.process.wait(PATIENCE) == 0
