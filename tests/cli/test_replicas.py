"""`pomhealth replicas` as a process, beside a real agent in a registry on a real PostgreSQL."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from pomhealth.completing.values import offer
from pomhealth.demo.ports import free_ports
from tests.agent.process import Agent, agent, nothing_runs, until
from tests.cluster.rosters import HOSTILE
from tests.cluster.tables import Tables
from tests.schemas.shapes import errors
from tests.standin import PostgresServer
from tests.watch.terminal import watching
from tests.watch.test_plain import Watch

DEADLINE = 30  # seconds
DB2, DB3, OLD = (f"00000000-0000-4000-8000-00000000000{number}" for number in (2, 3, 4))
READ_ONLY = {
    "id": "storage.backend",
    "outcome": "fail",
    "cause": "read-only",
    "gate": "ready",
    "summary": "PostgreSQL takes no writes",
}
_SHOWN = b"\x1b[?25h"  # the cursor, again


class Cluster:
    """A registry with an agent in it, whose replica does not run, and what else a test puts there."""

    def __init__(self, server: PostgresServer, directory: Path) -> None:
        self.tables = Tables(server)
        self._server = server
        self._database = self.tables.dsn.rpartition("/")[2].partition("?")[0]
        self._directory = directory
        self._listen = f"127.0.0.1:{free_ports(1)[0]}"

    @contextmanager
    def agent(self) -> Iterator[Agent]:
        """The agent, always at the same address: its id is kept for one that is started again."""
        settings = {
            "POMHEALTH_CLUSTER": "true",
            "POMHEALTH_CLUSTER_DSN": self.tables.dsn,
            "POMHEALTH_EXPECTED_REPLICAS": "3",
            "POMHEALTH_STATE_DIR": str(self._directory),
            "POMHEALTH_RELEASE_FEED": "off",
        }
        options = ("--listen", self._listen, *nothing_runs(self._directory))
        with agent(self._directory, *options, **settings) as running:
            until(lambda: running.get("/replicas")[1]["complete"], lambda: running.text)
            yield running

    def put(self, id_: str, host: str, **more: Any) -> None:
        """A row, of which the agents are told."""
        usual = {"pomerium": "0.33.1", "envoy": "1.36.2", "agent": "0.8.0", "config": "3f2a9c1e55aa"}
        self.tables.put(id_, **{**usual, "sound": True, "live": True, "host": host, **more})
        self.tables.execute("UPDATE pomhealth.replicas SET revision = revision + 1 WHERE id = %s", id_)
        self.tables.execute("SELECT pg_notify('pomhealth', %s)", id_)

    def three(self, running: Agent) -> None:
        """Two more replicas, one of them ill, and one that was silent for days."""
        self.put(DB2, "db2")
        self.put(
            DB3,
            "db3",
            ready=False,
            sound=False,
            ailments=[READ_ONLY],
            checks={"storage.backend": "fail read-only"},
        )
        self.put(OLD, "old", silent=200_000.0)
        until(lambda: len(running.get("/replicas?all")[1]["replicas"]) == 4)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Within it the database takes no connections, and has none."""
        self._server.execute(f"ALTER DATABASE {self._database} ALLOW_CONNECTIONS false")
        self._server.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (self._database,)
        )
        try:
            yield
        finally:
            self._server.execute(f"ALTER DATABASE {self._database} ALLOW_CONNECTIONS true")


@pytest.fixture
def cluster(postgres: PostgresServer, tmp_path: Path) -> Cluster:
    return Cluster(postgres, tmp_path)


