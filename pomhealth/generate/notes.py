"""What the operator should know of generated files: what they cannot say, and what will not work. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pomhealth.generate.place import CONTAINERS
from pomhealth.generate.values import Values
from pomhealth.replica.model import Replica
from pomhealth.settings import Settings
from pomhealth.settings_file import DEFAULT_PATH

_HIDDEN = ("/home/", "/root/", "/run/user/", "/tmp/", "/var/tmp/")  # noqa: S108  (from a service with its own view)
_SAID = ("listen", "pid", "pomerium_config", "drain_on_stop", "drain_notice", "drain_limit")  # by the files


def notes(
    kind: str, values: Values, replica: Replica | None, settings: Settings, file: str | None
) -> Iterator[str]:
    """One line each. `file` is the settings file in force."""
    if replica is not None and not replica.offline:
        yield from _of_replica(kind, replica)
    if kind == "systemd":
        yield from _of_places(values)
    if kind == "ecs" and values.fargate_limit < values.limit:
        yield (
            f"Fargate gives a stop 120 s in all: a drain of {values.limit:g} s ends there after {values.fargate_limit} s"
        )
    yield from _of_settings(kind, settings, file)


def _of_replica(kind: str, replica: Replica) -> Iterator[str]:
    if kind == "systemd" and replica.platform.kind in CONTAINERS:
        yield f"the replica runs in a container ({replica.platform.origin}), and these files are for one that does not"
    unseen = next(
        (replica.missing[what] for what in ("options", "environment") if what in replica.missing), ""
    )
    if unseen:
        yield f"not every option of the replica can be seen, and a default may stand for one: {unseen}"


def _of_places(values: Values) -> Iterator[str]:
    if values.settings.startswith(_HIDDEN):
        yield (
            f"{values.settings} lies where a hardened service sees nothing, or what does not stay: put it at"
            f" {DEFAULT_PATH}"
        )
    if values.program.startswith(_HIDDEN):
        yield (
            f"{values.program} lies where a hardened service sees nothing, or what does not stay: install pomhealth for"
            " all users, such as with `python3 -m venv /opt/pomhealth`, and make the files with that one"
        )


def _of_settings(kind: str, settings: Settings, file: str | None) -> Iterator[str]:
    left = {name: settings.origin(name) for name in settings.origins if name.partition(".")[0] not in _SAID}
    variables = [
        origin.removeprefix("environment ") for origin in left.values() if origin.startswith("environment ")
    ]
    if variables:
        where = DEFAULT_PATH if kind == "systemd" else "the environment of the agent's container"
        yield f"{', '.join(dict.fromkeys(variables))}: set here, and not in these files; say it in {where}"
    if kind != "systemd" and file is not None and file in left.values():
        yield f"{file} says more than these files do: put it into the agent's container as {DEFAULT_PATH}"
