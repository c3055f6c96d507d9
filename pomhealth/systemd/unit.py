"""What systemd says of a unit, as values: `systemctl show` and unit files, read. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

PROPERTIES = (
    "Id",
    "LoadState",
    "ActiveState",
    "FragmentPath",
    "DropInPaths",
    "Restart",
    "WatchdogUSec",
    "TimeoutStartUSec",
    "TimeoutStopUSec",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecStop",
    "ExecStopPost",
    "User",
    "DynamicUser",
    "PrivateUsers",
    "AmbientCapabilities",
    "CapabilityBoundingSet",
)
_SECONDS = {
    "us": 1e-6,
    "usec": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,  # either letter has been seen
    "ms": 1e-3,
    "msec": 1e-3,
    "": 1.0,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "w": 604800.0,
    "week": 604800.0,
    "month": 2629800.0,
    "y": 31557600.0,
    "year": 31557600.0,
}
_SPAN = re.compile(r"\s*([0-9.]+)\s*([a-zµμ]*)")
_COMMAND = re.compile(r"argv\[\]=(.*?) ; (?:ignore_errors|flags)=")


@dataclass(frozen=True, slots=True)
class Setting:
    """One line of a unit file, continued lines as one: FILE:LINE, and what stands there."""

    where: str
    value: str


@dataclass(frozen=True, slots=True)
class Command:
    """One command that the unit runs, under its directive: ("ExecStartPost", ("/usr/bin/pomhealth", "health"))."""

    directive: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit. Times in seconds: `watchdog` is 0 without one, the limits are infinite without one.

    `ambient` and `bounding` are capabilities by name, None where systemd does not say them so.
    `settings` are the [Service] lines of its files by directive, in the order in which they count.
    """

    name: str
    loaded: bool = False
    active: bool = False
    files: tuple[str, ...] = ()
    restart: str = "no"
    watchdog: float = 0.0
    start_limit: float = math.inf
    stop_limit: float = math.inf
    commands: tuple[Command, ...] = ()
    user: str = ""
    private_users: bool = False
    ambient: frozenset[str] | None = None
    bounding: frozenset[str] | None = None
    settings: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)

    def where(self, directive: str, word: str = "") -> str:
        """FILE:LINE of the last line of this directive (that holds `word`); the unit's first file without one."""
        fitting = [line for line in self.settings.get(directive, ()) if word in line.value]
        if fitting:
            return fitting[-1].where
        return self.files[0] if self.files else self.name


def read_show(text: str) -> tuple[dict[str, tuple[str, ...]], ...]:
    """The output of `systemctl show`: for each unit, its properties, each with every value it was printed with."""
    units = []
    for block in text.strip().split("\n\n"):
        properties: dict[str, tuple[str, ...]] = {}
        for line in block.splitlines():
            name, equals, value = line.partition("=")
            if equals:
                properties[name] = (*properties.get(name, ()), value)
        units.append(properties)
    return tuple(units)


def read_file(path: str, text: str) -> tuple[tuple[str, Setting], ...]:
    """The [Service] lines of a unit file, with their directives."""
    found = []
    section, started, whole = "", 0, ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith(("#", ";")):
            continue
        whole, started = (whole + " " + line.strip(), started) if whole else (line.strip(), number)
        if whole.endswith("\\"):
            whole = whole[:-1].rstrip() or " "
            continue
        directive, equals, value = whole.partition("=")
        if whole.startswith("[") and whole.endswith("]"):
            section = whole
        elif equals and section == "[Service]":
            found.append((directive.strip(), Setting(f"{path}:{started}", value.strip())))
        whole = ""
    return tuple(found)


def unit_of(properties: Mapping[str, tuple[str, ...]], lines: Iterable[tuple[str, Setting]] = ()) -> Unit:
    """The unit of these properties, and of the lines of its files in the order in which systemd reads them."""

    def said(name: str) -> str:
        return properties.get(name, ("",))[-1]

    settings = _in_force(lines)
    active = said("ActiveState") in ("active", "activating", "reloading", "deactivating")
    watchdog = seconds(said("WatchdogUSec"))
    if not active and settings.get("WatchdogSec"):  # of a unit at rest systemd does not tell it
        watchdog = seconds(settings["WatchdogSec"][-1].value)
    user = said("User")
    return Unit(
        name=said("Id"),
        loaded=said("LoadState") == "loaded",
        active=active,
        files=tuple(path for path in (said("FragmentPath"), *said("DropInPaths").split()) if path),
        restart=said("Restart") or "no",
        watchdog=0.0 if math.isinf(watchdog) else watchdog,
        start_limit=seconds(said("TimeoutStartUSec")) or math.inf,
        stop_limit=seconds(said("TimeoutStopUSec")) or math.inf,
        commands=tuple(
            Command(directive, tuple(argv[1].split()))
            for directive in PROPERTIES
            if directive.startswith("Exec")
            for value in properties.get(directive, ())
            if (argv := _COMMAND.search(value))
        ),
        user=user or (said("Id") if said("DynamicUser") == "yes" else "root"),
        private_users=said("PrivateUsers") not in ("", "no"),
        ambient=_capabilities(properties, "AmbientCapabilities"),
        bounding=_capabilities(properties, "CapabilityBoundingSet"),
        settings=settings,
    )


def seconds(text: str) -> float:
    """A time span as systemd writes it ("2min 10s", "infinity"); 0 for an empty or unreadable one."""
    if text.strip() == "infinity":
        return math.inf
    total, rest = 0.0, text.strip().lower()
    while rest:
        part = _SPAN.match(rest)
        if part is None:
            return 0.0
        word = part[2]
        scale = _SECONDS.get(word, _SECONDS.get(word.removesuffix("s")))
        try:
            total += float(part[1]) * (scale if scale is not None else math.nan)
        except ValueError:
            return 0.0
        rest = rest[part.end() :]
    return 0.0 if math.isnan(total) else total


def _in_force(lines: Iterable[tuple[str, Setting]]) -> dict[str, tuple[Setting, ...]]:
    """By directive; an empty value takes back the lines before it."""
    found: dict[str, tuple[Setting, ...]] = {}
    for directive, line in lines:
        found[directive] = (*found.get(directive, ()), line) if line.value else ()
    return found


def _capabilities(properties: Mapping[str, tuple[str, ...]], name: str) -> frozenset[str] | None:
    if name not in properties:
        return None
    words = properties[name][-1].split()
    return frozenset(words) if all(word.startswith("cap_") for word in words) else None
