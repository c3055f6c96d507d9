"""One thing to do about a cause, the same everywhere or by platform. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

PLATFORMS = {"linux": "Linux package", "docker": "Docker", "kubernetes": "Kubernetes", "ecs": "ECS"}
Names = tuple[tuple[str, str], ...]  # words in capitals of the steps, and what they stand for


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: the same everywhere (`text`), and what differs by platform (a key of PLATFORMS)."""

    text: str
    on: Mapping[str, str] = field(default_factory=dict)

    @property
    def each(self) -> tuple[tuple[str, str], ...]:
        """What differs, by the platform's name for people."""
        return tuple((PLATFORMS[platform], what) for platform, what in self.on.items())

    def narrowed(self, platform: str, names: Names = ()) -> Step:
        """The step for this platform alone; as it is where the platform is not known or has nothing of its own.

        `names` is what that platform calls the replica, and so is put into that platform's part only.
        """
        if platform not in self.on:
            return self
        return Step(f"{self.text} {_filled(self.on[platform], names)}")

    def filled(self, names: Names) -> Step:
        """The step with the words in capitals replaced by what they stand for."""
        return Step(_filled(self.text, names), {one: _filled(what, names) for one, what in self.on.items()})

    def for_platform(self, platform: str = "") -> str:
        """The step in one line: for this platform, or for each one where it is not known or has nothing of its own."""
        step = self.narrowed(platform)
        each = "; ".join(f"{name}: {what.removesuffix('.')}" for name, what in step.each)
        return f"{step.text} {each}." if each else step.text


def _filled(step: str, names: Names) -> str:
    for word, stands_for in names:
        step = re.sub(rf"(?<![A-Z_]){word}(?![A-Z_])", stands_for.replace("\\", "\\\\"), step)
    return step
