"""Whether the replica can write its cache files is tried as its own user, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pomhealth.blocking import Workers
from pomhealth.checks import Context, zero_bootstrap_config_save
from pomhealth.replica.model import Process, Replica, Value
from pomhealth.replica.sockets import SocketTable
from pomhealth.settings import Settings
from pomhealth.status import Component, Finding, Gate, Outcome, Report, Unobservable
from pomhealth.storage import access, places, trial
from pomhealth.storage.access import Credentials
from pomhealth.storage.places import Place
from tests.actors import acting
from tests.storage.mounts import fill, read_only, small_disk

_STAY = "import os,sys; os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1])); print('up',flush=True); sys.stdin.read()"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="acting as another user needs root")


@pytest.fixture
def user() -> int:
    return 65534 if os.geteuid() == 0 else os.geteuid()


@pytest.fixture
def main(user: int) -> Iterator[Process]:
    """A process of the replica's user."""
    with acting(_STAY, str(user), says="up") as process:
        yield process


@pytest.fixture
def cache(tmp_path: Path, user: int) -> Path:
    """<cache>/pomerium with envoy/files in it, the user's own."""
    for parent in (tmp_path, *tmp_path.parents):
        with contextlib.suppress(PermissionError):
            parent.chmod(parent.stat().st_mode | 0o011)
    made = tmp_path / "pomerium"
    (made / "envoy" / "files").mkdir(parents=True)
    if os.geteuid() == 0:
        for path in (made, made / "envoy", made / "envoy" / "files"):
            os.chown(path, user, user)
    return made


@pytest.fixture
def seen(cache: Path, main: Process) -> Context:
    """A replica whose options are in its configuration file."""
    return Context(
        Replica(main=main, cache_dir=Value(str(cache), "environment HOME"), cwd="/"),
        Settings(),
        Workers(),
        SocketTable(),
    )


@pytest.fixture
def zero(seen: Context, cache: Path) -> Context:
    """A replica in Zero mode."""
    return replace(
        seen,
        replica=replace(seen.replica, bootstrap_file=Value(f"{cache}/bootstrap.dat", "environment HOME")),
    )


async def look(context: Context) -> Finding:
    return await zero_bootstrap_config_save.look(context)


def change_mode(path: Path) -> None:
    path.chmod(0o710)


def everything(path: Path) -> dict[str, tuple[int, int]]:
    return {str(one): (one.stat().st_mtime_ns, one.stat().st_size) for one in (path, *path.rglob("*"))}


async def test_a_writable_cache_passes_and_nothing_is_left(zero: Context, cache: Path) -> None:
    (cache / "bootstrap.dat").write_bytes(b"secret")
    if os.geteuid() == 0:
        main = zero.replica.main
        assert main is not None
        os.chown(cache / "bootstrap.dat", main.uid, main.gid)
    before = everything(cache)

    found = await look(zero)

    assert found.outcome is Outcome.PASS, found
    assert "tried" in found.summary
    assert "bootstrap.dat" in found.summary
    assert everything(cache) == before


async def test_what_is_not_there_yet_can_be_made(zero: Context, cache: Path) -> None:
    """The directory for Envoy's files is made when it is needed, the file of Zero mode when it is saved."""
    (cache / "envoy" / "files").rmdir()
    (cache / "envoy").rmdir()

    assert (await look(zero)).outcome is Outcome.PASS


@pytest.mark.proves("zero.bootstrap-config.save/not-writable")
async def test_a_directory_that_forbids_writing_is_not_writable(seen: Context, cache: Path) -> None:
    (cache / "envoy" / "files").chmod(0o500)

    found = await look(seen)

    assert (found.outcome, found.cause) == (Outcome.FAIL, "not-writable")
    assert f"chmod u+rwx {cache}/envoy/files" in found.steps[0]


@needs_root
@pytest.mark.proves("zero.bootstrap-config.save/wrong-owner")
async def test_a_directory_of_another_user_is_wrong_owner(seen: Context, cache: Path, user: int) -> None:
    os.chown(cache / "envoy" / "files", 0, 0)

    found = await look(seen)

    assert found.cause == "wrong-owner"
    assert "(tried)" in found.summary
    assert f"chown -R {user}:{user} {cache}/envoy/files" in found.steps[0]


@needs_root
@pytest.mark.proves("zero.bootstrap-config.save/wrong-owner")
async def test_a_file_of_another_user_is_wrong_owner(zero: Context, cache: Path) -> None:
    (cache / "bootstrap.dat").touch(mode=0o600)

    found = await look(zero)

    assert found.cause == "wrong-owner"
    assert "bootstrap.dat" in found.summary


