"""How mistakes in a configuration file are told: the first ones as evidence, one step for each thing to do. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pomhealth.replica.model import Problem
from pomhealth.status import Evidence

_MOST = 20  # told one by one: a file may have a mistake on every line


def evidence(problems: Sequence[Problem], expected: str) -> tuple[Evidence, ...]:
    """Where each of the first mistakes stands, and how many more there are."""
    told = [Evidence(one.where, one.text, expected) for one in problems[:_MOST]]
    more = problems[_MOST:]
    if more:
        told.append(Evidence(more[0].where, f"{len(more)} more mistakes, here and below", expected))
    return tuple(told)


def steps(problems: Sequence[Problem]) -> tuple[str, ...]:
    """What to do: once where it is the same for several."""
    places: dict[str, list[str]] = {}
    for one in problems:
        if one.fix:
            places.setdefault(one.fix, []).append(one.where)
    return tuple(f"{where[0]}{_and_more(len(where) - 1)}: {fix}" for fix, where in [*places.items()][:_MOST])


def besides(problems: Sequence[Problem]) -> str:
    """To be put behind the text of the first one: how many others there are."""
    return f", and {len(problems) - 1} more" if len(problems) > 1 else ""


def _and_more(count: int) -> str:
    return f" and {count} more place{'s' * (count != 1)}" if count else ""
