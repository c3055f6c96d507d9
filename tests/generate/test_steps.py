"""What is said to be next names files that are there, wherever they were written."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from pomhealth.generate.render import KINDS, files
from pomhealth.generate.steps import steps
from pomhealth.generate.values import DEFAULTS, Values
from pomhealth.generate.write import write


@pytest.mark.parametrize("kind", KINDS)
def test_every_path_in_a_command_is_there(kind: str, tmp_path: Path) -> None:
    place = tmp_path / "the team's"
    made = files(kind, DEFAULTS)
    write(place, made, force=False)
    words = [
        word
        for command in steps(kind, str(place), made, DEFAULTS, "pomhealth")
        for word in shlex.split(command)
    ]
    named = [Path(word) for word in words if word.startswith(str(tmp_path))]
    assert named
    assert all(path.exists() for path in named)


def test_in_their_place_units_need_no_copy() -> None:
    made = files("systemd", Values(unit="it's.service"))
    assert steps("systemd", "/etc/systemd/system/", made, Values(unit="it's.service"), "/opt/pom health") == (
        "systemctl daemon-reload",
        "systemctl enable --now pomhealth.service pomhealth.socket",
        "systemctl restart 'it'\"'\"'s.service'",
        "'/opt/pom health' check systemd.unit",
        "'/opt/pom health' health --address 127.0.0.1:28081",
    )


def test_a_task_definition_is_registered_with_ones_own_account_and_region(tmp_path: Path) -> None:
    made = files("ecs", DEFAULTS)
    write(tmp_path, made, force=False)
    first, register, _ = steps("ecs", str(tmp_path), made, DEFAULTS, "pomhealth")
    subprocess.run(["sh", "-c", first], cwd=tmp_path, check=True, timeout=10)
    text = (tmp_path / "task.json").read_text()
    assert json.loads(text)["family"] == "pomerium"
    assert not [word for word in ("111122223333", "REGION") if word in text]
    assert register.endswith(" file://task.json")
