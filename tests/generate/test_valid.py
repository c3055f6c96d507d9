"""What is made for an unusual place is still what each supervisor takes, by the judges of its own files."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from pomhealth.generate.render import files
from pomhealth.generate.values import DEFAULTS, Values
from pomhealth.generate.write import write
from tests.ecs.definitions import linted
from tests.ecs.rules import mistakes
from tests.generate.test_render import STRANGE
from tests.kubernetes.manifests import build
from tests.kubernetes.test_manifests import VERSIONS, invalid

PLACES = {
    "strange": replace(STRANGE, namespace="team-1"),
    "quick": replace(DEFAULTS, notice=0, limit=1),
    "patient": replace(DEFAULTS, notice=600, limit=86400),
    "fractions": replace(DEFAULTS, notice=0.5, limit=1.5),
    "small": replace(DEFAULTS, main_port=8443, low_port=False, postgres=False),
}
each_place = pytest.mark.parametrize("values", PLACES.values(), ids=PLACES)


@each_place
def test_ecs_takes_every_task_definition(values: Values) -> None:
    for file in files("ecs", values):
        if file.path.endswith(".json"):
            assert mistakes(json.loads(file.text)) == [], file.path


def test_cfn_lint_takes_the_template_of_a_strange_place() -> None:
    (template,) = (file.text for file in files("ecs", STRANGE) if file.path.endswith(".yaml"))
    assert linted(template) == []


@each_place
def test_kubernetes_takes_every_object(values: Values, tmp_path: Path) -> None:
    write(tmp_path, files("kubernetes", values), force=False)
    made = build(tmp_path)
    assert made
    for thing in made:
        assert invalid(thing, VERSIONS[0]) == "", thing


@pytest.mark.parametrize("name", ["strange", "small"])
def test_compose_takes_its_file(name: str, tmp_path: Path) -> None:
    write(tmp_path, files("compose", PLACES[name]), force=False)
    schema = ("--builtin-schema", "vendor.compose-spec")
    judged = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", *schema, str(tmp_path / "compose.yaml")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert judged.returncode == 0, judged.stdout
