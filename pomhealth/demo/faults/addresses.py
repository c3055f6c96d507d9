"""Faults of the main port: another program holds it at start, or another replica shares it."""

from __future__ import annotations

from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults.fault import Fault
from pomhealth.demo.running import RunningReplica
from pomhealth.demo.stage import Stage

_AT_START, _SHARED = "port-taken-at-start", "port-shared"


def _squat(stage: Stage) -> None:
    host, port = stage.replica.address
    stage.replica.stop()
    try:
        stage.squat(_AT_START, host, port)
    except DemoError:
        stage.replica.start()
        raise


def _start(stage: Stage) -> str:
    host, port = stage.replica.address
    stage.replica.start(until_ready=False)
    return f"restarted the replica while another program (port-squatter) holds {host}:{port}"


def _free(stage: Stage) -> str:
    host, port = stage.replica.address
    stage.leave(_AT_START)
    stage.replica.restart()
    return f"ended the program that held {host}:{port}, and restarted the replica"


def _second(stage: Stage) -> None:
    """A second replica, on ports of its own as yet."""
    if stage.holds(_SHARED):
        return
    first = stage.replica
    second = RunningReplica(stage.directory / "second", release=first.release)
    stage.hold(_SHARED, second.stop)
    stage.home[_SHARED] = second
    try:
        second.start()
    except DemoError:
        _end_second(stage)
        raise


def _share(stage: Stage) -> str:
    host, port = stage.replica.address
    second = stage.home[_SHARED]
    second.rewrite(address=f"{host}:{port}", routes=stage.replica.options["routes"])
    return (
        f"moved a second replica (pid {second.pid}) to {host}:{port}: both take connections there, without an error "
        "on either side"
    )


def _end_second(stage: Stage) -> str:
    stage.home.pop(_SHARED, None)
    stage.let_go(_SHARED)
    return "ended the second replica"


FAULTS = (
    Fault(
        _AT_START,
        "the replica is restarted while its main port is taken",
        "xds.listener",
        "port-taken",
        True,
        _start,
        _free,
        prepare=_squat,
        seen="look",
    ),
    Fault(
        _SHARED,
        "a second replica shares the main port",
        "xds.listener",
        "shared-port",
        True,
        _share,
        _end_second,
        prepare=_second,
        seen="look",
    ),
)
