"""From the replica, the settings and the machine to the values of one kind of supervisor, each with its origin. Pure."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from pomhealth.generate.facts import Facts
from pomhealth.generate.values import DEFAULTS, Values
from pomhealth.replica.model import Replica, Value
from pomhealth.settings import Settings, split_address
from pomhealth.settings_file import DEFAULT_PATH

DEFAULT = "default"

CONTAINERS = ("docker", "kubernetes", "ecs")

_RELEASE = re.compile(r"\d+\.\d+\.\d+(-[\w.]+)?")
_LINE = re.compile(r"(?P<file>/.*):\d+")  # a file's, behind its name
_CONTROL_GROUP = "the control group of the replica's process"
_PROCESS = "the replica's process"
_LOW = 1024  # where a container's own kernel settings are not known


class Unplaceable(Exception):  # noqa: N818  (a statement about the settings)
    """Settings of which no supervisor's file can be made: one line."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The values, and the origin of each that is not the default."""

    values: Values
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, name: str) -> str:
        return self.origins.get(name, DEFAULT)


def place(kind: str, replica: Replica | None, settings: Settings, file: str | None, seen: Facts) -> Placed:
    """The values for this kind. `file` is the settings file in force. Raises Unplaceable.

    In a container the image decides where programs and files are and as whom they run: of the machine only what is
    the replica's everywhere is taken over.
    """
    found = dict(_everywhere(replica, settings, seen))
    if kind == "systemd":
        found |= dict(_on_the_machine(replica, settings, file, seen))
    elif replica is not None:
        found |= dict(_in_containers(kind, replica, settings, seen))
    return Placed(
        replace(DEFAULTS, **{name: one.value for name, one in found.items()}),
        {name: _lasting(one.origin) for name, one in found.items() if one.origin != DEFAULT},
    )


def _everywhere(replica: Replica | None, settings: Settings, seen: Facts) -> Iterator[tuple[str, Value]]:
    _, port = split_address(settings.listen)
    if port == 0:
        raise Unplaceable(f"listen {settings.listen}: a supervisor has to know the port, and 0 is any")
    yield "agent_port", Value(port, settings.origin("listen"))
    yield "notice", Value(settings.drain_notice, settings.origin("drain_notice"))
    yield "limit", Value(settings.drain_limit, settings.origin("drain_limit"))
    if replica is None:
        return
    if seen.namespace and replica.platform.kind == "kubernetes":
        yield "namespace", Value(seen.namespace, "the service account of this pod")
    main = replica.endpoint("address")
    if main is not None:
        yield "main_port", Value(main.port, main.origin)
    release = _RELEASE.match(str(replica.version.value)) if replica.version is not None else None
    if release is not None and replica.version is not None:
        yield "pomerium_image", Value(f"pomerium/pomerium:v{release[0]}", replica.version.origin)
    if replica.storage is not None:
        yield "postgres", Value(replica.storage.kind == "postgres", replica.storage.origin)


def _on_the_machine(
    replica: Replica | None, settings: Settings, file: str | None, seen: Facts
) -> Iterator[tuple[str, Value]]:
    yield "listen", Value(_address(settings.listen), settings.origin("listen"))
    if seen.program is not None:
        yield "program", seen.program
    if file is not None and file != DEFAULT_PATH:
        yield "settings", Value(_absolute(file, seen), "the settings that this file was made with")
    if replica is None:
        return
    yield from _config(replica, settings, seen)
    if replica.health is not None:
        yield "own", Value(replica.health.asked_at, replica.health.origin)
    low = [one for one in replica.endpoints if 0 < one.port < seen.first_free]
    if replica.endpoints:
        needed = bool(low) and (replica.main is None or replica.main.uid != 0)
        yield "low_port", Value(needed, (low or replica.endpoints)[0].origin)
    if replica.main is None:
        return
    yield "as_root", Value(replica.main.uid == 0, _PROCESS)
    yield "user", Value(seen.user, _PROCESS)
    yield "group", Value(seen.group, _PROCESS)
    if seen.unit:
        yield "unit", Value(seen.unit, _CONTROL_GROUP)
    else:
        yield "unit", Value(DEFAULTS.unit, "default: no unit of this systemd runs the replica")


def _in_containers(
    kind: str, replica: Replica, settings: Settings, seen: Facts
) -> Iterator[tuple[str, Value]]:
    """Compose takes the configuration from the machine, ECS names it as the container has it."""
    main = replica.endpoint("address")
    if main is not None:
        yield "low_port", Value(main.port < _LOW, main.origin)
    contained = replica.platform.kind in CONTAINERS
    if contained == (kind == "ecs"):
        yield from _config(replica, settings, seen)


def _config(replica: Replica, settings: Settings, seen: Facts) -> Iterator[tuple[str, Value]]:
    if settings.pomerium_config:
        path = _absolute(settings.pomerium_config, seen)
        yield "config", Value(path, settings.origin("pomerium_config"))
        yield "meant", Value(path, settings.origin("pomerium_config"))
        return
    path = replica.options.path or seen.config
    if path.startswith("/"):
        yield "config", Value(path, "the replica's command line")
        if settings.pid is not None:
            yield "meant", Value(path, "the command line of the replica that was chosen")


def _address(listen: str) -> str:
    """As ListenStream= takes it, which knows no names (systemd.socket(5))."""
    host, port = split_address(listen)
    if host == "localhost":
        return f"127.0.0.1:{port}"
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise Unplaceable(f"listen {listen}: systemd listens on an IP address, not on a name") from None
    return listen


def _lasting(origin: str) -> str:
    """Without the line of a file, which the next edit changes."""
    line = _LINE.fullmatch(origin)
    return line["file"] if line is not None else origin


def _absolute(path: str, seen: Facts) -> str:
    return posixpath.normpath(posixpath.join(seen.directory, path))
