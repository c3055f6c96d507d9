"""Storage in a directory or in memory: what can be told from outside."""

from __future__ import annotations

import contextlib
import os
import signal
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from pomhealth.checks import persistent_backend, storage_backend
from pomhealth.replica import processes
from pomhealth.replica.model import Options, Process, Replica, Storage
from pomhealth.status import Finding, Outcome, Unobservable
from pomhealth.storage import filestore
from tests.actors import acting
from tests.contexts import context_of
from tests.standin import StandIn
from tests.storage.looking import context, replica
from tests.storage.mounts import small_disk

_HOLD = """
import fcntl, os, sys
os.setgid(int(sys.argv[2])), os.setuid(int(sys.argv[2]))
file = open(sys.argv[1], "r+")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def holding(lock: Path, uid: int) -> AbstractContextManager[Process]:
    """A process that holds a store's lock as Pomerium does, as this user."""
    return acting(_HOLD, str(lock), str(uid), says="held")


@pytest.fixture
def user() -> int:
    """Root acts for an ordinary user; an ordinary user for itself."""
    return 65534 if os.geteuid() == 0 else os.geteuid()


@pytest.fixture
def store(tmp_path: Path, user: int) -> Path:
    """A directory like Pebble's, the user's own, that the user can get to."""
    for parent in (tmp_path, *tmp_path.parents):
        with contextlib.suppress(PermissionError):
            parent.chmod(parent.stat().st_mode | 0o011)
    made = tmp_path / "databroker"
    made.mkdir(mode=0o700)
    (made / "LOCK").touch(mode=0o600)
    if os.geteuid() == 0:
        os.chown(made, user, user)
        os.chown(made / "LOCK", user, user)
    return made


def move_away(store: Path) -> None:
    store.rename(store.with_name("away"))


async def look(store: Path, main: Process | None) -> Finding:
    seen = Replica(main=main, storage=Storage("file", "config.yaml:3", directory=str(store)), cwd="/")
    return await storage_backend.look(context(seen))


async def test_a_held_store_passes(store: Path, user: int) -> None:
    with holding(store / "LOCK", user) as main:
        found = await look(store, main)

    assert found.outcome is Outcome.PASS, found
    assert found.attributes == (("backend", "file"),)


@pytest.mark.proves("storage.backend/not-writable")
async def test_a_store_that_nobody_holds_is_not_writable(store: Path) -> None:
    found = await look(store, processes.process(os.getpid()))

    assert found.cause == "not-writable"
    assert "nobody holds" in found.summary


async def test_a_replica_that_stops_gently_never_had_a_store_that_it_does_not_hold(standin: StandIn) -> None:
    """It lets go of its store at once, and ends only after its Envoy, which here takes its time."""
    one = standin(storage="file")
    said: list[Finding] = []
    async with context_of(one) as seen:
        envoy = seen.replica.envoy
        assert envoy is not None
        os.kill(envoy.pid, signal.SIGSTOP)
        assert (await storage_backend.look(seen)).outcome is Outcome.PASS
        os.kill(one.pid, signal.SIGTERM)
        while not said or said[-1].outcome is Outcome.PASS:
            said.append(await storage_backend.look(seen))
        assert one.running()
        os.kill(envoy.pid, signal.SIGCONT)
        while one.running():
            said.append(await storage_backend.look(seen))
        said.append(await storage_backend.look(seen))

    assert not {found.cause for found in said} - {""}, said
    assert said[-1].blocked_by == "pomerium.process"


@pytest.mark.proves("storage.backend/not-writable")
async def test_a_replica_that_serves_without_its_store_is_told_of(standin: StandIn) -> None:
    """The lock file that it holds was replaced by another."""
    one = standin(storage="file")
    async with context_of(one) as seen:
        lock = Path(seen.storage.directory) / "LOCK"
        lock.unlink()
        lock.touch(mode=0o600)
        found = await storage_backend.look(seen)

    assert found.cause == "not-writable"


@pytest.mark.proves("storage.backend/not-writable")
async def test_a_store_that_another_process_holds_is_not_writable_and_names_it(
    store: Path, user: int
) -> None:
    with holding(store / "LOCK", user) as other:
        found = await look(store, processes.process(os.getpid()))

    assert found.cause == "not-writable"
    assert f"process {other.pid} holds" in found.summary


@pytest.mark.proves("storage.backend/schema-missing")
async def test_a_missing_directory_is_told(store: Path, user: int) -> None:
    with holding(store / "LOCK", user) as main:
        move_away(store)
        found = await look(store, main)

    assert found.cause == "schema-missing"


async def test_a_missing_lock_file_is_told(store: Path, user: int) -> None:
    with holding(store / "LOCK", user) as main:
        (store / "LOCK").unlink()
        found = await look(store, main)

    assert found.cause == "schema-missing"


@pytest.mark.proves("storage.backend/permission-denied")
async def test_a_directory_of_another_user_is_permission_denied(store: Path, user: int) -> None:
    if os.geteuid() != 0:
        pytest.skip("giving a directory away needs root")
    with holding(store / "LOCK", user) as main:
        os.chown(store, 0, 0)
        found = await look(store, main)

    assert found.cause == "permission-denied"
    assert f"chown -R {user}:{user}" in found.steps[0]


@pytest.mark.parametrize(("options", "cause"), [("ro", "read-only"), ("rw", "disk-full")])
@pytest.mark.proves("storage.backend/disk-full")
@pytest.mark.proves("storage.backend/read-only")
async def test_the_file_system_under_a_store_counts(store: Path, user: int, options: str, cause: str) -> None:
    """One that is mounted read-only, and one that has no room."""
    with small_disk(store, f"size=64k,{options},uid={user},gid={user},mode=0700"):
        found = await look(store, processes.process(os.getpid()))

    assert found.cause == cause, found


async def test_without_the_process_the_rest_is_still_looked_at(store: Path) -> None:
    assert (await look(store, None)).outcome is Outcome.PASS


async def test_memory_has_nothing_outside_that_could_fail() -> None:
    """Told by the configuration: from 0.32 on the replica itself says `file`."""
    found = await storage_backend.look(context(replica(kind="memory")))

    assert found.outcome is Outcome.PASS
    assert found.attributes == (("backend", "in-memory"),)


@pytest.mark.proves("persistent_backend/in-memory")
async def test_memory_does_not_survive_a_restart() -> None:
    found = await persistent_backend.look(context(replica(kind="memory")))

    assert (found.outcome, found.cause) == (Outcome.WARN, "in-memory")
    assert "config.yaml:3" in found.summary


@pytest.mark.parametrize("kind", ["file", "postgres"])
async def test_file_and_postgres_survive_a_restart(kind: str) -> None:
    assert (await persistent_backend.look(context(replica(kind=kind)))).outcome is Outcome.PASS


@pytest.mark.parametrize("probe", [storage_backend, persistent_backend])
async def test_what_is_not_known_is_unknown(probe: object) -> None:
    """Zero mode: the options are in an encrypted file."""
    seen = Replica(options=Options(zero=True), missing={"storage": "the options are in an encrypted file"})

    with pytest.raises(Unobservable, match="encrypted file"):
        await probe.look(context(seen))  # type: ignore[attr-defined]


def test_a_stopped_holder_still_holds(store: Path, user: int) -> None:
    """The kernel's table does not care whether the process runs."""
    with holding(store / "LOCK", user) as main:
        os.kill(main.pid, signal.SIGSTOP)
        try:
            assert main.pid in filestore.observe(str(store)).holders
        finally:
            os.kill(main.pid, signal.SIGCONT)
