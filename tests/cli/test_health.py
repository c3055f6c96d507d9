"""`pomhealth health` as a process, against real sockets: answers recorded from real replicas, and every way to fail."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pomhealth.client.usage import HELP
from tests.cli.health_server import RECORDINGS, Talk, agent, http, recorded, saying, serving

SCRIPT = Path(__file__).parents[2] / "scripts" / "pomhealth"
DEADLINE = 20  # seconds; far more than any of these takes
STATES = sorted(path.parent.name for path in RECORDINGS.glob("*/pomerium_status.http"))
BROKEN = {
    "listener-port-taken": "xds.listener",
    "listener-port-taken-at-start": "xds.listener",
    "postgres-down": "storage.backend",
}
FINE = [("envoy.server", "pass", "0", "live"), ("storage.backend", "pass", "0", "ready")]
READ_ONLY = (
    "storage.backend",
    "fail",
    "1",
    "ready",
    "read-only",
    "it takes no writes",
    "promote the standby ; or change the DSN",
    "",
)
EXPIRING = ("certificates_current", "warn", "0", "alert", "expiring", "9 days are left", "renew it", "")


def health(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pomhealth", "health", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def told(talk: Talk, *arguments: str) -> tuple[int, str]:
    """The exit status and the output of one run against a server; nothing may go to standard error."""
    with serving(talk) as server:
        run = health("-a", server.address, *arguments)
    assert run.stderr == ""
    return run.returncode, run.stdout


@pytest.mark.parametrize("state", [state for state in STATES if state not in BROKEN])
def test_a_recorded_healthy_replica_is_healthy_in_one_short_line(state: str) -> None:
    status, output = told(saying(recorded(state)))
    assert status == 0
    assert output == f"healthy: {output.split()[1]} checks\n"


@pytest.mark.parametrize(("state", "id_"), BROKEN.items())
def test_a_recorded_broken_replica_is_one_line_with_id_cause_and_next_step(state: str, id_: str) -> None:
    status, output = told(saying(recorded(state)))
    assert status == 1
    assert output.count("\n") == 1
    assert output.startswith(f"{id_}: reported: ")
    assert f"Fix: pomhealth check {id_}" in output


@pytest.mark.parametrize("state", STATES)
def test_it_judges_every_recording_as_the_replicas_own_client_does(state: str) -> None:
    body = json.loads(recorded(state).partition(b"\r\n\r\n")[2])
    errors = [
        id_ for id_, entry in body["statuses"].items() if entry.get("error") or entry["status"] != "RUNNING"
    ]
    errors += [id_ for id_ in body["checks"] if id_ not in body["statuses"]]
    status, output = told(saying(recorded(state)), "-o", "json")
    assert status == (1 if errors else 0)
    assert json.loads(output)["failing"] == errors


def test_a_required_check_that_is_not_reported_fails_unless_it_is_excluded() -> None:
    body = json.dumps(
        {"statuses": {"envoy.server": {"status": "RUNNING"}}, "checks": ["envoy.server", "proxy.service"]}
    )
    status, output = told(saying(http(body.encode())))
    assert (status, output.split(". ")[0]) == (
        1,
        "proxy.service: missing: the replica requires it and has not reported it",
    )
    assert told(saying(http(body.encode())), "-e", "proxy.service") == (0, "healthy: 1 check\n")


@pytest.mark.parametrize("status", ["UNKNOWN", "TERMINATING", ""])
def test_a_status_other_than_running_fails(status: str) -> None:
    body = json.dumps({"statuses": {"xds.cluster": {"status": status}}, "checks": []})
    assert told(saying(http(body.encode())))[0] == 1


def test_an_error_counts_whatever_the_status_says() -> None:
    body = json.dumps({"statuses": {"x": {"status": "RUNNING", "error": "two\nlines"}}, "checks": []})
    status, output = told(saying(http(body.encode())))
    assert status == 1
    assert output.startswith("x: reported: two lines. Fix: ")


def test_a_failing_check_of_an_agent_is_told_with_its_cause_and_fix() -> None:
    expected = "storage.backend: read-only: it takes no writes. Fix: promote the standby\n"
    assert told(saying(agent(FINE[0], READ_ONLY, EXPIRING, ready=0))) == (1, expected)


def test_what_is_only_told_does_not_fail() -> None:
    assert told(saying(agent(*FINE, EXPIRING))) == (0, "healthy: 3 checks, 1 alert\n")


def test_verbose_lists_every_check() -> None:
    status, output = told(saying(agent(FINE[0], READ_ONLY, EXPIRING, ready=0)), "-v", "-e", "envoy.server")
    assert status == 1
    assert output.splitlines() == [
        "fail     storage.backend: read-only: it takes no writes. Fix: promote the standby",
        "warn     certificates_current: expiring: 9 days are left",
        "excluded envoy.server",
        "unhealthy: 1 of 2 checks",
    ]


def test_an_excluded_check_does_not_fail() -> None:
    assert told(saying(agent(*FINE[:1], READ_ONLY, ready=0)), "-e", "storage.backend") == (
        0,
        "healthy: 1 check\n",
    )


def test_named_checks_are_the_only_ones_that_count() -> None:
    answer = saying(agent(FINE[0], READ_ONLY, ready=0))
    assert told(answer, "envoy.server") == (0, "healthy: 1 check\n")
    assert told(answer, "envoy.server", "storage.backend")[0] == 1


@pytest.mark.parametrize("outcome", ["fail", "unknown", "skipped"])
def test_a_named_check_must_be_seen_to_be_well_whatever_it_gates(outcome: str) -> None:
    answer = saying(agent(*FINE, ("certificates_current", outcome, "0", "alert", "", "so it is")))
    assert told(answer, "certificates_current") == (1, "certificates_current: so it is\n")


def test_a_named_check_that_is_not_there_cannot_be_confirmed() -> None:
    status, output = told(saying(agent(*FINE)), "no.such")
    assert status == 1
    assert output.startswith("no.such: no such check in the answer. Fix: pomhealth checks")


def test_an_agent_that_has_looked_at_nothing_yet_is_not_healthy() -> None:
    status, output = told(saying(agent(ready=0)))
    assert (status, output.count("\n")) == (1, 1)


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (READ_ONLY, 0),
        (EXPIRING, 0),
        (("replica.drain", "fail", "1", "ready", "draining", "it drains"), 0),
        (("pomerium.process", "unknown", "1", "live", "", "the replica is starting"), 0),
        (("pomerium.process", "skipped", "0", "live", "", "", "", "envoy.server"), 0),
        (("pomerium.process", "fail", "1", "live", "hung", "it hangs"), 1),
    ],
)
def test_live_counts_what_a_restart_would_help_against(row: tuple[str, ...], status: int) -> None:
    answer = saying(agent(FINE[0], row, ready=0))
    assert told(answer, "--live")[0] == status


def test_live_asks_the_agent_itself_to_answer() -> None:
    assert health("--live", "-a", "127.0.0.1:1").returncode == 1


def test_a_replicas_own_server_tells_no_gates_so_live_leaves_nothing_out() -> None:
    body = {"statuses": {"x": {"status": "RUNNING", "error": "broken"}}, "checks": ["x"]}
    assert told(saying(http(json.dumps(body).encode())), "--live")[0] == 1


NOBODY = "127.0.0.1:1"


def test_where_the_agent_gives_no_answer_the_fallback_is_asked_and_it_says_so() -> None:
    with serving(saying(agent(*FINE))) as server:
        done = health("-a", NOBODY, "--fallback", server.address)
    assert done.returncode == 0
    first, second = done.stdout.splitlines()
    assert first == f"{NOBODY}: connection refused, nothing listens there; {server.address} is asked instead"
    assert second.startswith("healthy: ")


def test_where_neither_answers_the_fallbacks_silence_counts() -> None:
    done = health("-a", NOBODY, "--fallback", "127.0.0.1:2", "-o", "json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["address"] == "127.0.0.1:2"
    assert done.stderr.startswith(f"{NOBODY}: connection refused")


def test_an_agent_that_answers_is_believed_whatever_the_fallback_would_say() -> None:
    assert told(saying(agent(FINE[0], READ_ONLY, ready=0)), "--fallback", NOBODY)[0] == 1


def test_a_fallback_that_is_no_address_is_wrong_usage() -> None:
    done = health("--fallback", "elsewhere")
    assert done.returncode == 64
    assert "address 'elsewhere' is not HOST:PORT" in done.stderr


def test_of_very_many_faults_it_says_what_supervisors_keep_and_how_many_there_are() -> None:
    rows = [(f"x{number}", "fail", "1", "ready", "cause", "größer " * 90) for number in range(30)]
    status, output = told(saying(agent(*rows, ready=0)))
    lines = output.splitlines()
    assert status == 1
    assert len(output.encode()) <= 4096
    assert lines[-1] == f"and {30 - len(lines) + 1} more: pomhealth health -v"


def test_json_says_the_same() -> None:
    status, output = told(saying(agent(FINE[0], READ_ONLY, ready=0)), "-o", "json")
    document = json.loads(output)
    assert status == 1
    assert (document["healthy"], document["failing"], document["error"]) == (False, ["storage.backend"], None)
    assert document["checks"][1] == {
        "id": "storage.backend",
        "outcome": "fail",
        "stops": True,
        "gate": "ready",
        "cause": "read-only",
        "summary": "it takes no writes",
        "fix": ["promote the standby", "or change the DSN"],
        "blocked_by": "",
    }


def test_it_asks_for_lines_and_for_status() -> None:
    with serving(saying(agent(*FINE))) as server:
        health("-a", server.address)
        (request,) = server.requests
    assert request.startswith(b"GET /status HTTP/1.1\r\n")
    assert f"Host: {server.address}\r\n".encode() in request
    assert b"Accept: text/tab-separated-values\r\n" in request


# Answers that are none


def endless(connection: socket.socket, _: int) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


@pytest.mark.parametrize(
    ("talk", "says"),
    [
        (saying(http(b"nothing of the kind")), "not a health status"),
        (saying(http(b'{"statuses": [1]}')), "not a health status"),
        (saying(http(b'{"statuses": {"x": null}}')), "not a health status"),
        (saying(http(b'{"checks": []}')), "not a health status"),
        (saying(http(b"[" * 100_000)), "not a health status"),
        (saying(http(b"\xff\xfe\x00")), "not a health status"),
        (saying(http(b"{}", "404 Not Found")), "HTTP 404"),
        (saying(http(b"{}", "503 Service Unavailable")), "HTTP 503"),
        (saying(b"SSH-2.0-OpenSSH_9.2\r\n"), "not HTTP"),
        (saying(b"\x15\x03\x01\x00\x02\x02\x46"), "not HTTP"),
        (saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n"), "not HTTP"),
        (saying(b""), "closed before the answer was complete"),
        (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "closed before the answer was complete"),
        (saying(http(b"pomhealth 2 ready=1\n")), "does not know"),
        (saying(http(b"pomhealth 1 ready=1 live=1\nenvoy.server\tpass\n")), "cut short"),
        (endless, "larger than 4 MiB"),
    ],
)
def test_an_answer_that_is_none_is_one_clear_line(talk: Talk, says: str) -> None:
    status, output = told(talk)
    assert status == 1
    assert says in output
    assert output.count("\n") == 1


def test_nothing_listening_is_one_clear_line_with_the_next_step() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    run = health("-a", f"127.0.0.1:{port}")
    assert run.returncode == 1
    assert run.stdout.startswith(
        f"127.0.0.1:{port}: connection refused, nothing listens there. Fix: start the agent"
    )
    assert run.stdout.count("\n") == 1


def test_no_answer_is_json_too_when_json_is_asked_for() -> None:
    run = health("-a", "unix:/no/such/socket", "-o", "json")
    document = json.loads(run.stdout)
    assert run.returncode == 1
    assert (document["healthy"], document["checks"]) == (False, [])
    assert "no such socket" in document["error"]


def silent(connection: socket.socket, _: int) -> None:
    connection.recv(1)


def trickling(connection: socket.socket, _: int) -> None:
    for byte in http(b"x" * 1000):
        connection.sendall(bytes([byte]))
        time.sleep(0.02)


@pytest.mark.parametrize("talk", [silent, trickling])
def test_a_try_never_takes_longer_than_its_timeout(talk: Talk) -> None:
    with serving(talk) as server:
        began = time.monotonic()
        run = health("-a", server.address, "--timeout", "0.3")
        took = time.monotonic() - began
    assert run.returncode == 1
    assert "no answer within 0.3 s" in run.stdout
    assert took < 3


def test_a_server_that_never_closes_does_not_delay_the_answer() -> None:
    def hold(connection: socket.socket, _: int) -> None:
        connection.sendall(agent(*FINE))
        connection.recv(1)

    began = time.monotonic()
    assert told(hold)[0] == 0
    assert time.monotonic() - began < 3


def test_a_chunked_answer_and_one_that_ends_with_the_connection_are_understood() -> None:
    body = b'{"statuses": {"x": {"status": "RUNNING"}}, "checks": []}'
    chunked = (
        b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:])) + b"0\r\n\r\n"
    )
    for answer in (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n" + chunked,
        b"HTTP/1.0 200 OK\r\n\r\n" + body,
    ):
        assert told(saying(answer)) == (0, "healthy: 1 check\n")


def test_what_the_other_side_sends_cannot_write_on_the_terminal_or_fill_it() -> None:
    text = "\x1b[2J\x07" + "long " * 1000
    status, output = told(saying(agent(("x", "fail", "1", "ready", "cause", text, "the fix stays"))))
    assert status == 1
    assert "\x1b" not in output
    assert len(output) < 700
    assert output.endswith("Fix: the fix stays\n")


# Waiting


def test_wait_asks_until_it_is_healthy() -> None:
    bad, good = agent(FINE[0], READ_ONLY, ready=0), agent(*FINE)
    with serving(saying(bad, bad, good)) as server:
        run = health("-a", server.address, "--wait", "10")
        assert (run.returncode, run.stdout) == (0, "healthy: 2 checks\n")
        assert len(server.requests) == 3


def test_wait_ends_when_its_time_is_over_and_says_what_is_wrong() -> None:
    began = time.monotonic()
    status, output = told(saying(agent(FINE[0], READ_ONLY, ready=0)), "--wait", "0.4")
    assert (status, output.count("\n")) == (1, 1)
    assert time.monotonic() - began < 3


def test_wait_bears_a_server_that_is_not_there_yet() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    client = subprocess.Popen(
        [sys.executable, "-m", "pomhealth", "health", "-a", f"127.0.0.1:{address[1]}", "--wait", "15"],
        stdout=subprocess.PIPE,
    )
    with client, serving(saying(agent(*FINE)), socket.create_server(address)):
        output, _ = client.communicate(timeout=DEADLINE)
    assert (client.returncode, output) == (0, b"healthy: 2 checks\n")


def test_wait_never_waits_longer_for_a_server_that_hangs() -> None:
    with serving(silent) as server:
        began = time.monotonic()
        assert health("-a", server.address, "--wait", "0.5", "--timeout", "60").returncode == 1
        assert time.monotonic() - began < 4


def test_wait_ends_with_the_process_that_must_run() -> None:
    """What else is seen may be why it ended, and is told below."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    began = time.monotonic()
    status, output = told(saying(agent(FINE[0], READ_ONLY, ready=0)), "--wait", "60", "--pid", str(ended.pid))
    assert status == 1
    assert output.startswith(f"pomerium.process: not-running: process {ended.pid} has ended. Fix: ")
    assert output.splitlines()[1].startswith("storage.backend: read-only: ")
    assert time.monotonic() - began < DEADLINE


