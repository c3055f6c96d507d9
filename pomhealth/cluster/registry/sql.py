"""How the registry is asked: statements with their values, and what is to be had for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pomhealth.cluster.model import Trouble

Value = str | int | float | bool | None
Row = tuple[str | None, ...]


class Away(Exception):  # noqa: N818  (the registry is away; that is what is raised)
    """The registry cannot be used now: `trouble` tells why, without a secret."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.why)
        self.trouble = trouble


@dataclass(frozen=True, slots=True)
class Ask:
    """One statement. `{0}`, `{1}` … in it stand for the values."""

    text: str
    values: tuple[Value, ...] = ()

    def written(self, literal: Callable[[str], str]) -> str:
        """The statement with its values in it; `literal` quotes a text as SQL does."""
        return self.text.format(*(_written(value, literal) for value in self.values))


class Session(Protocol):
    """What asks the registry."""

    async def ask(self, *asks: Ask, deadline: float) -> Sequence[Sequence[Row]]:
        """The rows of each statement, as text; all of them are one transaction, and one round trip.

        Within `deadline` seconds. Raises Away; nothing has been done then, or nobody can know.
        """
        ...


def _written(value: Value, literal: Callable[[str], str]) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return literal(value.replace("\0", ""))
    return repr(value)
