"""Twenty agents on one PostgreSQL: each of them tells the truth of all, whatever is killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from pomhealth.cluster.registry.registry import Registry
from pomhealth.cluster.registry.schema import STEPS
from pomhealth.cluster.registry.session import PostgresRegistry, opening
from pomhealth.demo.errors import DemoError
from pomhealth.demo.packets import Dropped
from pomhealth.demo.postgres import PostgresServer
from tests.cluster.agents import Agent, Agents, agents, agree, everywhere, until
from tests.replica.apart import needs_root

pytestmark = needs_root

TWENTY = 20
FAR = "127.0.0.2"  # the address by which some of them reach the server
SETTINGS = {"max_connections": "200", "listen_addresses": f"127.0.0.1,{FAR}"}

Rows = list[tuple[str, str, bool]]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="pomhealth-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[PostgresServer]:
    made = PostgresServer(home / "postgres", settings=SETTINGS)
    try:
        made.start()
        yield made
    finally:
        made.stop("immediate")


@pytest.fixture(scope="module")
def cluster(home: Path, server: PostgresServer) -> Iterator[Agents]:
    """Twenty agents that were all started at once on a database without tables; all of them know each other."""
    with agents(home) as made:
        made.add(TWENTY - 2, server.dsn())
        made.add(2, server.dsn().replace("127.0.0.1", FAR))
        made.start()
        agree(made.all, well(made.all))
        yield made


def well(several: list[Agent]) -> Rows:
    return [(one.host, "ready", True) for one in several]


def but(several: list[Agent], state: str) -> Rows:
    return [(one.host, state, False) for one in several]


async def test_agents_that_make_the_tables_at_the_same_instant_make_them_once(server: PostgresServer) -> None:
    dsn = server.create_database("empty")
    ways = [opening(dsn, {}, "", "") for _ in range(12)]
    sessions = await asyncio.gather(*(PostgresRegistry.open(one, deadline=20.0) for one in ways))
    try:
        await asyncio.gather(*(Registry(one, str(uuid4())).prepare() for one in sessions))
    finally:
        for one in sessions:
            one.close()
    ((steps,),) = server.execute("SELECT count(*) FROM pomhealth.steps", database="empty")
    assert steps == len(STEPS)


def test_each_agent_tells_of_all_under_the_same_ids_and_each_has_one_row(
    cluster: Agents, server: PostgresServer
) -> None:
    ((rows,),) = server.execute("SELECT count(*) FROM pomhealth.replicas")
    assert rows == len(cluster.all)
    assert all(one == cluster.all[0].ids() for one in everywhere(cluster.all, Agent.ids))


def test_a_fault_on_one_shows_with_its_cause_on_every_other_and_so_does_its_end(cluster: Agents) -> None:
    ill, *others = cluster.all
    ill.light.ails("storage.backend", "dial error: connection refused")
    agree(cluster.all, well(others) + but([ill], "not-ready"))
    row = next(one for one in others[-1].cluster()["replicas"] if one["host"] == ill.host)
    assert row["worst"]["id"] == "storage.backend"
    assert row["worst"]["outcome"] == "fail"
    ill.light.well()
    agree(cluster.all, well(cluster.all))


def test_agents_that_are_killed_or_hang_become_stale_and_have_their_own_rows_again_once_they_are_back(
    cluster: Agents, server: PostgresServer
) -> None:
    before = cluster.all[-1].ids()
    killed, frozen, others = cluster.all[:5], cluster.all[5], cluster.all[6:]
    for one in killed:
        one.kill()
    frozen.send(signal.SIGSTOP)
    gone = [*killed, frozen]
    assert others[0].rows() == well(cluster.all), "nobody can know yet"
    server.execute(  # as if it had been 25 of the 30 seconds already
        "UPDATE pomhealth.replicas SET last_seen = last_seen - interval '25 s' WHERE id = ANY(%s::uuid[])",
        ([before[one.host] for one in gone],),
    )
    agree(others, well(others) + but(gone, "stale"))
    frozen.send(signal.SIGCONT)
    for one in killed:
        one.start()
    agree(cluster.all, well(cluster.all))
    assert all(one == before for one in everywhere(cluster.all, Agent.ids)), "each has the id that it had"


def test_agents_that_are_cut_off_say_so_and_what_they_would_have_told_shows_once_they_are_not(
    cluster: Agents, server: PostgresServer
) -> None:
    far = [one for one in cluster.all if FAR in one.environment["POMHEALTH_CLUSTER_DSN"]]
    near = [one for one in cluster.all if one not in far]
    before = cluster.all[0].ids()
    try:
        cut = Dropped(FAR, server.port, back=True)
    except DemoError as error:
        pytest.skip(str(error))
    with contextlib.closing(cut):
        for one in (*far, near[0]):
            one.light.ails("storage.backend", "dial error: i/o timeout")
        agree(near, well([*near[1:], *far]) + but(near[:1], "not-ready"))
        until(
            lambda: not any(one.cluster()["complete"] for one in far), lambda: [one.cluster() for one in far]
        )
        assert all(one.rows() == well(cluster.all) for one in far), "as it was when they last knew"
        near[0].light.well()
    agree(cluster.all, well(near) + but(far, "not-ready"))
    for one in far:
        one.light.well()
    agree(cluster.all, well(cluster.all))
    assert all(one == before for one in everywhere(cluster.all, Agent.ids))


def test_without_postgresql_every_agent_goes_on_and_says_so_and_all_is_right_once_it_is_back(
    cluster: Agents, server: PostgresServer
) -> None:
    before = cluster.all[0].ids()
    ill, *others = cluster.all
    postmaster, *children = server.pids()
    os.kill(postmaster, signal.SIGKILL)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children), lambda: children)
    server.stop()
    agree(cluster.all, well(cluster.all), complete=False)
    assert all(one["notice"] for one in everywhere(cluster.all, Agent.cluster))
    ill.light.ails("storage.backend", "dial error: connection refused")
    until(lambda: not ill.ready(), lambda: ill.get("/readyz"))
    began = time.monotonic()
    assert all(everywhere(others, Agent.ready))
    assert time.monotonic() - began < 5.0, "nobody waits for the registry"
    server.start()
    agree(cluster.all, well(others) + but([ill], "not-ready"))
    ill.light.well()
    agree(cluster.all, well(cluster.all))
    assert all(one == before for one in everywhere(cluster.all, Agent.ids))


def test_a_backend_that_is_killed_takes_all_sessions_with_it_and_nothing_is_lost(
    cluster: Agents, server: PostgresServer
) -> None:
    before = cluster.all[0].ids()
    ((backend,),) = server.execute(
        "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1"
    )
    os.kill(backend, signal.SIGKILL)
    cluster.all[3].light.ails("storage.backend", "dial error: connection refused")
    others = [one for one in cluster.all if one is not cluster.all[3]]
    agree(cluster.all, well(others) + but([cluster.all[3]], "not-ready"))
    cluster.all[3].light.well()
    agree(cluster.all, well(cluster.all))
    assert all(one == before for one in everywhere(cluster.all, Agent.ids))
    assert all(one.runs for one in cluster.all)


def test_a_clone_of_an_agents_directory_gets_an_id_and_a_row_of_its_own(cluster: Agents) -> None:
    original = cluster.all[6]
    (kept,) = original.home.glob("identity-*")
    (clone,) = cluster.add(1, original.environment["POMHEALTH_CLUSTER_DSN"])
    shutil.copytree(original.home, clone.home)
    copied = clone.home / kept.name  # it has the agent's port in its name, and here each has its own
    was, is_ = (one.address.rpartition(":")[2] for one in (original, clone))
    ours = copied.rename(copied.with_name(kept.name.replace(was, is_)))
    clone.start()
    agree(cluster.all, well(cluster.all))
    assert len(set(cluster.all[0].ids().values())) == len(cluster.all)
    assert kept.read_text() != ours.read_text()