@pytest.mark.parametrize("none", ["", "9" * 50])
def test_nothing_is_healthy_without_the_process_that_must_run(none: str) -> None:
    """systemd makes nothing of ${MAINPID} once that has ended; and another replica may be well."""
    assert told(saying(agent(*FINE)), "--pid", none)[0] == 1


def test_a_process_that_must_run_and_does_changes_nothing() -> None:
    assert told(saying(agent(*FINE)), "--pid", str(os.getpid())) == (0, "healthy: 2 checks\n")


# Addresses


def test_every_form_of_address_is_understood(tmp_path: Path) -> None:
    with serving(saying(agent(*FINE))) as server:
        port = server.address.rpartition(":")[2]
        for address in (
            f"http://127.0.0.1:{port}/status",
            f"localhost:{port}",
            f":{port}",
            f"0.0.0.0:{port}",
        ):
            assert health("-a", address).returncode == 0, address
            assert health(POMHEALTH_ADDRESS=address).returncode == 0, address
        assert health(POMHEALTH_ADDRESS="", POMHEALTH_LISTEN=f"0.0.0.0:{port}").returncode == 0
    path = str(tmp_path / "health.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        with serving(saying(agent(*FINE)), listener):
            assert health("-a", f"unix:{path}").returncode == 0


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")
def test_an_ipv6_address_stands_in_brackets() -> None:
    with serving(saying(agent(*FINE)), socket.create_server(("::1", 0), family=socket.AF_INET6)) as server:
        assert health("-a", server.address).returncode == 0
        assert health("-a", f"http://{server.address}").returncode == 0


def test_a_name_that_does_not_resolve_is_one_clear_line() -> None:
    run = health("-a", "no-such-name.invalid:28081", "--timeout", "3")
    assert run.returncode == 1
    assert run.stdout.startswith("no-such-name.invalid:28081: ")
    assert run.stdout.count("\n") == 1


# Usage, signals, closed outputs


@pytest.mark.parametrize(
    "arguments",
    [
        ["--nope"],
        ["-x"],
        ["-a"],
        ["--verbose=yes"],
        ["-a", "nowhere"],
        ["-a", "::1:28081"],
        ["-a", "h:99999"],
        ["-a", "https://localhost:28081"],
        ["-a", "unix:"],
        ["-a", "a b:1"],
        ["-a", "h:" + "9" * 5000],
        ["-o", "yaml"],
        ["--timeout", "soon"],
        ["--timeout", "0"],
        ["--timeout", "nan"],
        ["--wait", "-1"],
        ["--wait=inf"],
        ["--pid", "pomerium"],
        ["--pid"],
    ],
)
def test_wrong_usage_is_one_line_and_64(arguments: list[str]) -> None:
    run = health(*arguments)
    assert (run.returncode, run.stdout) == (64, "")
    assert run.stderr.startswith("pomhealth health: ")
    assert run.stderr.count("\n") == 1


def test_options_may_be_joined_and_ids_may_follow_two_dashes() -> None:
    with serving(saying(agent(*FINE))) as server:
        run = health(
            f"-va{server.address}", "--exclude=envoy.server", "--timeout=2s", "--", "storage.backend"
        )
    assert (run.returncode, run.stdout) == (
        0,
        "pass     storage.backend: pass\nexcluded envoy.server\nhealthy: 1 check\n",
    )


@pytest.mark.parametrize("arguments", [["health", "--help"], ["health", "-h"]])
def test_help_is_the_same_by_the_short_way_and_through_the_group(arguments: list[str]) -> None:
    assert health(*arguments[1:]).stdout == HELP
    code = f"import sys; from pomhealth.cli.main import run; sys.exit(run({arguments}))"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert (run.returncode, run.stdout) == (0, HELP)


def test_the_group_runs_the_same_client() -> None:
    with serving(saying(agent(FINE[0], READ_ONLY, ready=0))) as server:
        code = f"import sys; from pomhealth.cli.main import run; sys.exit(run(['health', '-v', '-a', {server.address!r}]))"
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=DEADLINE, check=False
        )
    assert run.returncode == 1
    assert run.stdout.endswith("unhealthy: 1 of 2 checks\n")


