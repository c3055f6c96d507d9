"""Faults of processes: stopped or killed."""

from __future__ import annotations

import os
import signal

from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults.fault import Fault
from pomhealth.demo.stage import Stage


def _hang_envoy(stage: Stage) -> str:
    pid = stage.replica.envoy_pid()
    os.kill(pid, signal.SIGSTOP)
    return f"sent SIGSTOP to Envoy (pid {pid}): it holds its ports and answers nobody"


def _wake_envoy(stage: Stage) -> str:
    if not stage.replica.running():
        return _restart(stage)
    pid = stage.replica.envoy_pid()
    os.kill(pid, signal.SIGCONT)
    return f"sent SIGCONT to Envoy (pid {pid})"


def _kill_envoy(stage: Stage) -> str:
    pid = stage.replica.envoy_pid()
    os.kill(pid, signal.SIGKILL)
    return f"sent SIGKILL to Envoy (pid {pid}): Pomerium ends when its Envoy does"


def _hang_pomerium(stage: Stage) -> str:
    _must_run(stage)
    os.kill(stage.replica.pid, signal.SIGSTOP)
    return f"sent SIGSTOP to Pomerium's main process (pid {stage.replica.pid}): Envoy goes on without it"


def _kill_pomerium(stage: Stage) -> str:
    _must_run(stage)
    os.kill(stage.replica.pid, signal.SIGKILL)
    return f"sent SIGKILL to Pomerium's main process (pid {stage.replica.pid}): its Envoy ends with it"


def _wake_pomerium(stage: Stage) -> str:
    if not stage.replica.running():
        return _restart(stage)
    os.kill(stage.replica.pid, signal.SIGCONT)
    return f"sent SIGCONT to Pomerium's main process (pid {stage.replica.pid})"


def _restart(stage: Stage) -> str:
    stage.replica.restart()
    return f"started the replica again (pid {stage.replica.pid})"


def _must_run(stage: Stage) -> None:
    if not stage.replica.running():
        raise DemoError("the replica does not run; start it again with: pomhealth demo --heal replica")


FAULTS = (
    Fault(
        "envoy-hang",
        "Envoy is stopped (SIGSTOP)",
        "envoy.server",
        "stopped",
        True,
        _hang_envoy,
        _wake_envoy,
        seen="silence",
    ),
    Fault(
        "envoy-kill",
        "Envoy is killed (SIGKILL)",
        "pomerium.process",
        "not-running",
        True,
        _kill_envoy,
        _restart,
        ends="replica",
    ),
    Fault(
        "pomerium-hang",
        "Pomerium's main process is stopped (SIGSTOP)",
        "pomerium.process",
        "stopped",
        True,
        _hang_pomerium,
        _wake_pomerium,
        seen="silence",
    ),
    Fault(
        "pomerium-kill",
        "Pomerium's main process is killed (SIGKILL)",
        "pomerium.process",
        "not-running",
        True,
        _kill_pomerium,
        _restart,
        ends="replica",
    ),
)
