"""What Envoy says of itself, as far as it is cheap to ask and never secret. GET only.

Of each answer only what is named here is taken: the command line and the configuration may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from pomhealth.bundle.ask import Ask
from pomhealth.checks.xds import rejections
from pomhealth.replica.admin import EnvoyAdmin

_DEADLINE = 3.0  # seconds for one answer
_TIME = 3.5  # and with what it takes to say that there is none
_SERVER = ("version", "state", "hot_restart_version", "uptime_current_epoch", "uptime_all_epochs")
_OPTIONS = (
    "base_id",
    "use_dynamic_base_id",
    "concurrency",
    "log_level",
    "restart_epoch",
    "drain_time",
    "drain_strategy",
    "parent_shutdown_time",
    "mode",
    "cpuset_threads",
)
_REJECTED = "/config_dump?resource=dynamic_listeners&mask=name,error_state.details"
_MOST_LISTENERS = 1000


def asks(admin: EnvoyAdmin) -> tuple[Ask, ...]:
    """One question for each file."""
    return (
        Ask("envoy/ready.txt", "whether Envoy calls itself LIVE", _TIME, partial(_ready, admin)),
        Ask(
            "envoy/server.json",
            "Envoy's version, state, uptime and harmless options",
            _TIME,
            partial(_server, admin),
        ),
        Ask("envoy/listeners.json", "Envoy's listeners and addresses", _TIME, partial(_listeners, admin)),
        Ask(
            "envoy/rejected.json",
            "the listeners that Envoy rejected, and why",
            _TIME,
            partial(_rejected, admin),
        ),
    )


async def _ready(admin: EnvoyAdmin) -> str:
    answer = await admin.ask("/ready", deadline=_DEADLINE)
    return f"{answer.status} {answer.body[:64].decode('ascii', 'replace').strip()}\n"


async def _server(admin: EnvoyAdmin) -> dict[str, Any]:
    said = await admin.json("/server_info", deadline=_DEADLINE)
    return server(said if isinstance(said, dict) else {})


def server(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is taken of /server_info. Pure."""
    options = said.get("command_line_options")
    given = options if isinstance(options, dict) else {}
    return {
        **{name: said[name] for name in _SERVER if name in said},
        "options": {name: given[name] for name in _OPTIONS if name in given},
    }


async def _listeners(admin: EnvoyAdmin) -> list[dict[str, Any]]:
    return listeners(await admin.json("/listeners?format=json", deadline=_DEADLINE))


def listeners(said: Any) -> list[dict[str, Any]]:
    """What is taken of /listeners. Pure."""
    statuses = said.get("listener_statuses", []) if isinstance(said, dict) else []
    return [
        {"name": str(one.get("name", "")), "address": one.get("local_address")}
        for one in statuses[:_MOST_LISTENERS]
        if isinstance(one, dict)
    ]


async def _rejected(admin: EnvoyAdmin) -> list[dict[str, str]]:
    dump = await admin.json(_REJECTED, deadline=_DEADLINE)
    return [{"listener": one.name, "why": one.details} for one in rejections(dump)]
