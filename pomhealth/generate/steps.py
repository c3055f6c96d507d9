"""Where a kind's files belong, and the commands that put them to use. Pure."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable

from pomhealth.generate.render import File
from pomhealth.generate.values import Values

UNITS = "/etc/systemd/system"

_USUAL = {"systemd": UNITS, "compose": "."}
_AGENT = "pomhealth.service"


def usual(kind: str) -> str:
    """The directory below which the files of a kind belong, where the operator says none."""
    return _USUAL.get(kind, kind)


def belongs(directory: str, file: File) -> str:
    """The path of a file in this directory."""
    return posixpath.normpath(posixpath.join(directory, file.path))


def steps(kind: str, directory: str, files: Iterable[File], values: Values) -> tuple[str, ...]:
    """What to type once the files are in this directory, one command each."""
    places = [belongs(directory, file) for file in files]
    if kind == "systemd":
        return _systemd(directory, [file.path for file in files], values)
    if kind == "ecs":
        tasks = [place for place in places if posixpath.basename(place).startswith("task")]
        return tuple(f"aws ecs register-task-definition --cli-input-json {_file(task)}" for task in tasks)
    if kind == "compose":
        return (f"docker compose -f {shlex.quote(posixpath.join(directory, 'compose.yaml'))} up -d --wait",)
    return (f"kubectl apply -k {shlex.quote(directory)}",)


def _systemd(directory: str, paths: list[str], values: Values) -> tuple[str, ...]:
    own = [path for path in paths if "/" not in path]
    copied = posixpath.normpath(directory) != UNITS
    return (
        *((f"cp -r {shlex.quote(posixpath.join(directory, '.'))} {UNITS}/",) if copied else ()),
        "systemctl daemon-reload",
        f"systemctl enable --now {shlex.join(own or [_AGENT])}",
        f"systemctl restart {shlex.quote(values.unit)}",
        "pomhealth check systemd.unit",
    )


def _file(path: str) -> str:
    return shlex.quote(f"file://{path}")
