"""Which processes are replicas, and what is read of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from pomhealth.replica import processes
from pomhealth.status import Unobservable
from tests.replica.little import Little, home_of

Until = Callable[[Callable[[], object]], None]


def test_a_process_is_named_by_its_id_and_its_start() -> None:
    me = processes.process(os.getpid())
    assert me is not None
    assert (os.getpid(), os.geteuid(), os.getegid()) == (me.pid, me.uid, me.gid)
    assert processes.state(me) in ("R", "S")
    assert None is processes.state(type(me)(me.pid, me.started + 1, 0, 0))
    assert 0 <= processes.age(me) < 24 * 3600


def test_a_process_that_ended_is_none(until: Until) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    found = processes.process(child.pid)
    assert found is not None
    until(lambda: processes.state(found) == "Z")
    assert None is processes.process(child.pid), "it has ended, though nobody has asked how"
    child.wait(10)
    assert None is processes.state(found)
    assert None is processes.stat(child.pid)


def test_a_stopped_process_is_still_there(little: Little, until: Until) -> None:
    child = little.replica()
    os.kill(child.pid, signal.SIGSTOP)
    found = processes.process(child.pid)
    assert found is not None
    until(lambda: processes.state(found) == "T")


def test_a_process_called_pomerium_is_a_replica_and_its_subcommands_are_not(little: Little) -> None:
    serving = little.replica("--config", "pomerium.yaml", config="")
    asking = little.replica("health")
    found = {one.pid for one in processes.replicas()}
    assert serving.pid in found
    assert asking.pid not in found
    assert processes.is_replica(serving.pid)
    assert not processes.is_replica(os.getpid())


def test_the_command_line_the_environment_and_the_directory_are_read(little: Little) -> None:
    child = little.replica("--config", "a b.yaml", env={"ADDRESS": ":1", "EMPTY": ""})
    assert list(processes.argv(child.pid)[-2:]) == ["--config", "a b.yaml"]
    environment = processes.environment(child.pid)
    assert (environment["ADDRESS"], environment["EMPTY"]) == (":1", "")
    assert str(home_of(child)) == processes.cwd(child.pid)
    assert processes.executable(child.pid).startswith("/")
    assert processes.root(child.pid) == ""
    assert processes.same_network(child.pid)
    assert f"pomerium (pid {child.pid})" == processes.named(child.pid)


def test_envoys_are_the_children_called_envoy_the_newest_last(little: Little, until: Until) -> None:
    directories = [little.directory / "one", little.directory / "two"]
    for directory in directories:
        directory.mkdir()
    main = processes.process(little.replica(envoys=directories).pid)
    assert main is not None
    until(lambda: len(processes.envoys(main)) == 2)
    first, second = processes.envoys(main)
    assert (first.started, first.pid) < (second.started, second.pid)
    assert {str(directory) for directory in directories} == {
        processes.cwd(one.pid) for one in (first, second)
    }
    strangers = processes.Strangers()
    assert not strangers.have_envoy(main, (first, second))
    assert strangers.have_envoy(main, (first,))


def test_a_wrapper_of_the_same_name_is_not_the_replica(little: Little, until: Until) -> None:
    """A script `pomerium` that starts the real `pomerium` and waits: the one with the Envoy counts."""
    (little.directory / "envoy").mkdir()
    inner = little.replica(envoys=[little.directory / "envoy"])
    home = home_of(inner)
    script = f"#!/bin/sh\nHOME={home} ENVOYS={little.directory / 'envoy'} {home / 'pomerium'} --config x\n:\n"
    wrapper = little.replica(program=script.encode())
    until(lambda: [one for one in processes.replicas() if processes.stat(one.pid).parent == wrapper.pid])  # type: ignore[union-attr]
    assert wrapper.pid not in {one.pid for one in processes.replicas()}


def test_what_has_ended_cannot_be_read() -> None:
    for look in (processes.environment, processes.cwd, processes.executable, processes.root):
        with pytest.raises(Unobservable, match="has ended"):
            look(2**22 + 1)
    assert processes.argv(2**22 + 1) == ()
