"""The options that a release of Pomerium reads, from `options.json`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Release = tuple[int, int]
_DOCUMENT: dict[str, Any] = json.loads(Path(__file__).with_name("options.json").read_text(encoding="utf-8"))
ROUTES = "routes."  # what begins the name of a route's option where both kinds stand together


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What one release reads: the kind of value of each option, by name, nested ones with a dot.

    `label` names the release that it was read from, and says so where that is not the one asked for. `routes` is
    the same for one route. `inside` has the names directly inside each option that takes certain ones only (the flags
    of `runtime_flags` among them), `removed` the page that explains each removal. In these two a route's names
    begin with ROUTES.
    """

    label: str
    options: Mapping[str, str]
    routes: Mapping[str, str]
    inside: Mapping[str, frozenset[str]]
    removed: Mapping[str, str]

    def removed_from(self, list_: str) -> frozenset[str]:
        """The removed options of a route in this list: Pomerium looks for them under `routes` alone."""
        prefix = f"{list_}."
        return frozenset(name.removeprefix(prefix) for name in self.removed if name.startswith(prefix))


@dataclass(frozen=True, slots=True)
class _Name:
    kind: str
    first: int
    last: int


@cache
def vocabulary(release: Release | None) -> Vocabulary:
    """What this release reads: the nearest one known, of those as old or older; None for all of them together."""
    known = _releases()
    if release is None:
        label = f"Pomerium {_written(known[0])} to {_written(known[-1])}"
        return _vocabulary(label, range(len(known)))
    older = [place for place, one in enumerate(known) if one <= release]
    place = older[-1] if older else 0
    label = f"Pomerium {_written(known[place])}"
    if known[place] != release:
        what = "oldest" if not older else "newest" if place == len(known) - 1 else "nearest"
        label += f" (the {what} release that pomhealth knows; it does not know {_written(release)})"
    return _vocabulary(label, range(place, place + 1))


def newest() -> Release:
    """The newest release that is known."""
    return _releases()[-1]


@cache
def by_variable() -> Mapping[str, str]:
    """The options that some release reads from its environment, by variable: upper case, _ for a dot."""
    names = _table("options")
    lists = {name for name, one in names.items() if one.kind == "blocks"}
    return {
        name.upper().replace(".", "_"): name
        for name, one in names.items()
        if one.kind != "block" and name.rpartition(".")[0] not in lists
    }


def when(name: str, *, route: bool) -> str:
    """In one clause, when an option came or went that only some releases read; "" for any other."""
    flag = name.removeprefix("runtime_flags.")
    table = _table("routes" if route else "runtime_flags" if flag != name else "options")
    one = table.get(flag)
    if one is None:
        return ""
    known = _releases()
    if one.first > 0:
        return f"it came with {_written(known[one.first])}"
    return f"{_written(known[one.last])} was the last to read it" if one.last < len(known) - 1 else ""


def _vocabulary(label: str, places: range) -> Vocabulary:
    options, routes, flags = (_known(key, places) for key in ("options", "routes", "runtime_flags"))
    options |= {f"runtime_flags.{flag}": kind for flag, kind in flags.items()}
    inside: dict[str, set[str]] = {}
    for prefix, names in (("", options), (ROUTES, routes)):
        for name in names:
            parent, dot, _ = name.rpartition(".")
            if dot:
                inside.setdefault(prefix + parent, set()).add(name)
    routes = {**dict.fromkeys(_DOCUMENT["envoy_cluster"], "any"), **routes}
    return Vocabulary(
        label=label,
        options=options,
        routes=routes,
        inside={name: frozenset(names) for name, names in inside.items()},
        removed=_DOCUMENT["removed"],
    )


def _known(key: str, places: range) -> dict[str, str]:
    return {
        name: one.kind
        for name, one in _table(key).items()
        if one.first <= places[-1] and places[0] <= one.last
    }


@cache
def _table(key: str) -> dict[str, _Name]:
    return dict(_names(_DOCUMENT[key]))


def _names(written: Mapping[str, str]) -> Iterator[tuple[str, _Name]]:
    """Each name of "KIND FIRST-LAST", where either end may be left out, and both."""
    places = {_written(one): place for place, one in enumerate(_releases())}
    for name, text in written.items():
        kind, _, span = text.partition(" ")
        first, _, last = span.partition("-")
        yield name, _Name(kind, places.get(first, 0), places.get(last, len(places) - 1))


@cache
def _releases() -> tuple[Release, ...]:
    return tuple(_parsed(one) for one in _DOCUMENT["releases"])


def _parsed(text: str) -> Release:
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def _written(release: Release) -> str:
    return f"{release[0]}.{release[1]}"
