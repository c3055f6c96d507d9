"""The kernel tells: with every schedule set to an hour, only an event can have brought what is seen here."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pomhealth.replica import httpget
from pomhealth.settings import Settings
from tests.agent.watching import HOUR, Deaf, only_events, watching
from tests.certs.making import made
from tests.standin import OwnPostgres, RunningReplica, StandIn

NAMES = ("*.demo.localhost",)
NEVER = (HOUR, HOUR)
EXPIRING = ("certificates_current", "expiring")
REJECTED = ("cluster_config_current", "rejected")
CACHE = "zero.bootstrap-config.save"
BROKEN = "routes: [\n"


async def sees(replica: RunningReplica, fault: Callable[[], object], id_: str, *causes: str) -> None:
    async with watching(only_events(replica.pid), every=NEVER) as seen:
        await asyncio.get_running_loop().run_in_executor(None, fault)
        await seen.one_of(id_, *causes)


def swapped(link: Path, target: str) -> None:
    new = link.with_name(f"{link.name}.new")
    new.symlink_to(target)
    new.rename(link)


def exchanged(one: Path, other: Path) -> None:
    one.rename(one.with_name("old"))
    other.rename(one)


async def test_the_end_of_envoy_and_of_the_main_process(standin: StandIn) -> None:
    replica = standin()
    async with watching(only_events(replica.pid), every=NEVER) as seen:
        envoy = replica.envoy_pid()
        os.kill(envoy, signal.SIGKILL)
        await seen.until(lambda: not seen.board.status.ready)
    replica.wait()
    replica.restart()
    await sees(replica, lambda: os.kill(replica.pid, signal.SIGKILL), "pomerium.process", "not-running")


async def test_the_close_of_a_connection_tells_of_an_end_where_no_pidfd_does(
    standin: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(httpget, "SETTLED", 0.0)
    replica = standin()
    async with watching(only_events(replica.pid), kernel=Deaf, every=NEVER) as seen:
        os.kill(replica.envoy_pid(), signal.SIGKILL)
        await seen.until(lambda: not seen.board.status.ready)


@pytest.mark.parametrize("how", ["written", "replaced"])
async def test_a_change_of_the_configuration_file(standin: StandIn, how: str) -> None:
    replica = standin()
    config = replica.config_path
    other = config.with_name("other")
    other.write_text(BROKEN)
    ways: dict[str, Callable[[], object]] = {
        "written": lambda: config.write_text(BROKEN),
        "replaced": lambda: other.rename(config),
    }
    await sees(replica, ways[how], *REJECTED)


@pytest.mark.parametrize("how", ["swapped volume", "link on the way", "directory renamed", "parent renamed"])
async def test_a_change_of_what_a_path_leads_to(standin: StandIn, tmp_path: Path, how: str) -> None:
    made(*NAMES).into(tmp_path / "1" / "a", "tls")
    made(*NAMES, days=2).into(tmp_path / "2" / "a", "tls")
    made(*NAMES, days=2).into(tmp_path / "1" / "b", "tls")
    (tmp_path / "link").symlink_to("1")
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "..data").symlink_to("../1/a")
    for name in ("tls.crt", "tls.key"):
        (volume / name).symlink_to(f"..data/{name}")
    ways: dict[str, tuple[Path, Callable[[], object]]] = {
        "swapped volume": (volume, lambda: swapped(volume / "..data", "../2/a")),
        "link on the way": (tmp_path / "link" / "a", lambda: swapped(tmp_path / "link", "2")),
        "directory renamed": (
            tmp_path / "1" / "a",
            lambda: exchanged(tmp_path / "1" / "a", tmp_path / "1" / "b"),
        ),
        "parent renamed": (tmp_path / "1" / "a", lambda: exchanged(tmp_path / "1", tmp_path / "2")),
    }
    at, way = ways[how]
    replica = standin(certificate_file=str(at / "tls.crt"), certificate_key_file=str(at / "tls.key"))
    await sees(replica, way, *EXPIRING)


async def test_a_removed_file_that_is_made_anew(standin: StandIn) -> None:
    replica = standin()
    async with watching(only_events(replica.pid), every=NEVER) as seen:
        replica.config_path.unlink()
        await seen.until(seen.has_problems)
        replica.rewrite()
        await seen.until(lambda: not seen.has_problems())


async def test_a_directory_that_is_gone_and_comes_back_is_watched_again(
    standin: StandIn, tmp_path: Path
) -> None:
    at = tmp_path / "certificates"
    made(*NAMES).into(at, "tls")
    replica = standin(certificate_file=str(at / "tls.crt"), certificate_key_file=str(at / "tls.key"))
    async with watching(only_events(replica.pid), every=NEVER) as seen:
        shutil.rmtree(at)
        await seen.until(seen.has_problems)
        made(*NAMES).into(at, "tls")
        await seen.until(lambda: not seen.has_problems())


@pytest.mark.parametrize("how", ["removed", "mode", "read-only", "covered"])
async def test_a_change_of_where_the_replica_saves(standin: StandIn, how: str) -> None:
    """Its directory, its mode and what is mounted over it."""
    if how in ("read-only", "covered") and os.geteuid() != 0:
        pytest.skip("only root may mount")
    if how == "mode" and os.geteuid() == 0:
        pytest.skip("root may write there whatever the mode says")
    replica = standin()
    cache = replica.cache_dir
    mount = {
        "read-only": f"mount --bind {cache} {cache} && mount -o remount,bind,ro {cache}",
        "covered": f"mount -t tmpfs -o ro tmpfs {cache}",
    }

    def fault() -> None:
        if how == "removed":
            shutil.rmtree(cache)
            cache.parent.chmod(0o555)
            cache.touch()
        elif how == "mode":
            cache.chmod(0o555)
        else:
            subprocess.run(mount[how], shell=True, check=True)

    try:
        await sees(replica, fault, CACHE, "missing", "not-writable", "read-only")
    finally:
        if how in mount:
            subprocess.run(["umount", str(cache)], check=True)  # noqa: ASYNC221  (nothing else runs)


async def test_the_store_in_a_file_that_is_moved_away(standin: StandIn) -> None:
    replica = standin(storage="file")
    store = Path(str(replica.options["databroker_storage_connection_string"]).removeprefix("file://"))
    await sees(replica, lambda: store.rename(store.with_name("away")), "storage.backend", "schema-missing")


@pytest.mark.parametrize("how", ["stopped", "sessions ended"])
async def test_the_close_of_the_storage_connection(
    standin: StandIn, own_postgres: OwnPostgres, how: str
) -> None:
    server = own_postgres()
    replica = standin(storage="postgres", dsn=server.create_database("told"))

    def fault() -> None:
        if how == "stopped":
            server.stop("immediate")
            return
        server.execute("ALTER DATABASE told ALLOW_CONNECTIONS false")
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'told'")

    async with watching(only_events(replica.pid), every=NEVER) as seen:
        await asyncio.get_running_loop().run_in_executor(None, fault)
        await seen.until(lambda: not seen.board.status.ready)
        assert {id_ for id_, _ in seen.alerts()} >= {"storage.backend"}


async def test_what_the_kernel_does_not_tell_is_seen_all_the_same(
    standin: StandIn, own_postgres: OwnPostgres, tmp_path: Path
) -> None:
    """An event that is lost costs time, not truth: here every one of them is."""
    server = own_postgres()
    at = tmp_path / "certificates"
    made(*NAMES).into(at, "tls")
    replica = standin(
        storage="postgres",
        dsn=server.create_database("deaf"),
        certificate_file=str(at / "tls.crt"),
        certificate_key_file=str(at / "tls.key"),
    )
    async with watching(Settings(pid=replica.pid), kernel=Deaf) as seen:
        made(*NAMES, days=2).into(at, "tls")
        shutil.rmtree(replica.cache_dir)
        replica.cache_dir.touch()
        await seen.told(EXPIRING)
        await seen.one_of(CACHE, "missing")
        replica.write_config(BROKEN)
        await seen.told(REJECTED)
        server.stop("immediate")
        await seen.one_of("storage.backend", "refused", "unreachable")
        os.kill(replica.envoy_pid(), signal.SIGKILL)
        await seen.one_of("pomerium.process", "not-running")
