"""The project's task definitions and its CloudFormation template, read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cfnlint.api import ManualArgs, lint  # type: ignore[import-untyped]
from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

ECS = Path(__file__).parents[2] / "ecs"
TASKS = sorted(path.stem for path in ECS.glob("task-*.json"))
SIDECARS = [name for name in TASKS if name != "task-one-image"]
PROGRAM = "/opt/pomhealth/bin/pomhealth"  # in the image
REPLICA, AGENT = "pomerium", "pomhealth"

Object = dict[str, Any]


def task(name: str) -> Object:
    definition: Object = json.loads((ECS / f"{name}.json").read_text())
    return definition


def container(definition: Object, name: str) -> Object:
    found: Object = next(one for one in definition["containerDefinitions"] if one["name"] == name)
    return found


def with_agent(definition: Object) -> Object:
    """The container that the agent runs in."""
    names = [one["name"] for one in definition["containerDefinitions"]]
    return container(definition, AGENT if AGENT in names else REPLICA)


def variables(definition: Object) -> dict[str, str]:
    """The environment of a container, without its secrets."""
    return {one["name"]: one["value"] for one in definition.get("environment", ())}


def template() -> Object:
    """service.yaml, with functions as {"Ref": …} and so on."""
    document: Object = load(str(ECS / "service.yaml"))
    return document


def resources(kind: str) -> list[Object]:
    """The properties of the template's resources of a kind."""
    return [one["Properties"] for one in template()["Resources"].values() if one["Type"] == kind]


def linted(text: str) -> list[str]:
    """What cfn-lint finds in a template. It brings the schemas of every region with it."""
    return [str(match) for match in lint(text, config=ManualArgs(regions=["us-east-1", "eu-central-1"]))]


def in_pascal_case(value: Any) -> Any:
    """A value of the API as CloudFormation writes it; the keys of a log driver's options are its own."""
    if isinstance(value, dict):
        return {
            key[:1].upper() + key[1:]: one if key == "options" else in_pascal_case(one)
            for key, one in value.items()
        }
    return [in_pascal_case(one) for one in value] if isinstance(value, list) else value
