"""One alert, as Prometheus reads it, and how text becomes a part of its templates. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PREFIX = "Pomhealth"
_WORD = re.compile(r"[a-z0-9]+")
_FAMILY = re.compile(r"<.*>")


@dataclass(frozen=True, slots=True)
class Alert:
    """`expression` is PromQL, `hold` for how long it must be so, as Prometheus writes a duration. Labels and annotations are templates."""

    name: str
    expression: str
    hold: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)

    def rule(self) -> dict[str, Any]:
        """The rule of a rules file."""
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.hold,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that Prometheus evaluates together."""

    name: str
    alerts: Sequence[Alert]


def camel(*ids: str) -> str:
    """The name of an alert: storage.backend and read-only are PomhealthStorageBackendReadOnly."""
    words = (word for id_ in ids for word in _WORD.findall(_FAMILY.sub("", id_.lower())))
    return PREFIX + "".join(word.capitalize() for word in words)


def verbatim(text: str) -> str:
    """Text that a template gives out as it is, whatever braces are in it."""
    return text.replace("{{", '{{ "{{" }}')


def quoted(text: str) -> str:
    """Text as a string of PromQL."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
