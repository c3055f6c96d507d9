"""What an operator does to a healthy replica is no reason for an alarm: reloads, and Envoy's hot restart."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from pomhealth.agent.follower import AFTER_RELOAD
from tests.agent.process import Agent, agent, until
from tests.agent.watcher import Record, watched
from tests.demo.looking import admin
from tests.standin import RunningReplica, StandIn

REWRITES = 20
SIZE = 8192  # bytes of the file that is written in place
LAST = 7  # routes that the last rewrite adds

Save = Callable[[RunningReplica, str], None]


def rename(replica: RunningReplica, text: str) -> None:
    replica.write_config(text)


def in_place(replica: RunningReplica, text: str) -> None:
    """Over the old text, and as long: to empty the file first would really show an empty one to Pomerium."""
    with replica.config_path.open("r+b", buffering=0) as file:
        file.write(text.encode().ljust(SIZE, b"\n"))


def swapped_directory(replica: RunningReplica, text: str) -> None:
    """As kubelet does: pomerium.yaml -> ..data/pomerium.yaml, ..data -> a directory of its own for each version."""
    directory = replica.directory
    number = len(list(directory.glob("..version-*")))
    version = directory / f"..version-{number}"
    version.mkdir()
    (version / "pomerium.yaml").write_text(text)
    link = directory / "..data_new"
    link.symlink_to(version.name)
    link.replace(directory / "..data")
    if not replica.config_path.is_symlink():
        replica.config_path.unlink()
        replica.config_path.symlink_to("..data/pomerium.yaml")


def beside(replica: RunningReplica) -> tuple[str, str]:
    return ("--pomerium-config", str(replica.config_path))


def settled(one: Agent) -> None:
    """Returns once everything has been looked at and all is well."""
    until(lambda: one.get("/startupz")[0] == 200 and one.ready(), lambda: one.get("/readyz?verbose"))


def calm(standing: set[tuple[str, str]]) -> Record:
    """The record of a time in which nothing happened that is worth a word."""
    return Record([200], standing)


def looked_at_again(one: Agent, *, after: float) -> None:
    """Returns once what a change of the configuration may touch has been looked at after this time."""
    touched = (
        "xds.listener",
        "xds.route-configuration",
        "cluster_config_current",
        "certificates_match_hostnames",
    )

    def seen() -> bool:
        statuses = one.get("/status")[1]["statuses"]
        return all(moment(statuses[id_]["checked"]) > after for id_ in touched)

    until(seen, lambda: one.get("/status"))


def moment(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def with_routes(replica: RunningReplica, count: int) -> str:
    routes: list[dict[str, Any]] = list(replica.options["routes"])
    routes += [
        {"from": f"https://app{number}.demo.localhost", "to": "http://127.0.0.1:1"} for number in range(count)
    ]
    return yaml.safe_dump({**replica.options, "routes": routes}, sort_keys=False)


@pytest.mark.parametrize("save", [rename, in_place, swapped_directory])
def test_reloads_in_quick_succession_raise_no_alarm(tmp_path: Path, standin: StandIn, save: Save) -> None:
    replica = standin(storage="file")
    if save is swapped_directory:
        save(replica, replica.config_path.read_text())
        replica.restart()
    with agent(tmp_path, *beside(replica)) as one:
        settled(one)
        standing = one.alerts()
        with watched(one) as record:
            for number in range(REWRITES):
                save(replica, with_routes(replica, number % 5))
            save(replica, with_routes(replica, LAST))
            looked_at_again(one, after=time.time() + AFTER_RELOAD[0])
        assert record == calm(standing)
    served = admin(replica, "/config_dump?resource=dynamic_route_configs")["configs"]
    [main] = [one["route_config"] for one in served if one["route_config"]["name"] == "main"]
    assert len(main["virtual_hosts"]) == 1 + 1 + LAST  # the first route, the catch-all, what was added


@pytest.mark.parametrize("release", ["v0.32.9", "v0.33.1"])
def test_a_hot_restart_of_envoy_raises_no_alarm(tmp_path: Path, standin: StandIn, release: str) -> None:
    replica = standin(release, "file", env={"POMHEALTH_STANDIN_OVERLAP": "4"})
    old = replica.envoy_pid()
    with agent(tmp_path, *beside(replica)) as one:
        settled(one)
        standing = one.alerts()
        with watched(one) as record:
            replica.rewrite(log_level="debug")
            until(lambda: replica.envoy_pid() != old)
            new = replica.envoy_pid()
            until(lambda: envoys(one) == [old, new], lambda: envoys(one))
            looked_at_again(one, after=time.time() + AFTER_RELOAD[0])
            until(lambda: envoys(one) == [new], lambda: envoys(one))
            looked_at_again(one, after=time.time() + AFTER_RELOAD[0])
        assert record == calm(standing)

        os.kill(new, signal.SIGSTOP)
        until(lambda: ("envoy.server", "stopped") in one.alerts(), lambda: one.get("/alerts"))
        assert not one.ready()
        os.kill(new, signal.SIGCONT)
        until(one.ready, lambda: one.get("/readyz?verbose"))


def envoys(one: Agent) -> list[int]:
    pids: list[int] = one.get("/status")[1]["replica"]["envoy_pids"]
    return pids
