"""The host names that a replica serves, shared by the checks that ask about each of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from pomhealth.checks.context import Context
from pomhealth.checks.xds import ask, ask_json
from pomhealth.replica.routes import Host, hosts

ROUTES = "/config_dump?resource=dynamic_route_configs"
# With 10,000 routes this takes Envoy 45 ms, the dump itself 700 ms and 13 MB (Envoy 1.40).
_UPDATED = f"{ROUTES}&mask=last_updated"
_FRESH = 1.0  # seconds for which one answer serves every check that asks
_KEPT = "virtual hosts"
# Each list of domains in Envoy's JSON. Read as JSON, the dump of 10,000 routes would take 100 MB.
_TEXT = rb'"(?:[^"\\]|\\.)*"'
_DOMAINS = re.compile(rb'"domains":\s*\[((?:\s*' + _TEXT + rb",?)*)\s*\]")
_ONE = re.compile(_TEXT)


async def served_hosts(context: Context) -> tuple[tuple[Host, ...], float]:
    """The host names that users ask this replica for, each once, and the seconds that it took on Envoy's main thread.

    From its options; where those cannot be seen (Pomerium Zero), from the virtual hosts that Envoy runs.
    Raises Unobservable where neither can be had.
    """
    replica = context.replica
    if not replica.options.zero and "options" not in replica.missing:
        return hosts(replica.options), 0.0
    names, seconds = await running_hosts(context)
    return tuple(Host(name, 0, f"Envoy's {ROUTES}") for name in sorted(names) if name != "*"), seconds


async def running_hosts(context: Context) -> tuple[frozenset[str], float]:
    """Every host name in the route configurations that Envoy runs, in lower case and without ports, and the seconds.

    They are read again only when Envoy has taken over others since. Raises Unobservable.
    """

    async def ask_for_them() -> tuple[frozenset[str], float]:
        updated, seconds = await ask_json(context, _UPDATED)
        kept = context.notes.recall(_KEPT)
        if kept is not None and kept[0] == updated:
            return kept[1], seconds
        body, more = await ask(context, ROUTES, dear=True)
        names = frozenset(domains(body))
        context.notes.keep(_KEPT, (updated, names))
        return names, seconds + more

    (names, seconds), now = await context.notes.shared(_KEPT, ask_for_them, fresh=_FRESH)
    return names, seconds if now else 0.0


def domains(dump: bytes) -> Iterator[str]:
    """The domains of every virtual host in Envoy's dump of route configurations, without ports. Pure."""
    for found in _DOMAINS.finditer(dump):
        for text in _ONE.findall(found[1]):
            yield str(json.loads(text)).partition(":")[0].lower()
