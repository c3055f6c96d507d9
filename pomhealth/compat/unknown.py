"""Options that a release of Pomerium does not know: it logs each as an error, and goes on without it. Pure.

Routes are compared by their sets of names; only what differs is looked at closely.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from pomhealth.compat.places import Mistake, Place, from_environment, note, place_in, place_of
from pomhealth.compat.vocabulary import ROUTES, Vocabulary, when
from pomhealth.replica import routes
from pomhealth.replica.model import Options, Problem

_OTHERS = frozenset({"pomerium_zero_token"})  # keys of the file that are no options
_FLAGS = "runtime_flags."
_LONGEST = 60  # characters of a name that are shown: a key may be as long as the file
_TOLD = 20  # unknown names that are told one by one
_LOGGED = "Pomerium logs it as an error and goes on without it"


def unknown(options: Options, words: Vocabulary) -> tuple[Problem, ...]:
    """Each unknown name once, at the first of its places. Variables of the environment are nobody's options."""
    search = _Search(words)
    for name, value in options.values.items():
        inner = "." in name and name.rpartition(".")[0] in options.values  # seen with what it is in
        if not inner and not from_environment(value) and name not in words.removed:
            search.key("", name, value.value, place_of(value))
    for list_, value, entries in routes.listed(options):
        search.routes(entries, words.removed_from(list_), place_of(value))
    return tuple(_problems(search.found, words))


class _Search:
    """What was found so far, by where it belongs (ROUTES, or "" for the top level) and name."""

    def __init__(self, words: Vocabulary) -> None:
        self.found: dict[tuple[str, str], Mistake] = {}
        self._words = words
        self._blocks = frozenset(
            name.removeprefix(ROUTES) for name in words.inside if name.startswith(ROUTES)
        )

    def routes(self, entries: Iterable[Any], removed: frozenset[str], place: Place) -> None:
        """Looks at one list of routes; what was removed is told as that."""
        known = self._words.routes.keys()
        for route in entries:
            if isinstance(route, dict) and not (route.keys() <= known and self._blocks.isdisjoint(route)):
                for name, value in route.items():
                    if name not in removed:
                        self.key(ROUTES, name, value, place_in(route, name, place))

    def key(self, scope: str, name: str, value: Any, place: Place) -> None:
        """Looks at one key, and at those inside it."""
        words = self._words
        if name not in (words.routes if scope else words.options) and name not in _OTHERS:
            note(self.found, (scope, name), place)
        elif scope + name in words.inside:
            for block in value if isinstance(value, list) else [value]:
                for key, inner in block.items() if isinstance(block, dict) else ():
                    self.key(scope, f"{name}.{key}", inner, place_in(block, key, place))


def _problems(found: dict[tuple[str, str], Mistake], words: Vocabulary) -> Iterator[Problem]:
    for number, ((scope, name), mistake) in enumerate(found.items()):
        if number == _TOLD:
            yield Problem(*mistake.place, f"{len(found) - _TOLD} more names are unknown, here and below")
            return
        what = "route option" if scope else "runtime flag" if name.startswith(_FLAGS) else "option"
        text = f"{words.label} does not know the {what} {_shown(name)}{mistake.elsewhere}"
        yield Problem(*mistake.place, text, f"{_advice(scope, name, words)}: {_LOGGED}")


def _advice(scope: str, name: str, words: Vocabulary) -> str:
    """What to do about it, and what was probably meant."""
    known, elsewhere = (words.routes, words.options) if scope else (words.options, words.routes)
    explained = words.removed.get(ROUTES + name if scope else name)
    if explained:
        return f"take it out, as {explained} explains"
    other = when(name, route=bool(scope))
    if other:
        return f"take it out, or run a release that reads it ({other})"
    close = _nearest(name[:_LONGEST], known)
    if close:
        return f"correct its name, {_shown(close)} perhaps, or take it out"
    if name in elsewhere:
        return f"move it: it is an option {'of the whole replica' if scope else 'of a route'}"
    return "take it out, or correct its name"


def _nearest(name: str, candidates: Iterable[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415  (needed only where a name is unknown)

    return next(iter(get_close_matches(name, list(candidates), n=1, cutoff=0.75)), "")


def _shown(name: str) -> str:
    shown = name.removeprefix(_FLAGS)
    return shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
