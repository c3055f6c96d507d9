"""What Envoy made of the listeners that Pomerium sent it, asked as the budget of its main thread allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pomhealth.checks.context import Context
from pomhealth.checks.kept import Kept, asked_or_kept
from pomhealth.checks.listeners import place
from pomhealth.checks.xds import LISTENERS, Rejection, ask_json, rejections

_EVERY = 5.0  # seconds for which its dump serves, while the sockets are looked at more often


@dataclass(frozen=True, slots=True)
class Listeners:
    """Of Envoy's dump: the addresses of the listeners that serve by their names, and what it rejected."""

    active: Mapping[str, str]
    rejected: tuple[Rejection, ...]


async def sent_listeners(
    context: Context, *, watching: bool = False, urgent: bool = False
) -> Kept[Listeners]:
    """The listeners as Envoy told of them last; `watching` and `urgent` as asked_or_kept has them. Raises Unobservable."""

    async def ask() -> tuple[Listeners, float]:
        dump, seconds = await ask_json(context, LISTENERS)
        return Listeners(active(dump), rejections(dump)), seconds

    return await asked_or_kept(context, LISTENERS, ask, every=_EVERY, watching=watching, urgent=urgent)


def active(dump: Any) -> dict[str, str]:
    """HOST:PORT of each of Envoy's dynamic listeners that serves, by the listener's name."""
    found = {}
    for entry in dump.get("configs", []):
        listener = entry.get("active_state", {}).get("listener", {})
        address = listener.get("address", {}).get("socket_address", {})
        if listener.get("name") and "port_value" in address:
            host = address.get("address", "")
            found[str(listener["name"])] = place(host, address["port_value"])
    return found
