"""Pieces of JSON Schemas (draft 2020-12): each with what it means, and open to keys that a later release adds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

Shape = Mapping[str, Any]


def text(says: str) -> Shape:
    return {"type": "string", "description": says}


def truth(says: str) -> Shape:
    return {"type": "boolean", "description": says}


def number(says: str, *, least: float | None = 0) -> Shape:
    return {"type": "number", "description": says} | ({} if least is None else {"minimum": least})


def whole(says: str) -> Shape:
    return {"type": "integer", "description": says, "minimum": 0}


def moment(says: str, *, never: bool = False) -> Shape:
    """RFC 3339 in UTC, to the millisecond; "" for never, where that can be."""
    form = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z"
    told = f"{says}: RFC 3339 in UTC, to the millisecond" + ('; "" for never' if never else "")
    return {"type": "string", "description": told, "pattern": f"^({form})?$" if never else f"^{form}$"}


def one_of(words: Iterable[str] | type[Enum], says: str) -> Shape:
    values = [one.value for one in words] if isinstance(words, type) else list(words)
    return {"enum": values, "description": says}


def perhaps(shape: Shape) -> Shape:
    """The same, or null."""
    if "enum" in shape:
        return {**shape, "enum": [*shape["enum"], None]}
    if "$ref" in shape or "type" not in shape:
        return {"anyOf": [{key: shape[key] for key in shape if key != "description"}, {"type": "null"}]} | {
            key: shape[key] for key in ("description",) if key in shape
        }
    return {**shape, "type": [shape["type"], "null"]}


def listed(shape: Shape, says: str) -> Shape:
    return {"type": "array", "description": says, "items": shape}


def by_name(shape: Shape, says: str) -> Shape:
    """An object with keys of any name, each with this value."""
    return {"type": "object", "description": says, "additionalProperties": shape}


def record(says: str, always: Mapping[str, Shape], sometimes: Mapping[str, Shape] | None = None) -> Shape:
    """An object with these keys: those of `always` are there. Others may come; whoever reads it passes them over."""
    return {
        "type": "object",
        "description": says,
        "properties": {**always, **(sometimes or {})},
        "required": list(always),
        "additionalProperties": True,
    }


def ref(name: str, says: str = "") -> Shape:
    return {"$ref": f"#/$defs/{name}"} | ({"description": says} if says else {})


def document(name: str, title: str, shape: Shape, shapes: Mapping[str, Shape]) -> Shape:
    """A whole schema, with the named shapes that it refers to."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:pomhealth:schema:{name}:1",
        "title": title,
        **shape,
        "$defs": dict(shapes),
    }
