"""Whether what fails here takes the replica out of rotation, where it may be none of its own faults. Pure.

Nothing is agreed between the replicas: what they share, and what is ill, may be the very PostgreSQL that keeps the
registry. Each decides alone, by what it knows for certain. One that was ready stays in through a fault that leaves it
serving, until it knows of another that is sound *now*: by signs of life from when a shared fault would have shown
there too. Then the fault is its own, it goes out, and it stays out until it is sound itself.

So of several replicas with the same fault the last to get it finds nobody sound, and stays in. Where nothing can be
known, nobody goes out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from pomhealth.cluster.model import Member, Roster, Standing

SETTLE = 3.0  # seconds in which a fault that others share has shown there too, and their word of it has come
PROVING = 7.0  # seconds that the proof may take that a replica with a new fault still serves: one look of the slowest
RENEWED = 30.0  # seconds after which the proof is made anew: each one leaves a line in the replica's log
PROVED = 75.0  # seconds for which it holds: one may fail to come
STEP = 0.5  # seconds by which the database's clock may seem to move: more is another clock


class Policy(str, Enum):
    """What a fault stops that need not take the replica out."""

    STRICT = "strict"
    SERVING = "serving"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class Stop:
    """A check that keeps the replica out by the policy `strict`, for `age` seconds already.

    `config`: it could not take a new configuration in, and this process had accepted one before. `shareable`: it gates
    readiness alone, and leaves the replica serving. `anew`: it had passed, and is merely being looked at again.
    """

    id: str
    age: float
    config: bool = False
    shareable: bool = False
    anew: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What this replica is like. `sound` is whether it is ready by the policy `strict`, `started` whether everything has
    been looked at since its process started.

    `proof` is the age, in seconds, of the oldest of the looks that together prove that it serves; infinite where one is
    still to come. `refuted` is whether one of them says otherwise, or cannot be made.
    """

    sound: bool
    started: bool
    stops: tuple[Stop, ...] = ()
    proof: float = math.inf
    refuted: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """What is kept from one decision to the next.

    `inside` is whether the replica was in. `since` is the moment, by the database's clock, at which it ceased to be well
    but for its configuration; None while it is, infinite where that clock is not known yet. `word` is the first sign of
    life from then on, a settled while later, of each other that was sound. `ahead` is by how many seconds that clock is
    ahead of the agent's steady one, `at` the moment of the roster that told so last.
    """

    inside: bool = False
    since: float | None = None
    word: Mapping[str, float] = field(default_factory=dict)
    ahead: float | None = None
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Decision:
    """`excused` are the checks that stop nothing now, each with the reason. `prove` asks for the looks that show whether
    the replica serves. `out` is why one that was in goes out, "" where it does not.
    """

    held: Held
    excused: Mapping[str, str] = field(default_factory=dict)
    prove: bool = False
    out: str = ""


def heard(state: Held, roster: Roster, now: float) -> Held:
    """The state after a roster that comes `now`, by the agent's steady clock.

    One that comes by a detour makes the database's clock seem late, so the earliest counts. Where that clock was set,
    or another database took over, what is waited for must come after that.
    """
    state = _clocked(state, roster, now)
    if state.since is None:
        return state
    sound = _sound(roster, state.since + SETTLE)
    return replace(state, word={one.id: state.word.get(one.id, one.last_seen) for one in sound})


def _clocked(state: Held, roster: Roster, now: float) -> Held:
    if roster.at <= 0.0 or roster.at == state.at:
        return state
    ahead = roster.at - now
    if state.ahead is not None and abs(ahead - state.ahead) <= STEP:
        return replace(state, ahead=max(ahead, state.ahead), at=roster.at)
    since = roster.at if state.since is not None else None
    return replace(state, ahead=ahead, at=roster.at, since=since, word={})