@needs_root
@pytest.mark.proves("zero.bootstrap-config.save/read-only")
async def test_a_read_only_mount_is_told_at_the_next_look_and_so_is_its_end(
    seen: Context, cache: Path
) -> None:
    assert (await look(seen)).outcome is Outcome.PASS
    with read_only(cache):
        found = await look(seen)
    after = await look(seen)

    assert found.cause == "read-only"
    assert "findmnt" in found.steps[0]
    assert after.outcome is Outcome.PASS


@needs_root
@pytest.mark.proves("zero.bootstrap-config.save/disk-full")
@pytest.mark.parametrize("room", ["size=2m", "nr_inodes=4"])
async def test_a_full_file_system_is_told_until_there_is_room(
    seen: Context, cache: Path, user: int, room: str
) -> None:
    files = cache / "envoy" / "files"
    with small_disk(files, f"{room},uid={user},gid={user}"):
        if room.startswith("size"):
            fill(files / "ballast")
        else:
            with contextlib.suppress(OSError):
                for number in range(9):
                    (files / f"ballast{number}").touch()
        found = await look(seen)
        for one in files.iterdir():
            one.unlink()
        after = await look(seen)

    assert found.cause == "disk-full"
    assert ("DIRECTORY", str(files)) in found.names
    assert after.outcome is Outcome.PASS


@needs_root
@pytest.mark.proves("zero.bootstrap-config.save/disk-full")
async def test_zero_modes_file_on_a_full_file_system_is_told(zero: Context, cache: Path, user: int) -> None:
    with small_disk(cache, f"size=64k,uid={user},gid={user}"):
        fill(cache / "bootstrap.dat")
        os.chown(cache / "bootstrap.dat", user, user)
        found = await look(zero)

    assert found.cause == "disk-full"
    assert "bootstrap.dat" in found.summary


@needs_root
@pytest.mark.proves("zero.bootstrap-config.save/read-only")
async def test_zero_modes_file_on_a_read_only_mount_is_told(zero: Context, cache: Path, user: int) -> None:
    (cache / "bootstrap.dat").write_bytes(b"secret")
    os.chown(cache / "bootstrap.dat", user, user)
    with read_only(cache):
        found = await look(zero)

    assert (found.cause, "bootstrap.dat" in found.summary) == ("read-only", True)


@pytest.mark.proves("zero.bootstrap-config.save/not-writable")
@pytest.mark.parametrize("mode", [0o400, 0o200])
async def test_zero_modes_file_must_be_read_and_written(
    zero: Context, cache: Path, user: int, mode: int
) -> None:
    """A replica that starts while the cloud is out of reach reads it."""
    file = cache / "bootstrap.dat"
    file.write_bytes(b"secret")
    if os.geteuid() == 0:
        os.chown(file, user, user)
    file.chmod(mode)

    found = await look(zero)

    assert found.cause == "not-writable"
    assert "cannot read and write" in found.summary
    assert f"chmod u+rw {file}" in found.steps[0]


@pytest.mark.proves("zero.bootstrap-config.save/missing")
async def test_a_cache_whose_path_leads_through_a_file_is_missing(seen: Context, cache: Path) -> None:
    (cache / "envoy" / "files").rmdir()
    (cache / "envoy").rmdir()
    (cache / "envoy").touch()

    found = await look(seen)

    assert (found.cause, "is no directory" in found.summary) == ("missing", True)


@pytest.mark.proves("zero.bootstrap-config.save/missing")
async def test_a_file_whose_directory_is_gone_is_missing(zero: Context, cache: Path) -> None:
    gone = replace(
        zero, replica=replace(zero.replica, bootstrap_file=Value(f"{cache}/no/bootstrap.dat", "environment"))
    )

    found = await look(gone)

    assert found.cause == "missing"
    assert f"{cache}/no" in found.steps[0]


@pytest.mark.proves("zero.bootstrap-config.save/missing")
async def test_zero_mode_may_save_to_another_file(zero: Context, cache: Path) -> None:
    elsewhere = {"BOOTSTRAP_CONFIG_WRITEBACK_URI": f"file://{cache}/no/file"}

    found = await look(replace(zero, replica=replace(zero.replica, environment=elsewhere)))

    assert found.cause == "missing"
    assert "BOOTSTRAP_CONFIG_WRITEBACK_URI" in found.evidence[0].source


