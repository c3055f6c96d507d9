"""Whether a value is of the kind that an option takes, by the rules with which Pomerium reads it. Pure.

Pomerium takes nearly every value that can be understood (a number for a text, a text for a list); what is complained
of here is what it certainly refuses, and with it the whole file. Its booleans are those of Go: yes and on are none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NOTHING = type(None)
_PLAIN: frozenset[type] = frozenset({str, int, float, bool, _NOTHING})
_NUMBER: frozenset[type] = frozenset({int, float, bool, _NOTHING})
_BOOLEANS = frozenset({"1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False", ""})
_DURATION = re.compile(r"[-+]?(?:0|(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)\Z")
_INTEGER = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+|[1-9][0-9_]*|0)?\Z")

# Types of values that are certainly taken, by kind: nearly every value of nearly every file.
TAKEN: Mapping[str, frozenset[type]] = {
    "text": _PLAIN,
    "bool": _NUMBER,
    "int": _NUMBER,
    "duration": _NUMBER,
    "list": _PLAIN,
    "map": frozenset({str, _NOTHING}),
    "flags": frozenset({str, _NOTHING}),
    "block": frozenset({_NOTHING}),
    "blocks": frozenset({_NOTHING}),
    "routes": frozenset({list, str, dict, _NOTHING}),
}


def complaint(kind: str, value: Any) -> str:
    """What is wrong with a value for an option of this kind, in one clause; "" when nothing is. Never the value itself."""
    taken = TAKEN.get(kind)
    if taken is None or type(value) in taken:
        return ""
    return _COMPLAINTS[kind](value)


def _text(value: Any) -> str:
    return f"it is {_called(value)}, and must be text"


def _boolean(value: Any) -> str:
    if isinstance(value, str):
        return "" if value in _BOOLEANS else "its text is neither true nor false"
    return f"it is {_called(value)}, and must be true or false"


def _integer(value: Any) -> str:
    if isinstance(value, str):
        return "" if _INTEGER.match(value) else "its text is no whole number"
    return f"it is {_called(value)}, and must be a whole number"


def _duration(value: Any) -> str:
    if isinstance(value, str):
        return "" if _DURATION.match(value) else "its text is no duration such as 30s, 5m or 1h30m"
    return f"it is {_called(value)}, and must be a duration such as 30s"


def _list(value: Any) -> str:
    if isinstance(value, dict):
        return "it is a mapping, and must be a list of texts" if value else ""
    wrong = next((one for one in value if type(one) not in _PLAIN), None) if isinstance(value, list) else None
    return "" if wrong is None else f"{_called(wrong)} is in it, and it must be a list of texts"


def _map(value: Any) -> str:
    if isinstance(value, dict):
        wrong = next((key for key, inner in value.items() if type(inner) not in _PLAIN), None)
        return "" if wrong is None else "one of its values is no text"
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        return ""
    return f"it is {_called(value)}, and must be a mapping of names to texts"


def _flags(value: Any) -> str:
    return "" if isinstance(value, dict) else _map(value)


def _block(value: Any) -> str:
    return "" if isinstance(value, dict) else f"it is {_called(value)}, and must be a mapping"


def _blocks(value: Any) -> str:
    if isinstance(value, str):
        return ""  # an environment variable, perhaps: it is not certain what becomes of it
    entries = value if isinstance(value, list) else [value]
    wrong = next((one for one in entries if one is not None and not isinstance(one, dict)), None)
    return "" if wrong is None else f"{_called(wrong)} is in it, and it must be a list of mappings"


def _routes(value: Any) -> str:
    return f"it is {_called(value)}, and must be a list of routes"


def _called(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", int: "a number"}
    return next((name for type_, name in names.items() if isinstance(value, type_)), "another value")


_COMPLAINTS = {
    "text": _text,
    "bool": _boolean,
    "int": _integer,
    "duration": _duration,
    "list": _list,
    "map": _map,
    "flags": _flags,
    "block": _block,
    "blocks": _blocks,
    "routes": _routes,
}
