"""What a release of Pomerium refuses to start with: options that were removed, values of the wrong kind. Pure.

The same mistake in many routes is told once, at the first of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pomhealth.compat.kinds import TAKEN, complaint
from pomhealth.compat.places import Mistake, Place, from_environment, note, place_in, place_of
from pomhealth.compat.vocabulary import ROUTES, Vocabulary
from pomhealth.replica import routes
from pomhealth.replica.model import Options, Problem

REMOVED = "removed-option"

_CORRECT = "correct it: Pomerium refuses the whole file, and a running replica keeps its last good one"
_NO_ROUTE = "each route must be a mapping, and one of these is something else"


def refused(options: Options, words: Vocabulary) -> Iterator[Problem]:
    """What a replica would not start with. A removed option in the environment is not read, and does no harm."""
    for name, value in options.values.items():
        if name in words.removed and not from_environment(value):
            yield _removed(f"the option {name}", words.removed[name], Mistake(place_of(value)))
        why = complaint(words.options.get(name, "any"), value.value)
        if why:
            yield _wrong(name, Mistake(place_of(value), why))
        if isinstance(value.value, list) and words.options.get(name) == "blocks":
            yield from _in_blocks(name, value.value, place_of(value), words)
    yield from _in_routes(options, words)


def _in_blocks(name: str, blocks: list[Any], place: Place, words: Vocabulary) -> Iterator[Problem]:
    """The same for a list of mappings, such as `certificates`."""
    wrong: dict[str, Mistake] = {}
    for block in blocks:
        for key, inner in block.items() if isinstance(block, dict) else ():
            why = complaint(words.options.get(f"{name}.{key}", "any"), inner)
            if why:
                note(wrong, f"{name}.{key}", place_in(block, key, place), why)
    for child, mistake in wrong.items():
        yield _wrong(child, mistake)


def _in_routes(options: Options, words: Vocabulary) -> Iterator[Problem]:
    gone: dict[str, Mistake] = {}
    wrong: dict[str, Mistake] = {}
    for list_, value, entries in routes.listed(options):
        place = place_of(value)
        given = [route for route in entries if isinstance(route, dict)]
        if len(given) < len(entries):
            yield Problem(*place, _NO_ROUTE, _CORRECT)
        removed = words.removed_from(list_)
        for route in given:
            if not removed.isdisjoint(route):
                for name in removed & route.keys():
                    note(gone, name, place_in(route, name, place))
        _of_wrong_kind(wrong, given, words, place)
    for name, mistake in sorted(gone.items()):
        yield _removed(f"the route option {name}", words.removed[ROUTES + name], mistake)
    for name, mistake in wrong.items():
        yield _wrong(name, mistake)


def _of_wrong_kind(
    wrong: dict[str, Mistake], given: list[dict[str, Any]], words: Vocabulary, place: Place
) -> None:
    taken = {name: TAKEN[kind] for name, kind in words.routes.items() if kind in TAKEN}
    for route in given:
        for name, inner in route.items():
            if name in taken and type(inner) not in taken[name]:
                why = _of_route(words, name, inner)
                if why:
                    note(wrong, name, place_in(route, name, place), why)


def _of_route(words: Vocabulary, name: str, value: Any) -> str:
    """What is wrong with a route's option, or with one inside it."""
    why = complaint(words.routes[name], value)
    if why:
        return why
    for block in value if isinstance(value, list) else [value]:
        for key, inner in block.items() if isinstance(block, dict) else ():
            child = f"{name}.{key}"
            why = _of_route(words, child, inner) if child in words.routes else ""
            if why:
                return f"in its {key}, {why}"
    return ""


def _removed(what: str, explained: str, mistake: Mistake) -> Problem:
    text = f"{what} was removed from Pomerium, which refuses to start with it{mistake.elsewhere}"
    return Problem(*mistake.place, text, f"take it out, as {explained} explains", cause=REMOVED)


def _wrong(name: str, mistake: Mistake) -> Problem:
    text = f"Pomerium cannot take the value of {name}: {mistake.why}{mistake.elsewhere}"
    return Problem(*mistake.place, text, _CORRECT)
