"""The host names that a replica serves, shared by the checks that ask about each of them."""

from __future__ import annotations

import json
import re

from pomhealth.checks.context import Context
from pomhealth.checks.kept import asked_or_kept
from pomhealth.checks.names import configured_hosts
from pomhealth.checks.notes import Notes
from pomhealth.checks.xds import ask, ask_json
from pomhealth.replica.routes import Host

ROUTES = "/config_dump?resource=dynamic_route_configs"
# With 10,000 routes this takes Envoy 45 ms, the dump itself 700 ms and 13 MB (Envoy 1.40).
_UPDATED = f"{ROUTES}&mask=last_updated"
_FRESH = 1.0  # seconds for which one answer serves every check that asks
_KEPT = "virtual hosts"
# Each list of domains in Envoy's JSON. Read as JSON, the dump of 10,000 routes would take 100 MB.
_KEY = b'"domains"'
_TEXT = rb'"(?:[^"\\]|\\.)*"'
_DOMAINS = re.compile(_KEY + rb":\s*\[((?:\s*" + _TEXT + rb",?)*)\s*\]")
_ONE = re.compile(_TEXT)


async def served_hosts(context: Context) -> tuple[tuple[Host, ...], float]:
    """The host names that users ask this replica for, each once, and the seconds that it took on Envoy's main thread.

    From its options; where those cannot be seen (Pomerium Zero), from the virtual hosts that Envoy runs.
    Raises Unobservable where neither can be had.
    """
    replica = context.replica
    if not replica.options.zero and "options" not in replica.missing:
        return configured_hosts(context), 0.0
    kept = await asked_or_kept(
        context, "served hosts", lambda: running_hosts(context), every=0.0, watching=True
    )
    names = (name for name in sorted(kept.answer) if name != "*")
    return tuple(Host(name, 0, f"Envoy's {ROUTES}") for name in names), kept.cost


async def running_hosts(context: Context) -> tuple[frozenset[str], float]:
    """Every host name in the route configurations that Envoy runs, in lower case and without ports, and the seconds
    that it takes to learn that they are still the same.

    They are read again only when Envoy has taken over others since. Raises Unobservable.
    """

    async def ask_for_them() -> tuple[frozenset[str], float]:
        updated, seconds = await ask_json(context, _UPDATED)
        kept = context.notes.recall(_KEPT)
        if kept is not None and kept[0] == updated:
            return kept[1], seconds
        domains = Domains()
        await ask(context, ROUTES, dear=True, take=domains.take)
        names = frozenset(domains.names)
        context.notes.keep(_KEPT, (updated, names))
        return names, seconds

    answer, _ = await context.notes.shared(_KEPT, ask_for_them, fresh=_FRESH)
    return answer


def known_hosts(notes: Notes) -> frozenset[str] | None:
    """The last answer of `running_hosts`, without a question to Envoy; None where none was asked for yet."""
    kept = notes.recall(_KEPT)
    return None if kept is None else frozenset(kept[1])


class Domains:
    """Takes Envoy's dump of route configurations in pieces: `names` are the domains of its virtual hosts so far."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._rest = b""

    def take(self, piece: bytes) -> None:
        """Takes the next piece; a list of domains that is not whole yet waits for the one after."""
        text = self._rest + piece
        end = 0
        for found in _DOMAINS.finditer(text):
            end = found.end()
            for name in _ONE.findall(found[1]):
                text_of = json.loads(name) if b"\\" in name else name[1:-1].decode("utf-8", "replace")
                self.names.add(text_of.partition(":")[0].lower())
        begun = text.rfind(_KEY, end)
        self._rest = text[begun:] if begun >= 0 else text[max(end, len(text) - len(_KEY)) :]
