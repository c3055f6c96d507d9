"""A real agent on a real registry warns of what the rows of other replicas tell, within seconds of their being written."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.process import Agent, agent, nothing_runs, until
from tests.cluster.tables import Tables
from tests.standin import PostgresServer

HOUR = 3600.0


class Watched:
    """The agent, and the registry in which it has its row. Others' rows stay until the end: each test has its own."""

    def __init__(self, agent_: Agent, tables: Tables) -> None:
        self.agent = agent_
        self._tables = tables

    def id(self) -> str:
        """The agent's own, once it has a row."""
        until(lambda: bool(self.agent.get("/replicas")[1].get("self")), lambda: self.agent.text)
        return str(self.agent.get("/replicas")[1]["self"])

    def is_old(self) -> None:
        """Has the agent's own row be from long ago: as a newcomer it would be taken for who came in another's place."""
        self._tables.execute(
            "UPDATE pomhealth.replicas SET first_seen = now() - interval '1 day', revision = revision + 1 WHERE id = %s",
            self.id(),
        )
        self._tables.execute("SELECT pg_notify('pomhealth', %s)", self.id())

    def row(
        self,
        host: str,
        *,
        first: float = 24 * HOUR,
        since: float | None = None,
        silent: float = -HOUR,
        certificates: dict[str, str] | None = None,
        **account: Any,
    ) -> str:
        """Another replica's row, and word of it; gives its id.

        Times are in seconds ago: its first and last sign of life, and since when it has what it has. As it is, it is
        there for the whole test.
        """
        id_ = str(uuid.uuid4())
        since = first if since is None else since
        self._tables.execute(
            "INSERT INTO pomhealth.replicas (id, run, mark, config, version, digest, first_seen, last_seen,"
            " config_since, version_since, certificates_since)"
            " SELECT %s, %s, '', %s, %s, %s, now() - first * s, now() - silent * s, now() - since * s,"
            " now() - since * s, now() - since * s FROM (VALUES (interval '1 s', %s::float8, %s::float8, %s::float8))"
            " AS ago (s, first, silent, since)",
            *(id_, id_, account.get("config", ""), account.get("pomerium", "")),
            *(account.get("certificates_digest", ""), first, silent, since),
        )
        self._tables.execute(
            "INSERT INTO pomhealth.accounts (id, account, certificates) VALUES (%s, %s::jsonb, %s::jsonb)",
            *(id_, json.dumps({"host": host, "ready": True, **account}), json.dumps(certificates or {})),
        )
        self._tables.execute("SELECT pg_notify('pomhealth', %s)", id_)
        return id_

    def told(self, id_: str, cause: str) -> str:
        """Waits until the agent warns of this; gives its words."""
        until(lambda: (id_, cause) in self.agent.alerts(), lambda: self.agent.get("/alerts"))
        alerts = self.agent.get("/alerts")[1]["alerts"]
        (alert,) = (one for one in alerts if one["id"] == id_)
        assert alert["fix"]
        return str(alert["summary"])


@pytest.fixture(scope="module")
def watched(postgres: PostgresServer) -> Iterator[Watched]:
    tables = Tables(postgres)
    with tempfile.TemporaryDirectory(prefix="pomhealth-") as name:
        home = Path(name)
        settings = {
            "POMHEALTH_CLUSTER": "true",
            "POMHEALTH_CLUSTER_DSN": tables.dsn,
            "POMHEALTH_STATE_DIR": name,
            "POMHEALTH_CACHE_DIR": name,
            "POMHEALTH_RELEASE_FEED": "off",
        }
        with agent(home, *nothing_runs(home), **settings) as one:
            yield Watched(one, tables)


@pytest.mark.proves("cluster_config_current/differs")
def test_an_older_configuration_on_another_replica(watched: Watched) -> None:
    watched.row("config-new", config="b" * 32, since=HOUR)
    watched.row("config-old", config="a" * 32)
    said = watched.told("cluster_config_current", "differs")
    assert said.startswith(
        "config-old runs an older configuration than the one that config-new took over at 20"
    )


@pytest.mark.proves("cluster_version_current/mixed")
def test_more_than_one_version(watched: Watched) -> None:
    watched.row("version-new", pomerium="0.33.1", since=HOUR)
    watched.row("version-old", pomerium="0.32.9")
    assert watched.told("cluster_version_current", "mixed") == (
        "2 versions of Pomerium run in the cluster: 0.33.1 on version-new and 0.32.9 on version-old"
    )


@pytest.mark.proves("cluster_certificates_match/differ")
def test_two_certificates_for_one_name(watched: Watched) -> None:
    """The serial numbers are read by the agent once it sees that the digests differ."""
    name = "app.example.com"
    watched.row("renewed", certificates_digest="b", certificates={name: "0b"}, since=HOUR)
    watched.row("not-renewed", certificates_digest="a", certificates={name: "0a"})
    said = watched.told("cluster_certificates_match", "differ")
    assert said.startswith(
        f"not-renewed has an older certificate for {name} than the one that renewed took over"
    )


@pytest.mark.proves("cluster_clocks_agree/differ")
def test_a_clock_that_is_off_the_others(watched: Watched) -> None:
    watched.row("right", clock=0.0, clock_error=0.1)
    watched.row("right-too", clock=0.1, clock_error=0.1)
    watched.row("ahead", clock=60.0, clock_error=0.1)
    said = watched.told("cluster_clocks_agree", "differ")
    assert said == "the clock of ahead is 60 s ahead of those of most replicas"


@pytest.mark.proves("cluster_active_replicas/fewer")
def test_a_replica_that_has_fallen_silent(watched: Watched) -> None:
    watched.is_old()
    watched.row("gone", silent=120.0)
    assert watched.told("cluster_active_replicas", "fewer").endswith("; 1 is missing: gone")


@pytest.mark.proves("cluster_ids_unique/duplicate")
@pytest.mark.proves("cluster_ids_unique/watched-twice")
def test_a_copied_id_and_then_two_agents_on_one_replica(watched: Watched) -> None:
    watched.row("copy", instead_of=watched.id())
    said = watched.told("cluster_ids_unique", "duplicate")
    assert said.startswith("copy and this replica have one id in their files")
    watched.row("first-agent", process="one and the same")
    watched.row("second-agent", process="one and the same")
    assert watched.told("cluster_ids_unique", "watched-twice") == (
        "2 agents watch one and the same replica: first-agent and second-agent"
    )
