"""From the replica, the settings and the machine to the values of one kind of supervisor, each with its origin. Pure."""

from __future__ import annotations

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

_IN_CONTAINERS = ("docker", "kubernetes", "ecs")
_RELEASE = re.compile(r"\d+\.\d+\.\d+(-[\w.]+)?")
_LINE = re.compile(r"(?P<file>/.*):\d+")  # a file's, behind its name
_CONTROL_GROUP = "the control group of the replica's process"
_PROCESS = "the replica's process"
_HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")  # noqa: S108  (from a service with its own view)
_CARRIED = ("listen", "pid", "pomerium_config", "drain_on_stop", "drain_notice", "drain_limit")


class Unplaceable(Exception):  # noqa: N818  (a statement about the settings)
    """Settings of which no supervisor's file can be made: one line."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The values, the origin of each that is not the default, and what the operator should know besides."""

    values: Values
    origins: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

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
        tuple(_notes(kind, replica, settings, file, found)),
    )


def _everywhere(replica: Replica | None, settings: Settings, seen: Facts) -> Iterator[tuple[str, Value]]:
    _, port = split_address(settings.listen)
    if port == 0:
        raise Unplaceable(f"listen {settings.listen}: a supervisor has to know the port, and 0 is any")
    yield "agent_port", Value(port, settings.origin("listen"))
    yield "notice", Value(settings.drain_notice, settings.origin("drain_notice"))
    yield "limit", Value(settings.drain_limit, settings.origin("drain_limit"))
    if seen.namespace:
        yield "namespace", Value(seen.namespace, "the service account of this pod")
    if replica is None:
        return
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
    yield "listen", Value(settings.listen, settings.origin("listen"))
    if seen.program is not None:
        yield "program", seen.program
    if file is not None and file != DEFAULT_PATH:
        yield "settings", Value(_absolute(file, seen), "the settings that this file was made with")
    if replica is None:
        return
    yield from _config(replica, settings, seen)
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
        yield "low_port", Value(main.port < seen.first_free, main.origin)
    contained = replica.platform.kind in _IN_CONTAINERS
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


def _notes(
    kind: str, replica: Replica | None, settings: Settings, file: str | None, found: Mapping[str, Value]
) -> Iterator[str]:
    contained = replica is not None and replica.platform.kind in _IN_CONTAINERS
    if kind == "systemd" and replica is not None and contained:
        yield f"the replica runs in a container ({replica.platform.origin}), and these files are for one that does not"
    unseen = replica is not None and not replica.offline and _unseen(replica)
    if unseen:
        yield f"not every option of the replica can be seen, and a default may stand for one: {unseen}"
    program, own = (str(found[name].value) if name in found else "" for name in ("program", "settings"))
    if own.startswith(_HIDDEN):
        yield f"{own} lies where a hardened service sees nothing, or what does not stay: put it at {DEFAULT_PATH}"
    if program.startswith(_HIDDEN):
        yield (
            f"{program} lies where a hardened service sees nothing, or what does not stay: install pomhealth for all"
            " users, such as with `python3 -m venv /opt/pomhealth`, and make the files with that one"
        )
    fargate = replace(DEFAULTS, limit=settings.drain_limit).fargate_limit
    if kind == "ecs" and settings.drain_limit > fargate:
        yield f"Fargate gives a stop 120 s in all, so a drain of {settings.drain_limit:g} s ends there after {fargate} s"
    carried = [*_CARRIED, "origins"]
    lost = [name for name in settings.origins if name.partition(".")[0] not in carried]
    by_variable = [name for name in lost if settings.origin(name).startswith("environment ")]
    if by_variable:
        where = DEFAULT_PATH if kind == "systemd" else "the agent's container"
        yield (
            f"{', '.join(settings.origin(name).split()[1] for name in by_variable)}: set here, and not in these files;"
            f" say it in {where} too"
        )
    if file is not None and kind != "systemd" and any(settings.origin(name) == file for name in lost):
        yield f"{file} holds more than these files say: put it into the agent's container as {DEFAULT_PATH}"


def _unseen(replica: Replica) -> str:
    """Which right is lacking to see the options; "" where they are seen."""
    return next((replica.missing[what] for what in ("options", "environment") if what in replica.missing), "")


def _lasting(origin: str) -> str:
    """Without the line of a file, which the next edit changes."""
    line = _LINE.fullmatch(origin)
    return line["file"] if line is not None else origin


def _absolute(path: str, seen: Facts) -> str:
    return posixpath.normpath(posixpath.join(seen.directory, path))
