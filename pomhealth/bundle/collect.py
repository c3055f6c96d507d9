"""Collects everything for a bundle, all at once, each part within its own time."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from pomhealth.agent.once import measure_replica
from pomhealth.blocking import Workers
from pomhealth.bundle import agent, envoy, host, past
from pomhealth.bundle.ask import Ask, Missing, Server, answered, part
from pomhealth.bundle.cleaner import Cleaner, of_environment
from pomhealth.bundle.part import Collected, Lack, Part
from pomhealth.catalogue import catalogue
from pomhealth.checks import storage_backend
from pomhealth.client.ask import Address
from pomhealth.reach import Silent
from pomhealth.redact import secrets_in_dsn, secrets_of
from pomhealth.replica.admin import EnvoyAdmin
from pomhealth.replica.connect import tcp_socket
from pomhealth.replica.discover import discover
from pomhealth.replica.model import Replica
from pomhealth.report.document import document
from pomhealth.report.items import Item, every, items
from pomhealth.report.markdown import page
from pomhealth.report.origins import as_json as sections_as_json
from pomhealth.report.origins import replica_sections, settings_section
from pomhealth.settings import Settings

T = TypeVar("T")

_DISCOVERY = 4.0  # seconds
_CHECK = 4.3
_LATE = 2.5  # by which the measurement may be late on a busy machine
_BLOCKING = 4.0  # for what asks systemd, the journal or a file
_REPORT = 2.0
_VERSIONS = 3.5
_HISTORY = 1.0
_POSTGRES = re.compile(r"\bPostgreSQL (\d[\w.]*)")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a bundle is made of: the settings, where the agent answers, and the moment (seconds since the epoch)."""

    settings: Settings
    address: Address
    now: float


async def collect(wanted: Wanted, told: Callable[[str], None] = lambda _: None) -> tuple[Collected, Cleaner]:
    """Everything, without secrets, in at most some 12 seconds, and what knows those secrets. `told` hears what is done.

    Raises ReplicaError (Ambiguous too) where the replica cannot be told.
    """
    workers = Workers()
    told("looking for the replica")
    found: Replica | None = None
    try:
        found = await _in_thread(workers, "discovery", partial(discover, wanted.settings), _DISCOVERY)
        why = found.missing.get("admin", "no Envoy of a replica is there to be asked")
    except Silent as silent:
        why = f"the replica cannot be looked for here: {silent}"
    own = of_environment(os.environ) | secrets_in_dsn(wanted.settings.cluster_dsn)
    cleaner = Cleaner(own | (secrets_of(found) if found is not None else frozenset()))
    told("asking the agent, Envoy and systemd, and measuring everything once")
    admin = EnvoyAdmin(found.admin) if found is not None and found.admin is not None else None
    (tops, measured), several = await asyncio.gather(
        _measured(found, why, wanted, cleaner),
        asyncio.gather(*(answered(ask, cleaner) for ask in _asks(wanted, found, admin, workers))),
    )
    answers = [*measured, *several]
    if admin is not None:
        await admin.close()
    else:
        answers.append(Lack("envoy/", why))
    versions = partial(_versions, found, workers, tops, tuple(answers))
    last = [Ask("versions.json", "versions of everything that has part in it", _VERSIONS, versions)]
    if not any(one.name == agent.STATUS for one in answers if isinstance(one, Part)):
        last.append(_history(wanted, workers))
    answers += await asyncio.gather(*(answered(ask, cleaner) for ask in last))
    parts = tuple(one for one in answers if isinstance(one, Part))
    return Collected(parts, tuple(one for one in answers if isinstance(one, Lack))), cleaner


def _asks(
    wanted: Wanted, replica: Replica | None, admin: EnvoyAdmin | None, workers: Workers
) -> tuple[Ask, ...]:
    def blocking(name: str, says: str, function: Callable[[], Any]) -> Ask:
        return Ask(name, says, _BLOCKING + 1.0, partial(_in_thread, workers, name, function, _BLOCKING))

    return (
        *agent.asks(wanted.address),
        blocking("agent/log.txt", "the agent's last log lines, from the journal", host.log),
        Ask(
            "config.json",
            "settings and everything found out about the replica, each with its origin",
            _BLOCKING,
            partial(_config, wanted.settings, replica),
        ),
        Ask(
            "replica/health.json",
            "what the replica reports of itself",
            _REPORT + 1.0,
            partial(_report, replica),
        ),
        *(envoy.asks(admin) if admin is not None else ()),
        blocking("systemd/units.json", "the units as systemd has them", partial(host.units, replica)),
    )


def _history(wanted: Wanted, workers: Workers) -> Ask:
    """Asked for where no agent tells it: one that runs holds the file."""
    look = partial(past.left, wanted.settings, wanted.address.where, wanted.now)
    says = "what an agent before has seen, from its file"
    return Ask("history.json", says, _HISTORY + 1.0, partial(_in_thread, workers, "history", look, _HISTORY))


async def _in_thread(workers: Workers, name: str, function: Callable[[], T], deadline: float) -> T:
    return await workers.call(name, function, deadline=deadline)


async def _measured(
    replica: Replica | None, why: str, wanted: Wanted, cleaner: Cleaner
) -> tuple[tuple[Item, ...], tuple[Part | Lack, ...]]:
    """A fresh measurement: as JSON, and to read."""
    if replica is None:
        return (), (Lack("check.json", why),)
    tops: tuple[Item, ...] = ()

    async def measured() -> dict[str, Any]:
        nonlocal tops
        status = await measure_replica(replica, wanted.settings, deadline=_CHECK)
        tops = items(status, catalogue(), (), replica.platform)
        error = "no Pomerium replica runs here" if replica.awaited else None
        return {"error": error, **document(tops, replica)}

    says = "everything measured once, for this bundle, without the agent"
    answer = await answered(Ask("check.json", says, _CHECK + _LATE, measured), cleaner)
    if isinstance(answer, Lack):
        return (), (answer,)
    return tops, (answer, part("check.md", "the same to read", page(tops, replica, wanted.now), cleaner))


async def _versions(
    replica: Replica | None, workers: Workers, tops: tuple[Item, ...], answers: Iterable[Part | Lack]
) -> dict[str, Any]:
    """Those that the machine tells, and with them what only Envoy and PostgreSQL themselves say of theirs."""
    told = await _in_thread(workers, "versions", partial(host.versions, replica), _VERSIONS)
    servers = [one for one in answers if isinstance(one, Part) and one.name == "envoy/server.json"]
    envoys = json.loads(servers[0].text).get("version") if servers else None
    storage = next((one.summary for one in every(tops) if one.id == storage_backend.ID), "")
    postgres = _POSTGRES.search(storage)
    return {**told, "envoy": envoys, "postgresql": postgres[1] if postgres else None}


async def _config(settings: Settings, replica: Replica | None) -> dict[str, Any]:
    found = replica_sections(replica) if replica is not None else ()
    return sections_as_json((settings_section(settings), *found))


async def _report(replica: Replica | None) -> Any:
    health = replica.health if replica is not None and replica.same_network else None
    if health is None or replica is None or replica.awaited:
        raise Missing("no health server of a replica is there to be asked (Pomerium 0.31 and newer have one)")
    server = Server(health.where, partial(tcp_socket, health.connect_host, health.port))
    return await server.json("/status", deadline=_REPORT)
