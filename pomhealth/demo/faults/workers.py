"""Faults inside Envoy: a worker that does nothing else."""

from __future__ import annotations

from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults.fault import Fault
from pomhealth.demo.frozen import Crowd, Frozen, threads_named
from pomhealth.demo.stage import Stage

_BUSY, _CLIENTS = "envoy-worker-busy", "envoy-worker-busy: clients"


def _connect(stage: Stage) -> None:
    if not stage.holds(_CLIENTS):
        stage.hold(_CLIENTS, Crowd(stage.replica.address).close)


def _hold(stage: Stage) -> str:
    pid = stage.replica.envoy_pid()
    workers = threads_named(pid, "wrk:worker")
    if not workers:
        stage.let_go(_CLIENTS)
        raise DemoError(f"Envoy (pid {pid}) has no worker yet")
    try:
        stage.hold(_BUSY, Frozen(workers[0]).close)
    except DemoError:
        stage.let_go(_CLIENTS)
        raise
    return (
        f"held one of Envoy's {len(workers)} workers still (thread {workers[0]}), while clients keep connecting: "
        "those that it is given wait, the others are served"
    )


def _free(stage: Stage) -> str:
    stage.let_go(_BUSY)
    stage.let_go(_CLIENTS)
    return "let the worker go on"


FAULTS = (
    Fault(
        _BUSY,
        "one of Envoy's workers is held still",
        "envoy.server",
        "hung",
        True,
        _hold,
        _free,
        prepare=_connect,
        seen="silence",
    ),
)
