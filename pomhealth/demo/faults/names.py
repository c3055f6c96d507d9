"""Faults of names: the resolver is silent."""

from __future__ import annotations

import contextlib
import time

from pomhealth.demo.errors import DemoError
from pomhealth.demo.faults.database import END_SESSIONS, sql
from pomhealth.demo.faults.fault import Fault
from pomhealth.demo.nameserver import NameServer, View
from pomhealth.demo.stage import DATABASE, Stage

_SILENT, _VIEW = "dns-silent", "dns-silent: view"
_NAME = "postgres.demo.test"
_PATIENCE = 15.0  # seconds


def _name(stage: Stage) -> None:
    """Lets PostgreSQL be known by a name, which a name server of the demo's tells to the replica and the agent."""
    server = NameServer(_NAME)
    try:
        stage.hold(_SILENT, server.close)
    except DemoError:
        server.close()
        raise
    stage.home[_SILENT] = server
    view = View(stage.directory / "names")
    stage.hold(_VIEW, view.close)
    _move(stage, view.descriptor, stage.postgres.dsn(DATABASE).replace("@127.0.0.1:", f"@{_NAME}:"))


def _fall_silent(stage: Stage) -> str:
    stage.home[_SILENT].silent = True
    sql(stage, END_SESSIONS)
    return (
        f"silenced the name server that knows {_NAME}, as PostgreSQL is called meanwhile, and ended the sessions: "
        "who connects again waits for an answer to its name"
    )


def _speak(stage: Stage) -> str:
    server = stage.home.get(_SILENT)
    if server is not None:
        server.silent = False
    return "let the name server answer again, and called PostgreSQL by its address"


def _forget(stage: Stage) -> None:
    """As it was before: the replica and the agent see this machine's own name servers, and no name is needed."""
    if stage.home.pop(_SILENT, None) is not None:
        _move(stage, None, stage.postgres.dsn(DATABASE))
    stage.let_go(_VIEW)
    stage.let_go(_SILENT)


def _move(stage: Stage, view: int | None, dsn: str) -> None:
    """Starts the replica and the agent again, in this view of the file system."""
    stage.view = stage.replica.view = view
    stage.replica.dsn = dsn
    if stage.replica.options["databroker_storage_type"] == "postgres":
        stage.replica.rewrite(databroker_storage_connection_string=dsn)
    stage.stop_agent()
    stage.replica.restart()
    stage.start_agent()
    with contextlib.suppress(
        DemoError
    ):  # with another fault standing it does not get ready, and does its work
        stage.wait_for_agent(time.monotonic() + _PATIENCE)


FAULTS = (
    Fault(
        _SILENT,
        "the name server does not answer",
        "storage.backend",
        "timeout",
        True,
        _fall_silent,
        _speak,
        file=True,
        prepare=_name,
        seen="silence",
        root=True,
        tidy=_forget,
    ),
)
