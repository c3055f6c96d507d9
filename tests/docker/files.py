"""The project's Dockerfiles and its Compose file, read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DOCKERFILES = ("Dockerfile", "Dockerfile.replica")
_CONTINUED = re.compile(r"\\\n(?:[ \t]*#[^\n]*\n)*")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals, its options by name, and the rest."""

    name: str
    options: dict[str, str]
    rest: str

    @property
    def words(self) -> list[str]:
        """The rest in exec form. Raises ValueError for shell form."""
        found: list[str] = json.loads(self.rest)
        return found


def instructions(name: str) -> list[Instruction]:
    text = _CONTINUED.sub(" ", (ROOT / name).read_text())
    lines = (line.strip() for line in text.splitlines())
    return [_instruction(line) for line in lines if line and not line.startswith("#")]


def last_stage(name: str) -> list[Instruction]:
    every = instructions(name)
    start = max(index for index, one in enumerate(every) if one.name == "FROM")
    return every[start:]


def _instruction(line: str) -> Instruction:
    name, _, rest = line.partition(" ")
    options = {}
    while found := re.match(r"\s*--([\w-]+)=(\S+)\s+", rest):
        options[found[1]] = found[2]
        rest = rest[found.end() :]
    return Instruction(name.upper(), options, rest.strip())


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return found


def seconds(text: str) -> float:
    """Of a duration as Docker writes it: "90s", "1m30s"."""
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([\d.]+)([smh])", text))
