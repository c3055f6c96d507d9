"""The names and kinds of options, taken or refused as Pomerium does: removed ones stop it, unknown ones are logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pomhealth.compat.kinds import complaint
from pomhealth.compat.vocabulary import Vocabulary, vocabulary
from pomhealth.demo.standin import log
from pomhealth.demo.standin.pairs import Rejected

_ZERO_TOKEN = "pomerium_zero_token"


def check_names(values: Mapping[str, Any], path: Path, version: str) -> None:
    """Logs what this version does not know. Raises Rejected for what it refuses."""
    major, minor = version.removeprefix("v").split(".")[:2]
    words = vocabulary((int(major), int(minor)))
    removed = []
    for key, name, kind, value in _keys(values, words):
        if key in words.removed:
            removed.append(key)
            log.error("config option was removed", config_file=str(path), key=key, help=words.removed[key])
        elif not kind and name != _ZERO_TOKEN:
            log.error("unknown config option", config_file=str(path), key=key)
        elif complaint(kind, value):
            raise Rejected(f"failed to unmarshal config: decoding failed: '{key}' has another type")
    if removed:
        raise Rejected("some configuration options are no longer supported, please check logs for details")


def _keys(values: Mapping[str, Any], words: Vocabulary) -> Iterator[tuple[str, str, str, Any]]:
    """Each key of the file and of its routes: its path, name, kind ("" for none that is known) and value."""
    for name, value in values.items():
        yield name, name, words.options.get(name, ""), value
    for list_ in ("routes", "policy"):
        routes = values.get(list_)
        for route in routes if isinstance(routes, list) else ():
            for name, value in route.items() if isinstance(route, dict) else ():
                yield f"{list_}.{name}", name, words.routes.get(name, ""), value
