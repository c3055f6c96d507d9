"""Twenty agents on one PostgreSQL: from a fault on one of them to another's /replicas."""

from __future__ import annotations

import http.client
import json
import random
import time
from collections.abc import Callable

from bench.stage import directory
from bench.table import percentile, table
from pomhealth.demo.errors import DemoError
from pomhealth.demo.postgres import PostgresServer
from tests.cluster.agents import Agent, Agents, agents

_AGENTS = 20
_ROUNDS = 100
_PATIENCE = 60.0  # seconds
_PAUSE = 0.002  # seconds between two questions
_CHECK = "storage.backend"


def run() -> tuple[str, bool]:
    """The table; right if every change was seen."""
    with directory() as path:
        postgres = PostgresServer(path / "postgres", settings={"max_connections": "100"})
        try:
            postgres.start()
            with agents(path) as several:
                return _measured(several, postgres), True
        finally:
            postgres.stop("immediate")


def _measured(several: Agents, postgres: PostgresServer) -> str:
    several.add(_AGENTS, postgres.dsn())
    several.start()
    _await(lambda: all(_knows_all(one) for one in several.all))
    own, other, between = [], [], []
    for turn in range(_ROUNDS):
        ill, witness = random.sample(several.all, 2)
        time.sleep(random.random())
        began = time.monotonic()
        ill.light.ails(_CHECK, f"dial error: connection refused ({turn})")
        told, seen = _watch(ill, witness, ready=False)
        own.append(told - began)
        other.append(seen - began)
        between.append(seen - told)
        ill.light.well()
        _watch(ill, witness, ready=True)
    rows = [
        (
            name,
            f"{percentile(values, 0.5):.3f} s",
            f"{percentile(values, 0.95):.3f} s",
            f"{max(values):.3f} s",
        )
        for name, values in (
            ("to its own agent's /readyz", own),
            ("to another agent's /replicas", other),
            ("of that, from the one to the other", between),
        )
    ]
    title = f"From a fault on one of {_AGENTS} replicas, {_ROUNDS} times, at any moment:"
    return f"{title}\n{table(('', 'median', '95 %', 'worst'), rows)}"


def _watch(ill: Agent, witness: Agent, *, ready: bool) -> tuple[float, float]:
    """When its own agent said so, and when the other did."""
    one, other = (http.client.HTTPConnection(agent.address, timeout=5) for agent in (ill, witness))
    told = seen = 0.0
    until = time.monotonic() + _PATIENCE
    while not (told and seen):
        if not told and (_ask(one, "/readyz")[0] == 200) is ready:
            told = time.monotonic()
        if not seen:
            rows = json.loads(_ask(other, "/replicas")[1])["replicas"]
            if any(row["host"] == ill.host and row["ready"] is ready for row in rows):
                seen = time.monotonic()
        if time.monotonic() > until:
            raise DemoError(
                f"{witness.host} does not say of {ill.host} that it is {'' if ready else 'not '}ready"
            )
        time.sleep(_PAUSE)
    one.close()
    other.close()
    return told, seen


def _ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, bytes]:
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


def _knows_all(agent: Agent) -> bool:
    return [ready for *_, ready in agent.rows()] == [True] * _AGENTS


def _await(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise DemoError("the agents do not find each other")
        time.sleep(0.2)
