"""Where a kind's files belong, and the commands that put them to use. Pure."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Sequence

from pomhealth.generate.render import File
from pomhealth.generate.values import Values

UNITS = "/etc/systemd/system"

_USUAL = {"systemd": UNITS, "compose": "."}


def usual(kind: str) -> str:
    """The directory below which the files of a kind belong, where the operator says none."""
    return _USUAL.get(kind, kind)


def belongs(directory: str, file: File) -> str:
    """The path of a file in this directory."""
    return posixpath.normpath(posixpath.join(directory, file.path))


def steps(
    kind: str, directory: str, files: Sequence[File], values: Values, pomhealth: str
) -> tuple[str, ...]:
    """What to type once the files are in this directory, one command each. `pomhealth` is how that is called."""
    if kind == "systemd":
        return _systemd(directory, [file.path for file in files], values, pomhealth)
    if kind == "ecs":
        return _ecs(directory)
    if kind == "compose":
        return (f"docker compose -f {_in(directory, 'compose.yaml')} up --detach --wait",)
    return (
        f"kubectl apply -k {shlex.quote(directory)}",
        f"kubectl -n {shlex.quote(values.namespace)} rollout status deployment/pomerium",
    )


def _systemd(directory: str, paths: list[str], values: Values, pomhealth: str) -> tuple[str, ...]:
    own = [path for path in paths if "/" not in path]
    copied = posixpath.normpath(directory) != UNITS
    return (
        *((f"cp -r {shlex.quote(posixpath.join(directory, '.'))} {UNITS}/",) if copied else ()),
        "systemctl daemon-reload",
        f"systemctl enable --now {shlex.join(own)}",
        f"systemctl restart {shlex.quote(values.unit)}",
        shlex.join([pomhealth, "check", "systemd.unit"]),
        shlex.join([pomhealth, "health", "--address", values.listen]),
    )


def _ecs(directory: str) -> tuple[str, ...]:
    """Account and region are nobody's but the operator's."""
    task = _in(directory, "task-fargate.json")
    return (
        f"sed 's/111122223333/123456789012/g; s/REGION/eu-central-1/g' {task} > task.json",
        "aws ecs register-task-definition --cli-input-json file://task.json",
        "aws ecs update-service --cluster CLUSTER --service SERVICE --task-definition pomerium",
    )


def _in(directory: str, name: str) -> str:
    return shlex.quote(posixpath.normpath(posixpath.join(directory, name)))