def decide(state: Held, facts: Facts, policy: Policy, roster: Roster, now: float) -> Decision:
    """What is excused `now`, by the agent's steady clock; `heard` has taken the roster in.

    A replica that has just started was not in yet, whatever it shares. Liveness and a drain are never excused: they are
    no such stops.
    """
    if facts.sound or not facts.started or policy is Policy.STRICT:
        return Decision(replace(state, inside=facts.sound and facts.started, since=None, word={}))
    serves = _serves(state, facts)
    excused = {stop.id: _SERVES for stop in facts.stops if serves and _outlived(stop, state)}
    rest = tuple(stop for stop in facts.stops if stop.id not in excused)
    if facts.stops and not rest:
        return Decision(replace(state, inside=True, since=None, word={}), excused, prove=True)
    mine = bool(rest) and all(stop.shareable for stop in rest)
    config = any(stop.config for stop in facts.stops)
    if policy is not Policy.CLUSTER or not state.inside or not mine:
        own = next((stop.id for stop in rest if policy is not Policy.CLUSTER or not stop.shareable), "")
        out = f"{own} fails" if state.inside and own else ""
        return Decision(replace(state, inside=False, since=None, word={}), excused, config, out)
    if not serves:
        return Decision(
            replace(state, inside=False, since=None, word={}), excused, config, "it is not shown to serve"
        )
    if state.since is None:
        state = replace(state, since=math.inf if state.ahead is None else now + state.ahead)
    sound = known_sound(state, roster)
    if sound is not None:
        out = f"{sound.account.host} ({sound.id}) is sound, so the fault is this replica's own"
        return Decision(replace(state, inside=False, since=None, word={}), excused, config, out)
    why = _why(roster)
    held = {stop.id: why for stop in rest}
    return Decision(state, {**excused, **held}, prove=True)


def known_sound(state: Held, roster: Roster) -> Member | None:
    """Another replica that is known to be sound though this one is ill; None where none is known.

    It takes two signs of life. One may have been on its way for long, to a database that hung, with what was so before;
    the next was sent when that one had arrived, and all that had changed was written before it.
    """
    if state.since is None:
        return None
    sound = _sound(roster, state.since + SETTLE)
    return next((one for one in sound if one.last_seen > state.word.get(one.id, math.inf)), None)


def _sound(roster: Roster, since: float) -> tuple[Member, ...]:
    """The others that were sound at a sign of life from then on. One from the time to come is from before that clock
    was set back.
    """
    if not roster.mine:
        return ()  # which row is this replica's own is not known
    return tuple(one for one in _others(roster) if one.account.sound and since <= one.last_seen <= roster.at)


def _others(roster: Roster) -> tuple[Member, ...]:
    """Those that are there to take this one's traffic. Another agent's word of the same replica is none of another."""
    me = roster.me
    process = me.account.process if me is not None else ""
    return tuple(
        one
        for one in roster.members
        if one.id != roster.mine
        and not (process and one.account.process == process)
        and not one.account.draining
        and roster.standing(one) is Standing.PRESENT
    )


def _serves(state: Held, facts: Facts) -> bool:
    """Whether it is shown to serve since the newest of its faults; right after that, the proof may still be on its way."""
    if facts.refuted or not facts.stops:
        return False
    newest = min(stop.age for stop in facts.stops)
    return facts.proof <= min(newest, PROVED) or (state.inside and newest < PROVING)


def _outlived(stop: Stop, state: Held) -> bool:
    return stop.config or (stop.anew and state.inside)


_SERVES = "readiness_policy serving: this stops nothing while the configuration accepted before serves"
_HELD = "readiness_policy cluster: this stops nothing until another replica is known to be sound"


def _why(roster: Roster) -> str:
    """The reason to stay in, in words that stay the same while it does."""
    others = _others(roster)
    if roster.trouble is not None or not roster.at:
        return f"{_HELD}; the registry cannot be asked"
    if not others:
        return f"{_HELD}; no other is there"
    if not any(one.account.sound for one in others):
        return f"{_HELD}; of {len(others)} other{'s' * (len(others) > 1)} none is"
    return f"{_HELD}; their next sign of life is awaited"
