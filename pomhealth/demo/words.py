"""What the demo says to a person."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable

from pomhealth.demo.faults import Fault
from pomhealth.demo.running import HOST
from pomhealth.demo.stage import Stage


def command() -> str:
    """How the person who reads this can call pomhealth: by its name where that is found, else as it was called."""
    called = sys.argv[0]
    if shutil.which("pomhealth") or not called.endswith("/pomhealth"):
        return "pomhealth"
    return min(called, os.path.relpath(called), key=len)


def starting(stage: Stage) -> str:
    """What is done first, for a terminal."""
    if stage.replicas == 1:
        return "Starting PostgreSQL, the replica and the agent…"
    return f"Starting PostgreSQL, {stage.replicas} replicas and their agents…"


def ready_line(stage: Stage) -> str:
    """The one line for where nobody watches."""
    replica = stage.replica
    return (
        f"ready: agent http://{stage.listen} (pid {stage.agent_pid}), "
        f"replica https://{HOST}:{replica.address[1]} (pid {replica.pid}, Envoy {replica.envoy_pid()}), "
        f"its own report http://{_where(replica.health)}, configuration {replica.config_path}{_moved(stage)}{_others(stage)}"
    )


def ready(stage: Stage) -> str:
    """Where to look and what to try, for a terminal."""
    replica = stage.replica
    lines = [
        f"A stand-in for Pomerium {replica.release} runs, around a real Envoy and a real PostgreSQL, with pomhealth beside it.",
        "",
        f"  agent           http://{stage.listen}  (pid {stage.agent_pid}, log {stage.agent_log})",
        f"  replica         https://{HOST}:{replica.address[1]}  (pid {replica.pid}, log {replica.log_path})",
        f"  Envoy           pid {replica.envoy_pid()}, admin http://{_where(replica.admin)}",
        f"  its own report  http://{_where(replica.health)}/status",
        f"  PostgreSQL      127.0.0.1:{stage.postgres.port}  (postmaster {stage.postgres.pids()[0]})",
        f"  configuration   {replica.config_path}",
    ]
    lines += [
        f"  note            {option}: port {usual} is taken here, so {port} is used"
        for option, (usual, port) in stage.moved.items()
    ]
    if stage.replicas > 1:
        lines += ["", *_cluster(stage)]
    to = "" if stage.listen == "127.0.0.1:28081" else f" -a {stage.listen}"
    lines += [
        "",
        "Look, in another terminal:",
        f"  curl -s {stage.listen}/readyz",
        f"  {command()} health{to}",
        f"  {command()} check --pomerium-config {replica.config_path}",
        *((f"  {command()} replicas{to}",) if stage.replicas > 1 else ()),
        "Break something, see it told, and heal it:",
        f"  {command()} demo --faults",
        f"  {command()} demo --break envoy-hang",
        f"  {command()} demo --heal all",
        "",
        "Ctrl-C ends it and leaves nothing behind.",
    ]
    return "\n".join(lines)


def broken(fault: Fault, done: str, listen: str) -> str:
    """What was done, what to watch, and how to undo it."""
    status = "503" if fault.stops else "200 still: this is only told"
    what = "readyz" if fault.stops else "alerts"
    return "\n".join(
        (
            done,
            f"  watch   curl -s {listen}/{what}   (/readyz answers {status}; {fault.check} says {fault.cause})",
            f"  undo    {command()} demo --heal {fault.name}",
        )
    )


def listing(faults: Iterable[Fault]) -> str:
    """Every fault: its name, what it does, and what the agent then finds."""
    rows = [(fault.name, fault.about, f"{fault.check}/{fault.cause}", _status(fault)) for fault in faults]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join((*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]))
        for row in rows
    )


def _status(fault: Fault) -> str:
    return ("/readyz 503" if fault.stops else "/readyz 200") + ("  (root only)" if fault.root else "")


def _moved(stage: Stage) -> str:
    notes = [f"{option} on {port} since {usual} is taken" for option, (usual, port) in stage.moved.items()]
    return f" ({', '.join(notes)})" if notes else ""


def _others(stage: Stage) -> str:
    agents = [
        f"http://{other.agent.listen} (pid {other.agent.pid}, replica pid {other.replica.pid})"
        for other in stage.companions.all
    ]
    return f"; the other agents {', '.join(agents)}" if agents else ""


def _cluster(stage: Stage) -> list[str]:
    """The other replicas, and where to look at all of them; the first is the one that faults are made in."""
    lines = [
        f"{stage.replicas} equal replicas share this PostgreSQL. Faults are made in the first, above; the others:",
        "",
    ]
    lines += [
        f"  replica {other.number}       https://{HOST}:{other.replica.address[1]}  "
        f"(pid {other.replica.pid}), agent http://{other.agent.listen}  (pid {other.agent.pid})"
        for other in stage.companions.all
    ]
    last = stage.companions.all[-1].agent.listen
    return [
        *lines,
        "",
        f"All of them on one page, with any of the agents: http://{last}/replicas",
    ]


def _where(where: tuple[str, int] | None) -> str:
    return f"{where[0]}:{where[1]}" if where is not None else "(none)"