def test_an_interrupt_ends_it_as_it_ends_any_program() -> None:
    with serving(silent) as server:
        client = subprocess.Popen(
            [sys.executable, "-m", "pomhealth", "health", "-a", server.address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with client:
            until = time.monotonic() + DEADLINE
            while not server.requests and time.monotonic() < until:
                time.sleep(0.005)
            client.send_signal(signal.SIGINT)
            assert client.communicate(timeout=DEADLINE) == (b"", b"")
    assert client.returncode == -signal.SIGINT


@pytest.mark.parametrize("output", [">&-", ">/dev/full", "| true", ">&- 2>&- <&-"])
def test_an_output_that_nobody_reads_changes_nothing(output: str) -> None:
    with serving(saying(agent(FINE[0], READ_ONLY, ready=0))) as server:
        run = subprocess.run(
            [
                "bash",
                "-c",
                f'"$0" -m pomhealth health -a "$1" {output}; echo "${{PIPESTATUS[0]}}"',
                sys.executable,
                server.address,
            ],
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    assert (run.stdout, run.stderr) == ("1\n", "")


# What makes it fast

OWN = {
    "pomhealth",
    "pomhealth.entry",
    *("pomhealth.client", "pomhealth.client.answer", "pomhealth.client.ask", "pomhealth.client.usage"),
}


def modules(*command: str) -> set[str]:
    """What a program in Python loads, by its own account; it must end without a word of its own on standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    run = subprocess.run(
        command,
        env={**environment, "PYTHONPROFILEIMPORTTIME": "1"},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    lines = run.stderr.splitlines()
    assert all(line.startswith("import time:") for line in lines), run.stderr
    return {line.rpartition("|")[2].strip() for line in lines}


@pytest.mark.parametrize("rows", [FINE, [*FINE[:1], READ_ONLY]])
@pytest.mark.parametrize("options", [[], ["-v"], ["-e", "x", "--timeout", "5"], ["envoy.server"]])
def test_it_loads_nothing_that_it_does_not_use(rows: list[tuple[str, ...]], options: list[str]) -> None:
    """The start-up time is the feature: nothing but its own modules and the socket."""
    with serving(saying(agent(*rows))) as server:
        loaded = modules(sys.executable, str(SCRIPT), "health", "-a", server.address, *options)
    assert loaded - modules(sys.executable, "-c", "pass") == {*OWN, "_socket"}


def test_installed_from_a_wheel_it_loads_the_same_and_nothing_more(tmp_path: Path) -> None:
    """As users have it: in an environment of its own, by the launcher that the wheel brings."""
    pytest.importorskip("pip", reason="nothing to install a wheel with")
    python = [sys.executable, "-m"]
    for command in (
        [*python, "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)],
        [*python, "venv", "--without-pip", str(tmp_path / "venv")],
    ):
        subprocess.run(command, cwd=SCRIPT.parents[1], capture_output=True, timeout=60, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    fresh = tmp_path / "venv" / "bin"
    pip = [
        *python,
        "pip",
        "--python",
        str(fresh / "python"),
        "install",
        "--no-index",
        "--no-deps",
        str(wheel),
    ]
    subprocess.run(pip, capture_output=True, timeout=60, check=True)
    with serving(saying(agent(*FINE))) as server:
        loaded = modules(str(fresh / "pomhealth"), "health", "-a", server.address)
    assert loaded - modules(str(fresh / "python"), "-c", "pass") == {*OWN, "_socket"}