@pytest.mark.proves("zero.bootstrap-config.save/reported", by="recording")
async def test_of_what_zero_mode_saves_to_kubernetes_the_replica_alone_tells(zero: Context) -> None:
    secret = {"BOOTSTRAP_CONFIG_WRITEBACK_URI": "secret://ns/name/key"}
    said = Report("RUNNING", 'secrets "name" is forbidden: cannot patch resource "secrets"')

    found = await look(replace(zero, replica=replace(zero.replica, environment=secret)))
    component = Component(zero_bootstrap_config_save.ID, Gate.ALERT, measures=True, measured=found)
    told = replace(component, reported=said).finding

    assert (found.outcome, "secret://ns/name/key" in found.summary) == (Outcome.UNKNOWN, True)
    assert not any("bootstrap.dat" in one.source for one in found.evidence)
    assert told is not None
    assert (told.outcome, told.cause, "is forbidden" in told.summary) == (Outcome.FAIL, "reported", True)


async def test_a_cache_that_cannot_be_written_is_told_wherever_zero_mode_saves(
    zero: Context, cache: Path
) -> None:
    secret = {"BOOTSTRAP_CONFIG_WRITEBACK_URI": "secret://ns/name/key"}
    (cache / "envoy" / "files").chmod(0o500)

    found = await look(replace(zero, replica=replace(zero.replica, environment=secret)))

    assert found.cause == "not-writable"


async def test_a_healthy_cache_is_written_once_while_nothing_changes(
    seen: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is cheap is looked at each time."""
    written: list[str] = []
    real = trial.create_in

    def create_in(path: str) -> None:
        written.append(path)
        real(path)

    monkeypatch.setattr(trial, "create_in", create_in)

    for _ in range(5):
        assert (await look(seen)).outcome is Outcome.PASS
    assert len(written) == len(set(written)) == 2
    change_mode(Path(written[0]))
    await look(seen)
    assert len(written) == 4


@needs_root
def test_acting_as_a_user_leaves_the_thread_as_it_was(tmp_path: Path) -> None:
    who = Credentials(65534, 65534, frozenset({1234}))
    before = (os.geteuid(), os.getegid(), os.getgroups())
    tmp_path.chmod(0o700)

    with pytest.raises(PermissionError), trial.acting_as(who):
        trial.create_in(str(tmp_path))

    trial.create_in(str(tmp_path))
    assert before == (os.geteuid(), os.getegid(), os.getgroups())
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_a_group_of_the_replicas_counts(tmp_path: Path) -> None:
    os.chown(tmp_path, 0, 1234)
    tmp_path.chmod(0o770)
    for parent in tmp_path.parents:
        parent.chmod(parent.stat().st_mode | 0o011)
    place = Place(str(tmp_path), str(tmp_path), "test")

    tried = places.rule(place, places.glance(place), Credentials(65534, 65534, frozenset({1234})))
    without = places.rule(place, places.glance(place), Credentials(65534, 65534))

    assert (tried.cause, tried.tried) == ("", True)
    assert (without.cause, without.tried) == ("wrong-owner", True)


@pytest.mark.parametrize(
    ("mode", "uid", "gid", "cause"),
    [
        (0o700, 7, 0, ""),
        (0o500, 7, 0, "not-writable"),
        (0o070, 7, 7, "not-writable"),
        (0o770, 0, 7, ""),
        (0o770, 0, 9, ""),
        (0o750, 0, 7, "wrong-owner"),
        (0o707, 0, 0, ""),
        (0o755, 0, 0, "wrong-owner"),
    ],
)
def test_where_we_may_not_act_as_the_user_it_is_worked_out(mode: int, uid: int, gid: int, cause: str) -> None:
    """Owner before group before others, as the kernel does."""
    who = Credentials(7, 7, frozenset({9}))
    facts = places.Facts("/x", there=True, directory=True, uid=uid, gid=gid, mode=mode)

    assert places.work_out(facts, who)[0] == cause
    assert places.work_out(replace(facts, read_only=True), who)[0] == "read-only"
    assert places.work_out(replace(facts, full=True), who)[0] == "disk-full"


async def test_without_the_process_it_is_unknown(seen: Context) -> None:
    with pytest.raises(Unobservable):
        await look(replace(seen, replica=replace(seen.replica, main=None)))
    with pytest.raises(Unobservable):
        await look(replace(seen, replica=replace(seen.replica, cache_dir=None)))


def test_credentials_are_the_processes_own(main: Process, user: int) -> None:
    found = access.credentials(main)

    assert (found.uid, found.overrides) == (user, False)
