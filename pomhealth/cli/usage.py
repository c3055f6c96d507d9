"""Wrong usage: one line that says what would be right, and exit status 64."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import click

from pomhealth.catalogue.load import Catalogue, Check

USAGE = 64  # EX_USAGE of sysexits.h; click's own 2 is reserved by Docker's HEALTHCHECK


class WrongUsage(click.ClickException):
    """A command that cannot be followed. Its message is one line."""

    exit_code = USAGE


def known(id_: str, catalogue: Catalogue) -> Check:
    """The check with this id. Raises WrongUsage with the nearest ids."""
    check = catalogue.find(id_)
    if check is None:
        raise WrongUsage(
            f"no check is called {id_!r}{nearest(id_, catalogue.checks)}; pomhealth checks lists them all"
        )
    return check


def nearest(word: str, words: Iterable[str]) -> str:
    """The nearest words as a question in brackets, or nothing where no word is like it."""
    candidates = tuple(words)
    close = get_close_matches(word, candidates, n=3, cutoff=0.5)
    close += [other for other in candidates if word and word in other and other not in close]
    return f" (did you mean {' or '.join(close[:3])}?)" if close else ""
