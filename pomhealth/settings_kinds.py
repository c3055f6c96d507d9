"""How values of each kind are read, from a TOML file, a variable or an option. Each raises ValueError with what is wrong."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

_TRUTHS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


def as_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("it is not text")  # noqa: TRY004  (one kind of error for every reader)
    return value.strip()


def as_number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("it is not a number")  # noqa: TRY004
    try:
        return float(value)
    except ValueError:
        raise ValueError("it is not a number") from None


def as_whole(low: int, high: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        number = as_number(value)
        if not number.is_integer():
            raise ValueError("it is not a whole number")
        if not low <= number <= high:
            raise ValueError("it is out of range")
        return int(number)

    return read


def as_seconds(low: float, high: float) -> Callable[[object], float]:
    def read(value: object) -> float:
        seconds = as_number(value)
        if not low <= seconds <= high:
            raise ValueError("it is out of range")
        return seconds

    return read


def as_truth(value: object) -> bool:
    if isinstance(value, bool):
        return value
    said = _TRUTHS.get(as_text(value).lower())
    if said is None:
        raise ValueError("it is neither true nor false")
    return said


def as_one_of(allowed: tuple[str, ...]) -> Callable[[object], str]:
    def read(value: object) -> str:
        text = as_text(value).lower()
        if text not in allowed:
            raise ValueError("there is no such one")
        return text

    return read


def as_path(value: object) -> str:
    text = as_text(value)
    if not text:
        raise ValueError("it is empty")
    return text


def as_networks(value: object) -> tuple[str, ...]:
    parts = [as_text(one) for one in value] if isinstance(value, list) else as_text(value).split(",")
    named = tuple(part.strip() for part in parts if part.strip())
    wrong = next((part for part in named if not _is_network(part)), None)
    if wrong is not None:
        raise ValueError(f"{wrong} is neither an IP address nor a network")
    return named


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return True
