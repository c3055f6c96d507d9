"""Reads what an agent says: /status and the data of its events. Pure.

Nothing in it is trusted: texts lose what a terminal would obey, and are cut to a length.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pomhealth.status import Outcome
from pomhealth.watch.model import Check, Evidence, Snapshot, Turn

_LONGEST = 2000  # characters of one text
_LONGEST_TIME = 1e10  # seconds
_MOST = 2000  # checks, steps or changes
_OUTCOMES = {one.value: one for one in Outcome}


class NotAnAgent(Exception):  # noqa: N818  (the answer is right, only another's)
    """What answers is not pomhealth's agent."""


def harmless(text: object, most: int = _LONGEST) -> str:
    """The text on one line, without control characters, marks of direction and the like; a space stands for each."""
    if not isinstance(text, str):
        return ""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most]).strip()


def read_status(body: bytes) -> Snapshot:
    """What /status says. Raises NotAnAgent."""
    try:
        document = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise NotAnAgent from None
    if not isinstance(document, dict) or not isinstance(document.get("ready"), bool):
        raise NotAnAgent
    hidden = _map(document.get("unobserved"))
    awaited = {one for one in _list(document.get("checks")) if isinstance(one, str)} - set(hidden)
    checks = [
        _check(id_, told, place, awaited=id_ in awaited)
        for place, (id_, told) in enumerate(_items(document.get("statuses")))
        if isinstance(told, dict)
    ]
    known = {check.id for check in checks}
    checks += [
        Check(name, Outcome.UNKNOWN, harmless(why), place=len(known))
        for id_, why in _items(hidden)
        if (name := harmless(id_, 200)) and name not in known
    ]
    return Snapshot(
        ready=document["ready"],
        live=document.get("live") is not False,
        checks=tuple(checks),
        notice=harmless(document.get("notice")),
        drain=harmless(_map(document.get("drain")).get("state")),
        about=_about(_map(document.get("replica"))),
        turns=tuple(turn for one in reversed(_list(document.get("history"))) if (turn := read_turn(one))),
    )


def read_turn(told: object) -> Turn | None:
    """One change; None where it is none."""
    if not isinstance(told, dict):
        return None
    at, id_, state = (harmless(told.get(key), 200) for key in ("at", "id", "is"))
    if not (at and id_ and state):
        return None
    return Turn(
        at=at,
        id=id_,
        state=state,
        summary=harmless(told.get("summary")),
        was=harmless(told.get("was"), 200),
        lasted=_seconds(told.get("lasted")),
        followers=_texts(told.get("followers")),
    )


def read_data(data: str) -> Mapping[str, Any]:
    """The data of an event; nothing where it is no JSON object."""
    try:
        return _map(json.loads(data))
    except (ValueError, RecursionError):
        return {}


def _check(id_: str, told: Mapping[str, Any], place: int, *, awaited: bool) -> Check:
    outcome = _OUTCOMES.get(str(told.get("outcome")), Outcome.UNKNOWN)
    reported = _map(told.get("reported"))
    evidence = [_map(one) for one in _list(told.get("evidence"))]
    return Check(
        id=harmless(id_, 200),
        outcome=outcome,
        summary=harmless(told.get("summary")),
        cause=harmless(told.get("cause"), 200),
        since=harmless(told.get("since"), 40),
        stops=outcome is Outcome.FAIL and bool(told.get("error")),
        pending=outcome is Outcome.UNKNOWN and awaited,
        blocked_by=harmless(told.get("blocked_by"), 200),
        who=harmless(told.get("who"), 40),
        reported=harmless(reported.get("error")) or harmless(reported.get("status")),
        fix=_texts(told.get("fix")),
        evidence=tuple(
            Evidence(
                harmless(one.get("source")), harmless(one.get("observed")), harmless(one.get("expected"))
            )
            for one in evidence
        ),
        place=place,
    )


def _about(replica: Mapping[str, Any]) -> str:
    """The replica in a few words."""
    state = harmless(replica.get("state"), 40)
    if state != "found":
        return {"awaited": "no replica runs yet"}.get(state, "no replica found")
    version, storage = replica.get("version"), replica.get("storage")
    parts = [
        f"Pomerium {harmless(version, 40)}" if version else "Pomerium",
        f"storage {harmless(storage, 40)}" if storage else "",
    ]
    return ", ".join(part for part in parts if part)


def _seconds(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and 0 <= value <= _LONGEST_TIME else 0.0


def _texts(value: object) -> tuple[str, ...]:
    return tuple(text for one in _list(value) if (text := harmless(one)))


def _list(value: object) -> list[Any]:
    return value[:_MOST] if isinstance(value, list) else []


def _items(value: object) -> Iterable[tuple[str, Any]]:
    return list(_map(value).items())[:_MOST]


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
