"""What the API takes, and what Fargate takes of that. Pure: a task definition in, its mistakes out.

From botocore's model of ECS, whose documentation also gives the ranges and Fargate's limits; sizes from the developer
guide, "Task size".
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import botocore.session  # type: ignore[import-untyped]
from botocore.model import Shape  # type: ignore[import-untyped]
from botocore.validate import ParamValidator  # type: ignore[import-untyped]

Object = dict[str, Any]

_SIZES = {  # MiB by units of CPU
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4097, 1024)),
    1024: tuple(range(2048, 8193, 1024)),
    2048: tuple(range(4096, 16385, 1024)),
    4096: tuple(range(8192, 30721, 1024)),
}
_RANGES = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
_NOT_ON_FARGATE = ("devices", "sharedMemorySize", "tmpfs", "maxSwap", "swappiness")


def mistakes(task: Object) -> list[str]:
    """Everything for which ECS would refuse this task definition, as far as that is documented."""
    shape = _input()
    report = ParamValidator().validate(task, shape)
    found = [report.generate_report()] if report.has_errors() else []
    found += _not_allowed(shape, task, "task")
    if found:
        return found
    for one in task["containerDefinitions"]:
        found += _of_health_check(one)
    found += _of_dependencies(task)
    if "FARGATE" in task.get("requiresCompatibilities", ()):
        found += _of_fargate(task)
    return found


@cache
def _input() -> Shape:
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    assert shape is not None
    return shape


def _not_allowed(shape: Any, value: Any, where: str) -> Iterator[str]:
    """Values that an enumeration does not have; botocore itself leaves these to the service."""
    if shape.type_name == "structure":
        for name, one in value.items():
            yield from (
                _not_allowed(shape.members[name], one, f"{where}.{name}") if name in shape.members else ()
            )
    elif shape.type_name == "list":
        for index, one in enumerate(value):
            yield from _not_allowed(shape.member, one, f"{where}[{index}]")
    elif getattr(shape, "enum", None) and value not in shape.enum:
        yield f"{where}: {value} is none of {', '.join(shape.enum)}"


def _of_health_check(container: Object) -> Iterator[str]:
    check = container.get("healthCheck")
    if check is None:
        return
    if check["command"][0] != "CMD":
        yield f"{container['name']}: its health check needs a shell"
    for name, (least, most) in _RANGES.items():
        if not least <= check[name] <= most:
            yield f"{container['name']}: {name} {check[name]} is not from {least} to {most}"


def _of_dependencies(task: Object) -> Iterator[str]:
    by_name = {one["name"]: one for one in task["containerDefinitions"]}
    for one in by_name.values():
        for on in one.get("dependsOn", ()):
            other = by_name.get(on["containerName"])
            if other is None or other is one:
                yield f"{one['name']}: depends on {on['containerName']}, which is no other container"
            elif on["condition"] == "HEALTHY" and "healthCheck" not in other:
                yield f"{one['name']}: {other['name']} has no health check that could pass"
            elif on["condition"] in ("COMPLETE", "SUCCESS") and other.get("essential", True):
                yield f"{one['name']}: waits for the end of {other['name']}, which is essential"


def _of_fargate(task: Object) -> Iterator[str]:
    if int(task["memory"]) not in _SIZES.get(int(task["cpu"]), ()):
        yield f"Fargate has no {task['cpu']} CPU with {task['memory']} MiB"
    if task["networkMode"] != "awsvpc" or task.get("pidMode", "task") != "task":
        yield "Fargate has awsvpc, and no process namespace of a host"
    for one in task["containerDefinitions"]:
        linux = one.get("linuxParameters", {})
        for name in ("startTimeout", "stopTimeout"):
            if not 2 <= one.get(name, 30) <= 120:
                yield f"{one['name']}: {name} {one[name]} is not from 2 to 120"
        if set(linux.get("capabilities", {}).get("add", ())) - {"SYS_PTRACE"}:
            yield f"{one['name']}: Fargate adds no capability but SYS_PTRACE"
        yield from (f"{one['name']}: {name} is not there" for name in _NOT_ON_FARGATE if name in linux)
        if one.get("privileged"):
            yield f"{one['name']}: privileged"
