"""What is new in a cluster, from one answer to the next: a note for each change. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pomhealth.cluster.show.model import Cluster, Told
from pomhealth.cluster.show.reading import cluster, replica, rows
from pomhealth.cluster.show.words import STATES, clock, finding, fingerprint, total
from pomhealth.report.style import Style
from pomhealth.status import Outcome


@dataclass(frozen=True, slots=True)
class Note:
    """Something new. `event` is "replica", "gone", "cluster", "away" or "back"; `data` what a program is told of it."""

    at: str
    event: str
    text: str
    outcome: Outcome
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_text(self, style: Style) -> str:
        return f"{self.at} {style.mark(self.outcome)} {self.text}"

    def as_json(self) -> str:
        return json.dumps({"at": self.at, "event": self.event, "text": self.text, **self.data})


class News:
    """Knows the last answer."""

    def __init__(self) -> None:
        self._whole: tuple[object, ...] = ()
        self._known: dict[str, Told] = {}

    def of(self, document: Mapping[str, Any]) -> Iterator[Note]:
        """What this answer has that the one before had not; of the first one, everything.

        An agent that has not read the registry yet knows of no replica: that takes back nothing.
        """
        now, at = cluster(document), str(document.get("at") or "")
        met: dict[str, Told] = {} if now.at else self._known
        for said in rows(document):
            told = replica(said)
            before = self._known.get(told.key)
            met[told.key] = told
            if before is None or _tells(before) != _tells(told):
                yield _turned(before, told, now, at, said)
        for key, gone in self._known.items():
            if key not in met:
                data = {"id": gone.id, "host": gone.host}
                yield Note(at, "gone", f"{gone.host}: not listed any more", Outcome.SKIPPED, data)
        self._known = met
        whole = (
            now.complete,
            now.notice if not now.complete else "",
            now.turn,
            now.turn_ends,
            total(now) if now.at else "",
        )
        if whole != self._whole:
            self._whole = whole
            yield _summed(now, at, document)


def _tells(one: Told) -> tuple[object, ...]:
    """What of it is worth a line."""
    ailments = tuple((illness.id, illness.cause, illness.outcome) for illness in one.ailments)
    return one.state, ailments, one.host, one.pomerium, one.envoy, one.agent, one.config


def _turned(before: Told | None, one: Told, now: Cluster, at: str, said: Mapping[str, Any]) -> Note:
    state, outcome = STATES[one.state]
    words = [f"{one.host}: {state}", finding(one, now.at)]
    worst = one.ailments[0].summary if one.ailments and one.present else ""
    aside = []
    if before is not None:
        if before.state != one.state:
            aside.append(f"was {STATES[before.state][0]}")
        if before.pomerium != one.pomerium:
            aside.append(f"Pomerium {one.pomerium or 'unknown'}, was {before.pomerium or 'unknown'}")
        if before.config != one.config:
            configs = [fingerprint(config) or "unknown" for config in (one.config, before.config)]
            aside.append("configuration {}, was {}".format(*configs))
    text = ": ".join(word for word in (*words, worst) if word)
    return Note(
        at,
        "replica",
        f"{text} ({'; '.join(aside)})" if aside else text,
        outcome,
        {"was": before.state if before is not None else "", "replica": said},
    )


def _summed(now: Cluster, at: str, document: Mapping[str, Any]) -> Note:
    words = [total(now).removesuffix(".")] if now.at else []
    if now.turn:
        words.append(f"{now.turn} may restart until {clock(now.turn_ends)}")
    if now.notice:
        words.append(f"{now.notice}{f' ({now.fix[0]})' if now.fix else ''}")
    keys = ("complete", "notice", "fix", "ready", "expected", "rollout", "hidden")
    data = {key: document.get(key) for key in keys}
    well = now.complete and all(one.state == "ready" for one in now.replicas)
    return Note(at, "cluster", "; ".join(words), Outcome.PASS if well else Outcome.WARN, data)
