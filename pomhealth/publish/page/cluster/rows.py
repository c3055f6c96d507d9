"""A replica as a row of the table, with what its details tell. Pure.

Other agents wrote what stands in it: texts are cut, lists are short, a number or a time that is none is left out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pomhealth.cluster.model import Agentless, Ailment, Member, Roster
from pomhealth.publish.members import NO_AGENT
from pomhealth.publish.page.about import Fact
from pomhealth.publish.page.cluster.survey import Survey, Usual
from pomhealth.publish.page.words import moment

WORDS = {
    "ready": ("pass", "ready"),
    "not-ready": ("fail", "not ready"),
    "draining": ("draining", "draining"),
    "stale": ("warn", "stale"),
    "stopped": ("skipped", "stopped"),
    "forgotten": ("skipped", "silent for long"),
    NO_AGENT: ("unknown", "no agent"),
}
LATEST = 253402300799.0  # seconds since the epoch: the end of the year 9999
_SUMMARY = 160  # characters
_NAME = 100
_VALUE = 240
_AILMENTS = 4  # that are told of one replica
_ADDRESSES = 8
_FINGERPRINT = 12  # characters by which configurations are told apart


@dataclass(frozen=True, slots=True)
class Ailing:
    """A check that fails or warns. `css` is the class by which it is drawn, `word` its state and cause."""

    css: str
    id: str
    word: str
    summary: str


@dataclass(frozen=True, slots=True)
class Row:
    """One replica. `mine` is whether this agent watches it, `note` stands with its state.

    When it was last seen is not in it: that moves all the time, and stands in a part of its own. `config` and `version`
    come with how they differ from what most have.
    """

    id: str
    css: str
    word: str
    note: str
    host: str
    mine: bool
    ailments: tuple[Ailing, ...]
    more: int
    none: str
    version: tuple[str, str]
    config: tuple[str, str]
    facts: tuple[Fact, ...]


def row(one: Member | Agentless, how: str, roster: Roster, found: Survey, *, is_ready: bool) -> Row:
    """A row; `how` is its state. The own replica's readiness (`is_ready`) is known whatever becomes of the registry."""
    css, word = WORDS[how]
    if isinstance(one, Agentless):
        where = cut(one.where, _NAME) or "at an address that is not known"
        seen = f"seen by {cut(one.by, _VALUE)}; " if one.by else ""
        none = f"{seen}start an agent beside it to know more"
        return Row("", css, word, "", where, False, (), 0, none, ("", ""), ("", ""), ())
    account, mine = one.account, one.id == roster.mine
    if not roster.complete:
        css, word = _as_last_known(css, word, mine=mine, is_ready=is_ready)
    told = tuple(map(_ailing, account.ailments[:_AILMENTS]))
    return Row(
        id=one.id,
        css=css,
        word=word,
        note=_note(one, how),
        host=cut(account.host, _NAME) or "a host without a name",
        mine=mine,
        ailments=told,
        more=len(account.ailments) - len(told),
        none="nothing found" if how in ("ready", "draining") else "nothing known",
        version=(cut(account.pomerium, _NAME), "differs" if found.versions.differs(account.pomerium) else ""),
        config=(account.config[:_FINGERPRINT], _odd(one, found.configs)),
        facts=tuple(_facts(one)),
    )


def cut(text: str, most: int) -> str:
    """No more than so many characters of what somebody else wrote."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def when(seconds: float) -> float:
    """A time that somebody else says, 0 where it is none."""
    return seconds if 0.0 < seconds < LATEST else 0.0


def _as_last_known(css: str, word: str, *, mine: bool, is_ready: bool) -> tuple[str, str]:
    if mine:
        return WORDS["ready" if is_ready else "not-ready"]
    return ("skipped", f"was {word}") if css in ("pass", "fail", "draining") else (css, word)


def _odd(one: Member, configs: Usual) -> str:
    config = one.account.config
    return "older" if configs.older(config, one.first_seen) else "differs" if configs.differs(config) else ""


def _note(one: Member, how: str) -> str:
    account = one.account
    if how == "stale":
        return "was ready" if account.ready else "was not ready"
    if how == "ready" and not account.sound:
        return "by the readiness policy, in spite of what fails"
    return ""


def _ailing(one: Ailment) -> Ailing:
    outcome = "fails" if one.outcome == "fail" else "warns"
    word = f"{outcome}: {cut(one.cause, _NAME)}" if one.cause else outcome
    css = "fail" if one.outcome == "fail" else "warn"
    return Ailing(css, cut(one.id, _NAME), word, cut(one.summary, _SUMMARY))


def _facts(one: Member) -> Iterator[Fact]:
    account = one.account
    known = list(account.addresses.items())
    where = ", ".join(f"{cut(role, _NAME)} {cut(where, _NAME)}" for role, where in known[:_ADDRESSES])
    clock = account.clock
    facts = (
        ("id", one.id),
        ("addresses", cut(where, _VALUE)),
        ("metrics", cut(account.metrics, _NAME)),
        ("agent's address", cut(one.peer, _NAME)),
        ("Envoy", cut(account.envoy, _NAME)),
        ("agent", cut(account.agent, _NAME)),
        ("version since", moment(when(one.version_since))),
        ("configuration since", moment(when(one.config_since)) if account.config else ""),
        ("first seen", moment(when(one.first_seen))),
        ("clock", _clock(clock, account.clock_error) if clock is not None else ""),
        ("in its file", cut(account.instead_of, _NAME)),
    )
    return (Fact(name, value) for name, value in facts if value)


def _clock(ahead: float, error: float) -> str:
    if not math.isfinite(ahead) or abs(ahead) > LATEST:
        return ""
    within = f" (± {error:.3f} s)" if math.isfinite(error) and 0.0 < error < LATEST else ""
    return f"{abs(ahead):.3f} s {'ahead of' if ahead >= 0 else 'behind'} the database's{within}"
