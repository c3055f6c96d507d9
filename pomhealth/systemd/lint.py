"""What a unit promises and does not do. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pomhealth.client.usage import UsageError, parse
from pomhealth.replica.model import Endpoint
from pomhealth.status import Evidence
from pomhealth.systemd.unit import Command, Unit

WATCHDOG, WAIT, CAPABILITY = "watchdog-without-restart", "wait-too-long", "missing-capability"
_STARTS_AGAIN = (
    "always",
    "on-failure",
    "on-abnormal",
    "on-watchdog",
)  # after a watchdog's end (systemd.service(5))
_BIND = "cap_net_bind_service"
_AMBIENT = "AmbientCapabilities=CAP_NET_BIND_SERVICE"
_MARGIN = 5.0  # seconds between the end of a wait, which tells why, and systemd's limit, which tells nothing
_ROUND = 10  # seconds: limits are proposed in steps of so many
_SHELL = (";", "&&", "||", "|", "&")


@dataclass(frozen=True, slots=True)
class Problem:
    """One promise that a unit does not keep. `lines` belong below [Service] in a drop-in to cure it.

    `names` fills the words in capitals of the catalogue's steps; `usual` tells that those say the same lines.
    """

    cause: str
    unit: str
    summary: str
    evidence: Evidence
    lines: tuple[str, ...]
    names: tuple[tuple[str, str], ...] = ()
    usual: bool = True


@dataclass(frozen=True, slots=True)
class Low:
    """The addresses of the replica's configuration whose port needs a right, the first port that needs none, and
    whether the running replica has that right (None where that cannot be seen).
    """

    asked: tuple[Endpoint, ...] = ()
    first_free: int = 1024
    granted: bool | None = None


def problems(unit: Unit, low: Low | None = None) -> tuple[Problem, ...]:
    """What is wrong with a unit, worst first. `low` where it runs the replica, as one of its own processes."""
    return (*(_capability(unit, low) if low is not None else ()), *_waits(unit), *_watchdog(unit))


def drop_ins(found: Sequence[Problem]) -> tuple[str, ...]:
    """What to add to each unit, all of it in one step; nothing where the catalogue's step says just that."""
    if len(found) == 1 and found[0].usual:
        return ()
    units = dict.fromkeys(one.unit for one in found)
    return tuple(_drop_in(unit, [one for one in found if one.unit == unit]) for unit in units)


def _drop_in(unit: str, found: Sequence[Problem]) -> str:
    lines = ", ".join(f"`{line}`" for one in found for line in one.lines)
    again = any(one.cause == CAPABILITY for one in found)
    then = f", then `systemctl restart {unit}`" if again else ""
    return f"Mend all of it at once: `systemctl edit {unit}`, add `[Service]`, {lines}{then}."


def _watchdog(unit: Unit) -> Iterator[Problem]:
    if unit.watchdog <= 0 or unit.restart in _STARTS_AGAIN:
        return
    yield Problem(
        WATCHDOG,
        unit.name,
        f"the watchdog of {unit.name} ends it after {unit.watchdog:g} s of silence, "
        f"and with Restart={unit.restart} nothing starts it again",
        Evidence(
            unit.where("WatchdogSec"),
            f"a watchdog of {unit.watchdog:g} s with Restart={unit.restart}",
            f"Restart= {', '.join(_STARTS_AGAIN[:-1])} or {_STARTS_AGAIN[-1]}",
        ),
        ("Restart=on-failure",),
        (("UNIT", unit.name),),
    )


def _waits(unit: Unit) -> Iterator[Problem]:
    for command in unit.commands:
        limit, setting = (
            (unit.stop_limit, "TimeoutStopSec")
            if command.directive.startswith("ExecStop")
            else (unit.start_limit, "TimeoutStartSec")
        )
        wait = waits_for(command)
        if wait is None or wait + _MARGIN <= limit:
            continue
        enough = math.ceil((wait + _MARGIN) / _ROUND) * _ROUND
        yield Problem(
            WAIT,
            unit.name,
            f"{unit.name} waits up to {wait:g} s in {command.directive}, "
            f"and systemd gives it up after {limit:g} s ({setting})",
            Evidence(
                unit.where(command.directive, "pomhealth"),
                f"a wait of {wait:g} s, {setting} is {limit:g} s",
                f"{setting} at least {_MARGIN:g} s longer than the wait, so that its reason is told",
            ),
            (f"{setting}={enough}",),
            (("UNIT", unit.name), ("SECONDS", str(enough)), ("WAIT", f"{wait:g}")),
            usual=setting == "TimeoutStartSec",
        )


def waits_for(command: Command) -> float | None:
    """The seconds that this command of ours may take, where it says so: a wait for health, or a drain's limit."""
    words = list(command.argv)
    while words:
        word = words.pop(0)
        if word.rpartition("/")[2] != "pomhealth" or not words:
            continue
        what, rest = words[0], words[1:]
        end = next((index for index, one in enumerate(rest) if one in _SHELL), len(rest))
        if what == "health":
            return _wait(rest[:end])
        if what == "drain":
            return _limit(rest[:end])
    return None


def _wait(arguments: list[str]) -> float | None:
    try:
        return parse(arguments, {}).wait or None
    except UsageError:
        return None


def _limit(arguments: list[str]) -> float | None:
    """What follows --timeout; read as `health` reads it."""
    found = None
    for index, word in enumerate(arguments):
        name, equals, value = word.partition("=")
        if name == "--timeout":
            found = value if equals else (arguments[index + 1 : index + 2] or [""])[0]
    return _wait(["--wait", found]) if found is not None else None


def _capability(unit: Unit, low: Low) -> Iterator[Problem]:
    asked = [one for one in low.asked if 0 < one.port < low.first_free]
    if not asked or (low.granted and not unit.private_users):
        return
    lack = _lack(unit)
    if lack is None:
        return
    directive, observed, lines = lack
    named = ", ".join(f"{one.where} ({one.origin})" for one in asked)
    yield Problem(
        CAPABILITY,
        unit.name,
        f"{unit.name} lets the replica open no port under {low.first_free}, and its configuration asks for {named}: "
        f"{observed}",
        Evidence(unit.where(directive), observed, f"CAP_NET_BIND_SERVICE, for {named}"),
        lines,
        (("UNIT", unit.name), ("PORT", str(asked[0].port))),
        usual=lines == (_AMBIENT,),
    )


def _lack(unit: Unit) -> tuple[str, str, tuple[str, ...]] | None:
    """The directive at fault, what is seen of it, and the lines that mend it; None where the unit gives the right."""
    ordinary = unit.user not in ("root", "0")
    lines = []
    at_fault = []
    if unit.private_users:
        at_fault.append(("PrivateUsers", "PrivateUsers= is on, which takes every right outside it away"))
        lines.append("PrivateUsers=no")
    if ordinary and unit.ambient is not None and _BIND not in unit.ambient:
        at_fault.append(("User", f"it runs as {unit.user}, without {_AMBIENT}"))
        lines.append(_AMBIENT)
    if unit.bounding is not None and _BIND not in unit.bounding:
        at_fault.append(("CapabilityBoundingSet", "CapabilityBoundingSet= leaves CAP_NET_BIND_SERVICE out"))
        lines.append("CapabilityBoundingSet=CAP_NET_BIND_SERVICE")
    if not at_fault:
        return None
    return at_fault[0][0], "; ".join(text for _, text in at_fault), tuple(lines)
