"""Asks an agent for its cluster. Every wait has a deadline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pomhealth.client.answer import ELSEWHERE, AskError
from pomhealth.client.ask import Address, fetch
from pomhealth.cluster.show.reading import NotACluster, parse

DEADLINE = 5.0  # seconds for an answer
LARGEST = 64 * 1024 * 1024  # bytes of one: a replica takes about 1,000
NOT_FOUND = "404"
_OLD = "upgrade pomhealth there, or give the address of another agent with -a"


def everything(address: Address, *, everyone: bool, deadline: float = DEADLINE) -> Mapping[str, Any]:
    """What its /replicas says, with `everyone` of those too that were silent for long.

    Within `deadline` seconds. Raises AskError.
    """
    try:
        return _asked(address, "/replicas?all" if everyone else "/replicas", deadline)
    except AskError as error:
        if error.code != NOT_FOUND:
            raise
        why = "what answers there knows no /replicas: an agent of an older release"
        raise AskError(why, _OLD, NOT_FOUND) from None


def one(address: Address, word: str) -> Mapping[str, Any]:
    """What its /replicas/ID says. Raises AskError, with the code 404 where there is no such replica."""
    return _asked(address, f"/replicas/{quote(word, safe='')}")


def _asked(address: Address, path: str, deadline: float = DEADLINE) -> Mapping[str, Any]:
    body = fetch(address, deadline, "application/json", path, LARGEST)
    try:
        return parse(body)
    except NotACluster:
        raise AskError(f"what answers there to {path} is not pomhealth's agent", ELSEWHERE) from None
