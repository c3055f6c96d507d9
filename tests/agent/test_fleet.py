"""An agent that joins the registry of its cluster, and leaves it."""

from __future__ import annotations

import signal
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.agent.process import Agent, agent, until
from tests.bundle.bundles import bundle
from tests.standin import PostgresServer, StandIn

JOINED, AWAY = "this replica is in the registry of its cluster", "the cluster view is incomplete"


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """The name of a database of the test's own."""
    name = f"fleet_{uuid.uuid4().hex[:10]}"
    postgres.create_database(name)
    return name


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "pomhealth.toml"
    path.write_text("")
    return path


def _run(tmp_path: Path, settings: Path, config: Path | None = None, **environment: str) -> Any:
    """The agent for the replica of this file; without one, for a replica that is not there."""
    if config is None:
        config = tmp_path / "pomerium.yaml"
        config.write_text("address: :8443\n")
    return agent(
        tmp_path,
        "--settings",
        str(settings),
        "--pomerium-config",
        str(config),
        POMHEALTH_STATE_DIR=str(tmp_path / "state"),
        **environment,
    )


def _rows(postgres: PostgresServer, database: str) -> list[tuple[Any, ...]]:
    return postgres.execute("SELECT id::text, stopped FROM pomhealth.replicas", database=database)


def _say(running: Agent, settings: Path, text: str) -> None:
    settings.write_text(text)
    running.process.send_signal(signal.SIGHUP)


def test_it_joins_and_leaves_as_the_settings_say_while_it_runs(
    tmp_path: Path, settings: Path, postgres: PostgresServer, database: str
) -> None:
    with _run(tmp_path, settings) as running:
        until(lambda: running.get("/replicas")[1]["enabled"] is False)
        dsn = postgres.dsn(database)
        _say(running, settings, f'cluster = true\ncluster_dsn = "{dsn}"\n')
        until(lambda: len(running.get("/replicas")[1]["replicas"]) == 1, lambda: running.text)
        told = running.get("/replicas")[1]
        ((id_, stopped),) = _rows(postgres, database)
        assert (told["self"], told["complete"], stopped) == (id_, True, False)
        _say(running, settings, "")
        until(lambda: _rows(postgres, database) == [(id_, True)], lambda: running.text)
        until(lambda: running.get("/replicas")[1]["enabled"] is False)
        assert postgres.password not in running.text


def test_it_keeps_its_id_over_a_restart_and_says_when_it_stops(
    tmp_path: Path, settings: Path, postgres: PostgresServer, database: str
) -> None:
    file = tmp_path / "cluster.dsn"
    file.write_text(postgres.dsn(database) + "\n")
    ids = set()
    for _ in range(2):
        with _run(
            tmp_path, settings, POMHEALTH_CLUSTER="true", POMHEALTH_CLUSTER_DSN_FILE=str(file)
        ) as running:
            until(lambda: bool(running.events(JOINED)), lambda: running.text)
            ids.add(running.events(JOINED)[0]["id"])
            assert running.stop() == 0
        assert _rows(postgres, database) == [(*ids, True)]


def test_it_takes_the_replicas_own_postgresql_where_nothing_else_is_said(
    tmp_path: Path, settings: Path, standin: StandIn, postgres: PostgresServer, database: str
) -> None:
    replica = standin(storage="postgres", dsn=postgres.dsn(database))
    with _run(tmp_path, settings, replica.config_path, POMHEALTH_CLUSTER="true") as running:
        until(lambda: bool(running.events(JOINED)), lambda: running.text)
        until(lambda: running.get("/replicas")[1]["ready"] == 1, lambda: running.get("/replicas")[1])
        (row,) = running.get("/replicas")[1]["replicas"]
        assert (row["self"], row["state"], row["pomerium"].lstrip("v")) == (True, "ready", "0.33.1")
        until(lambda: len(running.get("/replicas")[1]["replicas"][0]["config"]) == 16)
        assert row["envoy"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({}, "the replica's own PostgreSQL is not known yet"),
        ({"POMHEALTH_CLUSTER_DSN_FILE": "/nowhere/dsn"}, "/nowhere/dsn (cluster_dsn_file) cannot be read"),
        ({"POMHEALTH_CLUSTER_DSN": "postgres://u:s3cr3t-word@127.0.0.1:1/db"}, "127.0.0.1:1"),
        ({"POMHEALTH_CLUSTER_DSN": "postgres://u:s3cr3t-word%@127.0.0.1/db"}, "connection URL"),
    ],
)
def test_where_there_is_no_registry_it_says_why_and_goes_on(
    tmp_path: Path, settings: Path, said: dict[str, str], why: str
) -> None:
    with _run(tmp_path, settings, None, POMHEALTH_CLUSTER="true", **said) as running:
        until(lambda: bool(running.events(AWAY)), lambda: running.text)
        until(lambda: why in running.get("/replicas")[1]["notice"], lambda: running.get("/replicas")[1])
        told = running.get("/replicas")[1]
        assert (told["enabled"], told["complete"]) == (True, False)
        assert "s3cr3t-word" not in f"{told}{running.text}{running.get('/status')}"


def test_a_replica_whose_storage_is_its_own_is_told_to_name_a_registry(
    tmp_path: Path, settings: Path, standin: StandIn
) -> None:
    replica = standin(storage="memory")
    with _run(tmp_path, settings, replica.config_path, POMHEALTH_CLUSTER="true") as running:

        def told() -> Any:
            return running.get("/replicas")[1]

        until(lambda: "the replica's storage is memory" in told()["notice"], told)
        assert "cluster_dsn" in f"{told()['fix']}{told()['notice']}"
        until(lambda: ("cluster_registry", "unreachable") in running.alerts(), running.alerts)


@pytest.mark.parametrize("place", ["settings", "environment", "file"])
def test_the_registrys_password_shows_nowhere(
    tmp_path: Path, settings: Path, postgres: PostgresServer, database: str, place: str
) -> None:
    dsn = postgres.dsn(database)
    file = tmp_path / "cluster.dsn"
    file.write_text(dsn)
    said = {
        "settings": {},
        "environment": {"POMHEALTH_CLUSTER_DSN": dsn},
        "file": {"POMHEALTH_CLUSTER_DSN_FILE": str(file)},
    }[place]
    if place == "settings":
        settings.write_text(f'cluster_dsn = "{dsn}"\n')
    environment = {"POMHEALTH_CLUSTER": "true", "POMHEALTH_LOG_LEVEL": "debug", **said}
    with _run(tmp_path, settings, None, **environment) as running:
        until(lambda: bool(running.events(JOINED)), lambda: running.text)
        pages = [running.get(path)[1] for path in ("/status", "/replicas?all", "/alerts")]
        pages += [running.text]
        made = bundle(
            tmp_path / "bundle.tar.gz",
            "--address",
            running.address,
            "--settings",
            str(settings),
            "--pomerium-config",
            str(tmp_path / "pomerium.yaml"),
            before=("env", *(f"{name}={value}" for name, value in environment.items())),
        )
        assert made.run.returncode == 0, made.run.stderr
        assert len(made.json("agent/replicas.json")["replicas"]) == 1
        assert postgres.password not in f"{pages}{made.files}{made.run.stdout}{made.run.stderr}"
