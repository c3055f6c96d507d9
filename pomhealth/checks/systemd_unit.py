"""Do the installed systemd units do what they promise?

The unit is the one whose control group the replica's main process is in; besides it the agent's own, where it is
installed. While the replica is down, it is the one that the Linux package installs.
"""

from __future__ import annotations

from pomhealth.checks.context import Context
from pomhealth.checks.lowports import can_bind_low, low_ports
from pomhealth.replica.model import Replica
from pomhealth.status import Evidence, Finding, Unobservable, not_applicable, passed, warned
from pomhealth.systemd import ask
from pomhealth.systemd.lint import Low, Problem, drop_ins, problems
from pomhealth.systemd.place import Home
from pomhealth.systemd.unit import Unit

ID = "systemd.unit"

_DEADLINE = 3.0  # seconds
_PACKAGE = "pomerium.service"  # as Pomerium's Linux package names it
_OURS = "pomhealth.service"


async def look(context: Context) -> Finding:
    return await context.workers.call("systemd units", lambda: _see(context.replica), deadline=_DEADLINE)


def _see(replica: Replica) -> Finding:
    """Blocking. Raises Unobservable."""
    home = ask.home_of(replica.main.pid) if replica.main else Home(_PACKAGE if replica.awaited else "")
    if not ask.booted():
        if home.another or (home.unit and replica.main):
            raise Unobservable(
                f"the replica runs in {home.another or home.unit}, and systemd cannot be asked from here",
                "run the agent on the machine itself",
            )
        return not_applicable("systemd does not run this machine or container")
    seen = [unit for unit in ask.units(*dict.fromkeys((home.unit or _PACKAGE, _OURS))) if unit.loaded]
    runs_it = next((unit for unit in seen if unit.name == home.unit), None)
    installed = [unit for unit in seen if unit is runs_it or unit.name == _OURS]
    if home.another and runs_it is None:
        raise Unobservable(
            "the replica's unit is not this systemd's", f"{home.another}: run the agent beside that one"
        )
    if not installed:
        return not_applicable("no systemd unit runs this replica")
    low = None if home.contained else _low(replica)
    found = [one for unit in installed for one in problems(unit, low if unit is runs_it else None)]
    return _finding(installed, found)


def _low(replica: Replica) -> Low | None:
    if not replica.same_network:
        return None
    return Low(replica.endpoints, low_ports(), can_bind_low(replica.envoy or replica.main))


def _finding(installed: list[Unit], found: list[Problem]) -> Finding:
    names = " and ".join(unit.name for unit in installed)
    if not found:
        evidence = (
            Evidence(
                ", ".join(unit.files) or unit.name,
                f"watchdog {unit.watchdog:g} s, Restart={unit.restart}, start limit {unit.start_limit:g} s, "
                f"user {unit.user}",
                "a watchdog only with a restart, waits within their limits, the rights that the ports need",
            )
            for unit in installed
        )
        return passed(f"{names}: nothing in it contradicts itself", *evidence)
    first = found[0]
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return warned(
        first.cause,
        first.summary + more,
        *(one.evidence for one in found),
        steps=drop_ins(found),
        names=first.names,
    )