@pytest.fixture(scope="module")
def running(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """An agent that tests leave as it is, and so its cluster."""
    cluster = Cluster(postgres, tmp_path_factory.mktemp("cluster"))
    with cluster.agent() as started:
        cluster.three(started)
        yield started


def replicas(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pomhealth", "replicas", *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


@contextmanager
def lines(*arguments: str) -> Iterator[Watch]:
    """What `--watch` writes where there is no terminal."""
    process = subprocess.Popen(
        [sys.executable, "-m", "pomhealth", "replicas", "--watch", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        try:
            yield Watch(process)
        finally:
            if process.poll() is None:
                process.kill()


def row(text: str, begin: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(begin))


def test_the_table_has_a_row_for_each_and_the_sum(running: Agent) -> None:
    run = replicas("-a", running.address)
    assert (run.returncode, run.stderr) == (0, "")
    assert "✓ ready" in row(run.stdout, "db2")
    assert "✗ not ready" in row(run.stdout, "db3")
    assert "storage.backend:" in row(run.stdout, "db3")
    assert "3 replicas, 1 ready, 2 not ready; expected 3." in run.stdout
    assert "1 replica was silent for more than 24 hours: --all shows them." in run.stdout
    assert "forgotten" in row(replicas("-a", running.address, "--all").stdout, "old")
    assert max(map(len, run.stdout.splitlines())) <= 80


def test_json_and_yaml_are_the_agents_answer_as_one_document(running: Agent) -> None:
    answer = running.get("/replicas")[1]
    run = replicas("-o", "json", POMHEALTH_ADDRESS=running.address)
    as_json, as_yaml = (
        json.loads(run.stdout),
        yaml.safe_load(replicas("-o", "yaml", "-a", running.address).stdout),
    )
    assert errors("replicas", as_json) == []
    assert as_json.keys() == as_yaml.keys() == answer.keys()
    for told in (as_json, as_yaml):
        assert [one["host"] for one in told["replicas"]] == [one["host"] for one in answer["replicas"]]


@pytest.mark.parametrize("word", ["db3", DB3, DB3[:-1] + "3"])
def test_one_replica_is_shown_whole_by_host_or_id(running: Agent, word: str) -> None:
    run = replicas("-a", running.address, word)
    assert run.returncode == 0
    assert run.stdout.startswith("✗ db3: not ready: storage.backend: read-only\n")
    assert "PostgreSQL takes no writes" in run.stdout
    document = json.loads(replicas("-a", running.address, word, "-o", "json").stdout)
    assert errors("replica", document) == []
    assert document["checks"] == {"storage.backend": "fail read-only"}


def test_the_beginning_of_an_id_will_do_and_an_unknown_one_is_answered_with_the_nearest(
    running: Agent,
) -> None:
    own = running.get("/replicas")[1]["self"]
    assert own in replicas("-a", running.address, own[:9]).stdout
    unknown = replicas("-a", running.address, "db33")
    assert (unknown.returncode, unknown.stdout) == (64, "")
    assert "there is no replica 'db33' (did you mean db3 or db2?)" in unknown.stderr
    several = replicas("-a", running.address, "00000000-")
    assert several.returncode == 64
    assert f"3 replicas are meant by '00000000-'; name one by its id: {DB2}" in several.stderr


def test_hosts_are_offered_on_tab(running: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    from pomhealth.cli.replicas import command  # noqa: PLC0415  (loaded as the command line does)

    which = next(one for one in command.params if one.name == "which")
    offered = offer(which)
    assert offered is not None
    monkeypatch.setenv("POMHEALTH_ADDRESS", running.address)
    assert {"db2", "db3", "old"} <= {item.value for item in offered("")}
    monkeypatch.setenv("POMHEALTH_ADDRESS", "127.0.0.1:1")
    assert list(offered("")) == []


def test_a_change_is_a_line_and_so_is_a_restart_of_the_agent(cluster: Cluster) -> None:
    with cluster.agent() as first:
        cluster.three(first)
        with lines("-a", first.address) as watch, lines("-a", first.address, "-o", "json") as objects:
            watch.until("3 replicas, 1 ready")
            objects.until('"cluster"')
            cluster.put(DB3, "db3")
            watch.until(r"✓ db3: ready \(was not ready\)")
            first.stop(signal.SIGKILL)
            watch.until("no answer from the agent: connection refused")
            with cluster.agent():
                watch.until("the agent answers again")
                cluster.put(DB3, "db3", config="91ab77ce")
                watch.until(r"db3: ready \(configuration 91ab77c, was 3f2a9c1\)")
                objects.until("91ab77ce")
            assert watch.end(signal.SIGINT) == (0, "")
            assert objects.end(signal.SIGTERM) == (0, "")
        told = [json.loads(line) for line in objects.lines]
        events = [one["event"] for one in told]
        assert events.index("away") < events.index("back")
        turned = [one["replica"] for one in told if one.get("was") == "not-ready"]
        assert [one["host"] for one in turned if one["state"] == "ready"] == ["db3"]


@pytest.mark.parametrize("columns", [80, 40])
def test_on_a_terminal_the_table_fits_it(running: Agent, columns: int) -> None:
    with watching("-a", running.address, command="replicas", columns=columns, lines=40) as terminal:
        assert terminal.wait() == 0
        assert "✗ not ready" in beside(terminal.text, "db3")
        assert "--all shows them." in " ".join(terminal.text.split())
        written = re.sub(rb"\x1b\[[0-9;]*m", b"", terminal.sent).decode()
        assert max(map(len, written.splitlines())) <= columns


def test_on_a_terminal_it_is_drawn_anew_where_it_stands(cluster: Cluster) -> None:
    with cluster.agent() as started:
        cluster.three(started)
        cluster.put(OLD, HOSTILE * 4)
        with watching("--watch", "-a", started.address, command="replicas", lines=30) as terminal:
            terminal.until(lambda text: "db3" in text and "evil" in text)
            cluster.put(DB2, "db2", ready=False, sound=False, ailments=[READ_ONLY])
            terminal.until(lambda text: "✗ not ready" in beside(text, "db2"))
            assert terminal.text.count("REPLICA") == 1
            terminal.resize(60, 30)
            terminal.until(lambda text: "CONFIG" not in text)
            assert b"\x1b[2J" not in terminal.sent
            started.process.kill()
            terminal.until(lambda text: "No answer from the agent since" in " ".join(text.split()))
            assert "db3" in terminal.text
            with cluster.agent():
                terminal.until(lambda text: text.startswith("4 replicas"))
            terminal.process.send_signal(signal.SIGINT)
            assert terminal.wait() == 0
            assert terminal.sent.rstrip().endswith(_SHOWN)


def beside(text: str, host: str) -> str:
    return next((line for line in text.splitlines() if line.startswith(host)), "")


def test_a_terminal_that_is_left_by_a_signal_has_its_cursor_again(running: Agent) -> None:
    with watching("--watch", "-a", running.address, command="replicas") as terminal:
        terminal.until(lambda text: "db3" in text)
        terminal.process.send_signal(signal.SIGTERM)
        assert terminal.wait() == 0
        assert _SHOWN in terminal.sent


def test_no_colour_where_none_is_wanted(running: Agent) -> None:
    with watching("-a", running.address, command="replicas", NO_COLOR="1") as terminal:
        assert terminal.wait() == 0
        assert "db3" in terminal.text
        assert b"\x1b" not in terminal.sent
    with watching("-a", running.address, command="replicas") as terminal:
        assert terminal.wait() == 0
        assert b"\x1b[31m" in terminal.sent


def test_a_registry_that_is_away_leaves_the_rows_and_says_so(cluster: Cluster) -> None:
    with cluster.agent() as started:
        cluster.three(started)
        with cluster.away():
            until(lambda: not started.get("/replicas")[1]["complete"], lambda: started.get("/replicas"))
            run = replicas("-a", started.address)
        until(lambda: bool(started.get("/replicas")[1]["complete"]), lambda: started.get("/replicas"))
    assert run.returncode == 0
    assert "db3" in run.stdout
    assert "The cluster view is incomplete, as of " in run.stdout


def test_where_nobody_answers_one_line_says_what_to_do() -> None:
    run = replicas("-a", "127.0.0.1:1")
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == (
        "Error: 127.0.0.1:1: connection refused, nothing listens there."
        " Fix: start the agent (pomhealth run), or give its address with -a\n"
    )


@pytest.mark.parametrize("arguments", [(), ("db2",), ("--watch",), ("-o", "json")])
def test_where_the_cluster_is_off_one_line_says_how_to_turn_it_on(
    standing_alone: Agent, arguments: tuple[str, ...]
) -> None:
    run = replicas("-a", standing_alone.address, *arguments)
    assert run.returncode == 1
    assert run.stderr.startswith(
        f"Error: {standing_alone.address}: the cluster view is off. Set `cluster = true`"
    )
    assert run.stderr.count("\n") == 1
    assert bool(run.stdout) == ("json" in arguments)


@pytest.fixture(scope="module")
def standing_alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    directory = tmp_path_factory.mktemp("alone")
    with agent(directory, *nothing_runs(directory), POMHEALTH_RELEASE_FEED="off") as started:
        yield started


@pytest.mark.parametrize("arguments", [(), ("db2",), ("--watch",)])
def test_an_agent_of_an_older_release_is_told_from_one_that_is_away(arguments: tuple[str, ...]) -> None:
    with saying(404, b"there is no such page; there are /readyz, /status\n") as address:
        run = replicas("-a", address, *arguments)
    assert (run.returncode, run.stdout) == (1, "")
    assert "knows no /replicas: an agent of an older release. Fix: upgrade pomhealth there" in run.stderr


@pytest.mark.parametrize("body", [b"{}", b"<html>", b'{"statuses": {}, "ready": true}'])
def test_what_is_no_agent_is_told_as_such(body: bytes) -> None:
    with saying(200, body) as address:
        run = replicas("-a", address)
    assert (run.returncode, run.stdout) == (1, "")
    assert "what answers there to /replicas is not pomhealth's agent" in run.stderr


@contextmanager
def saying(status: int, body: bytes) -> Iterator[str]:
    """A server that answers everything so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """It is quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "arguments",
    [
        ("--watch", "db2"),
        ("--watch", "-o", "yaml"),
        ("-o", "text"),
        ("-a", "nowhere"),
        ("db2", "db3"),
        ("--nope",),
    ],
)
def test_wrong_usage_is_64(arguments: tuple[str, ...]) -> None:
    run = replicas(*arguments)
    assert (run.returncode, run.stdout) == (64, "")
    assert run.stderr.splitlines()[-1].startswith("Error: ")
