"""Reads a document against a schema more strictly than a validator does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"


def schema(name: str) -> Any:
    """As it is published."""
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


def errors(name: str, document: Any) -> list[str]:
    """What a validator has against a document, and which keys of it no schema speaks of."""
    whole = schema(name)
    found = [f"{one.json_path}: {one.message}" for one in Draft202012Validator(whole).iter_errors(document)]
    return found + [f"{path}: nothing is said of it" for path in unknown(document, whole, whole, "$")]


def unknown(value: Any, shape: Any, whole: Any, path: str) -> Iterator[str]:
    """The keys that a document has and its schema does not name."""
    if isinstance(value, list):
        items: Any = next((one["items"] for one in _all(shape, whole) if "items" in one), {})
        for place, inner in enumerate(value):
            yield from unknown(inner, items, whole, f"{path}[{place}]")
    elif isinstance(value, dict):
        shapes = list(_all(shape, whole))
        named = {name: inner for one in shapes for name, inner in one.get("properties", {}).items()}
        others = next(
            (one["additionalProperties"] for one in shapes if one.get("additionalProperties")), None
        )
        for name, inner in value.items():
            if name in named:
                yield from unknown(inner, named[name], whole, f"{path}.{name}")
            elif isinstance(others, dict):
                yield from unknown(inner, others, whole, f"{path}.{name}")
            elif shapes != [{}] and any("properties" in one for one in shapes):
                yield f"{path}.{name}"


def _all(shape: Any, whole: Any) -> Iterator[Any]:
    """A shape, and those that it refers to."""
    yield shape
    if "$ref" in shape:
        yield from _all(whole["$defs"][shape["$ref"].rpartition("/")[2]], whole)
    for one in shape.get("anyOf", ()):
        yield from _all(one, whole)
