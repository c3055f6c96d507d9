"""Panels of a Grafana dashboard, in the shape that Grafana exports. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

DATASOURCE = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
WIDTH = 24  # columns of a dashboard
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Query:
    """`legend` names each series; a `table` is of this moment, everything else is over time."""

    expression: str
    legend: str = ""
    table: bool = False

    def target(self, ref: str) -> Json:
        """The target of a panel."""
        target: Json = {
            "datasource": DATASOURCE,
            "refId": ref,
            "expr": self.expression,
            "legendFormat": self.legend or "__auto",
            "editorMode": "code",
            "range": not self.table,
            "instant": self.table,
        }
        return target | ({"format": "table"} if self.table else {})


@dataclass(frozen=True, slots=True)
class Panel:
    """`kind` is Grafana's name of the panel; `size` columns and rows of the grid; `defaults` and `overrides` are its fieldConfig."""

    kind: str
    title: str
    about: str
    size: tuple[int, int]
    queries: Sequence[Query]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    overrides: Sequence[Json] = ()
    transformations: Sequence[Json] = ()

    def placed(self, number: int, at: tuple[int, int]) -> Json:
        """The panel with its number and its place, columns and rows from the upper left."""
        width, height = self.size
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.about,
            "datasource": DATASOURCE,
            "gridPos": {"x": at[0], "y": at[1], "w": width, "h": height},
            "targets": [query.target(chr(ord("A") + place)) for place, query in enumerate(self.queries)],
            "fieldConfig": {"defaults": dict(self.defaults), "overrides": list(self.overrides)},
            "options": dict(self.options),
            **({"transformations": list(self.transformations)} if self.transformations else {}),
        }


def laid_out(panels: Sequence[Panel]) -> list[Json]:
    """The panels from the left to the right, and a new line where one has no room."""
    placed: list[Json] = []
    x = y = tallest = 0
    for number, panel in enumerate(panels, 1):
        width, height = panel.size
        if x + width > WIDTH:
            x, y, tallest = 0, y + tallest, 0
        placed.append(panel.placed(number, (x, y)))
        x, tallest = x + width, max(tallest, height)
    return placed


def steps(*colours: tuple[float | None, str]) -> Json:
    """Thresholds: from each value on, this colour; None is from the lowest on."""
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in colours]}


def words(*values: tuple[int, str, str]) -> list[Json]:
    """What is shown for a value, and in which colour."""
    options = {
        str(value): {"text": text, "color": colour, "index": place}
        for place, (value, text, colour) in enumerate(values)
    }
    return [{"type": "value", "options": options}]


def of_field(name: str, **properties: Any) -> Json:
    """An override for one field; a double underscore in a property's name stands for a dot."""
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key.replace("__", "."), "value": value} for key, value in properties.items()],
    }


def columns(*shown: tuple[str, str]) -> list[Json]:
    """One row for equal labels, and these columns alone, by (field, title)."""
    return [
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"names": [name for name, _ in shown]}}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {},
                "indexByName": {name: place for place, (name, _) in enumerate(shown)},
                "renameByName": {name: title for name, title in shown if title != name},
            },
        },
    ]
