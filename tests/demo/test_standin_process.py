"""The stand-in's processes look, start and end as live replicas' were seen to."""

from __future__ import annotations

import json
import os
import signal
import socket
import tempfile
from functools import partial
from pathlib import Path

import psutil
import pytest

from pomhealth.demo.errors import DemoError
from pomhealth.demo.ports import free_ports
from tests.demo.looking import messages, recorded, until
from tests.standin import StandIn

RELEASES = ("v0.30.8", "v0.31.3", "v0.32.9", "v0.33.1")


def test_is_named_and_called_as_pomerium(standin: StandIn) -> None:
    replica = standin()
    assert Path(f"/proc/{replica.pid}/comm").read_text() == "pomerium\n"
    assert Path(f"/proc/{replica.pid}/cmdline").read_bytes() == b"pomerium\0--config\0pomerium.yaml\0"
    assert Path(f"/proc/{replica.pid}/cwd").resolve() == replica.directory.resolve()


@pytest.mark.parametrize("release", RELEASES)
def test_envoy_is_started_as_the_release_starts_it(standin: StandIn, release: str) -> None:
    replica = standin(release)
    envoy = psutil.Process(replica.envoy_pid())
    directory = Path(envoy.cwd())
    assert directory.parent == replica.tmpdir
    assert directory.name.startswith("pomerium-envoy")
    assert directory.stat().st_mode & 0o777 == 0o700
    assert envoy.exe() == str(directory / "envoy")
    _, command = (line.split(" ") for line in recorded_lines(release))
    numbers = command.index("--base-id") + 1
    expected = [str(directory / "envoy"), *command[1:-1]]
    expected[numbers] = envoy.cmdline()[numbers]
    assert envoy.cmdline() == expected
    pipe = json.loads((directory / "envoy-config.yaml").read_text())["admin"]["address"]["pipe"]
    if release == "v0.33.1":
        assert pipe["path"].startswith("@")
    else:
        assert pipe == {"path": str(replica.tmpdir / "pomerium-envoy-admin.sock"), "mode": 0o600}
        assert Path(pipe["path"]).stat().st_mode & 0o777 == 0o600


def recorded_lines(release: str) -> list[str]:
    header, _ = recorded(f"healthy-{release}", "cmdlines.txt")
    return [line.replace("--config base.yaml", "--config f.yaml") for line in header.splitlines()][:2]


def test_the_admin_socket_can_be_put_into_a_directory(standin: StandIn) -> None:
    with tempfile.TemporaryDirectory() as short:  # a socket's path has room for 107 bytes
        _put_into(Path(short), standin)


def _put_into(place: Path, standin: StandIn) -> None:
    replica = standin(env={"POMERIUM_SOCKET_DIRECTORY": str(place)})
    directory = Path(psutil.Process(replica.envoy_pid()).cwd())
    pipe = json.loads((directory / "envoy-config.yaml").read_text())["admin"]["address"]["pipe"]
    assert Path(pipe["path"]).parent == place
    assert Path(pipe["path"]).is_socket()


def test_envoy_inherits_the_environment(standin: StandIn) -> None:
    replica = standin(env={"SOMETHING": "of its own"})
    assert psutil.Process(replica.envoy_pid()).environ()["SOMETHING"] == "of its own"


def test_the_environment_wins_over_the_file(standin: StandIn) -> None:
    [port] = free_ports(1)
    replica = standin(env={"ADDRESS": f"127.0.0.1:{port}"})
    assert replica.address == ("127.0.0.1", port)
    assert replica.answers()


def test_the_replica_ends_when_envoy_is_killed(standin: StandIn) -> None:
    replica = standin()
    os.kill(replica.envoy_pid(), signal.SIGKILL)
    assert replica.wait() == 1
    assert messages(replica, "envoy: subprocess exited")[0]["level"] == "fatal"


def test_envoy_ends_when_the_replica_is_killed(standin: StandIn) -> None:
    replica = standin()
    envoy = psutil.Process(replica.envoy_pid())
    os.kill(replica.pid, signal.SIGKILL)
    envoy.wait(3)


def test_sigterm_closes_everything_at_once(standin: StandIn) -> None:
    replica = standin()
    os.kill(replica.pid, signal.SIGTERM)
    for where in (replica.health, replica.address, replica.redirect):
        assert where is not None
        until(partial(is_closed, where), f"{where} is closed", 2.0)
    assert replica.wait() == 0


def is_closed(where: tuple[str, int]) -> bool:
    try:
        socket.create_connection(where, 1.0).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize("victim", ["main", "envoy", "both"])
def test_stopping_works_on_stopped_processes(standin: StandIn, victim: str) -> None:
    replica = standin()
    envoy = psutil.Process(replica.envoy_pid())
    if victim != "main":
        envoy.suspend()
    if victim != "envoy":
        psutil.Process(replica.pid).suspend()
    replica.stop()
    assert not envoy.is_running()
    assert not replica.running()


def test_nothing_stays_in_shared_memory(standin: StandIn) -> None:
    replica = standin()
    base_id = int((replica.tmpdir / "pomerium-envoy-base-id").read_text())
    assert Path(f"/dev/shm/envoy_shared_memory_{base_id * 10}").exists()
    replica.stop()
    assert not Path(f"/dev/shm/envoy_shared_memory_{base_id * 10}").exists()


def test_restarting_gives_new_processes_with_the_same_files(standin: StandIn) -> None:
    replica = standin()
    before = (replica.pid, replica.envoy_pid())
    replica.restart()
    assert replica.answers()
    assert replica.pid != before[0]
    assert replica.envoy_pid() != before[1]


def test_an_invalid_configuration_stops_the_start(standin: StandIn) -> None:
    with pytest.raises(DemoError, match=r"ended: .*bad source url"):
        standin(routes=[{"from": "nowhere", "to": "http://127.0.0.1:1"}])


def test_several_run_side_by_side(standin: StandIn) -> None:
    first, second = standin(), standin()
    assert first.answers()
    assert second.answers()
    first.stop()
    assert second.answers()


def test_a_changed_log_level_restarts_envoy_hot(standin: StandIn) -> None:
    replica = standin(env={"POMHEALTH_STANDIN_OVERLAP": "2"})
    old = psutil.Process(replica.envoy_pid())
    replica.rewrite(log_level="warn")
    until(lambda: replica.envoy_pid() != old.pid, "another Envoy is there")
    new = psutil.Process(replica.envoy_pid()).cmdline()
    assert (new[new.index("--restart-epoch") + 1], new[new.index("--log-level") + 1]) == ("1", "warning")
    assert new[new.index("--base-id") + 1] == old.cmdline()[new.index("--base-id") + 1]
    until(lambda: not old.is_running(), "the old Envoy has ended")
    assert replica.running()
    assert replica.answers()
