"""The one place of state: the map as it stands, the looks that led to it, what changed, and who wants to know."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from pomhealth.agent import plan as plans
from pomhealth.agent.plan import STRICT, Plan
from pomhealth.agent.scrub import scrubbed
from pomhealth.agent.sequel import all_found, has_started, released
from pomhealth.clock import Clock
from pomhealth.replica.model import Replica
from pomhealth.status import (
    Change,
    Component,
    Finding,
    Gate,
    Report,
    StatusMap,
    Streak,
    Told,
    changes,
    forget,
    not_applicable,
    observe,
    of_start,
    passed,
    report,
    report_of_start,
    restarted,
    resumed,
    settle,
    shifted,
    stands,
    strict,
    unseen,
)

if TYPE_CHECKING:
    from pomhealth.agent.policy import Readiness
    from pomhealth.cluster.model import Roster

HISTORY = 100  # changes that are kept
Listener = Callable[[tuple[Change, ...]], None]


class Board:
    """State of one agent. All of it is changed from the event loop's thread only; times are seconds since the epoch.

    They are those of a clock that passes evenly: a step of the wall clock comes in by `shift`, and by nothing else.

    `notice` is what the agent has to say of itself, one line, empty when all is well; `started` whether everything
    that counts has been looked at since this replica started, and was alive. `on_release` is called with the checks
    whose root is well again: what was found of them is taken back, and they are to be looked at at once. `on_doubt` is
    called with those on which it hangs whether a fault may be excused, and `on_verdict` when it is, or is not any more:
    with an event for the log and what belongs to it.
    """

    def __init__(self, plan: Plan, *, clock: Callable[[], float] | None = None) -> None:
        self.plan = plan
        self.status = plans.start(plan)
        self.history: deque[Change] = deque(maxlen=HISTORY)
        self.replica: Replica | None = None
        self.notice = ""
        self.started = False
        self.on_release: Callable[[Iterable[str]], None] = lambda _: None
        self.on_doubt: Callable[[Iterable[str]], None] = lambda _: None
        self.on_verdict: Callable[[str, Mapping[str, object]], None] = lambda _, __: None
        self._readiness: Readiness | None = None
        self._clock = clock if clock is not None else Clock()
        self._scrub: Callable[[str], str] = str
        self._began = self._clock()
        self._born = -math.inf
        self._streaks: dict[str, Streak] = {}
        self._told: Mapping[str, Told] = {}
        self._earlier: Mapping[str, Told] = {}
        self._scrubbed: dict[str, tuple[Finding, Finding]] = {}
        self._own: set[str] = set()
        self._listeners: list[Listener] = []
        self._follow(plan.policy)

    @property
    def sound(self) -> bool:
        """Whether the replica is ready with nothing excused."""
        return strict(self.status).ready

    def now(self) -> float:
        """The time by the board's clock."""
        return self._clock()

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` after every change, with those worth telling; gives the call that ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def observe(self, id_: str, look: Finding, *, at: float) -> Streak:
        """Takes in one look, begun `at`. Gives the streak, whose `against` counts looks that do not count yet.

        A void look changes nothing until there are so many that nothing is known any more.
        """
        known = self.status.components[id_]
        look = self._clean(id_, of_start(look, known, self._clock() - self._born))
        streak = settle(self._streaks.get(id_, Streak()), look, self.plan.thresholds)
        self._streaks[id_] = streak
        if look.void and streak.standing is not look:
            return streak
        if streak.standing is not None and (streak.against == 0 or look.void):
            before = self.status
            after = observe(before, id_, streak.standing, at=at)
            if not self.started or after.turns(before, id_):
                self._become(after)
            else:
                self._stay(after)
        return streak

    def report(self, reports: Mapping[str, Report], *, lacking: str) -> None:
        """Takes in the replica's own report; `lacking` is the reason for what it does not tell of."""
        now = self._clock()
        gates = {id_: plans.gate_of(self.plan, id_, _as_pomerium(said)) for id_, said in reports.items()}
        untold = [id_ for id_ in self.plan.reported if id_ not in reports]
        after = self._without_word(untold, lacking, at=now)
        known, age = self.status.components, now - self._born
        said = {
            id_: report_of_start(self._clean_report(one), known.get(id_), age) for id_, one in reports.items()
        }
        self._become(report(after, said, gates, at=now))

    def unreported(self, reason: str) -> None:
        """Drops the replica's own report: what only it tells of cannot be seen, for this reason."""
        now = self._clock()
        only = [one.id for one in self.status.components.values() if not one.measures]
        self._become(report(self._without_word(only, reason, at=now), {}, {}, at=now))

    def unobserved(self, reason: str) -> None:
        """Nothing can be looked at, for this reason."""
        now = self._clock()
        self._streaks.clear()
        looked_at = (id_ for id_ in self.status.components if id_ not in self._own)
        after = all_found(self.status, looked_at, unseen(reason), at=now)
        self._become(report(after, {}, {}, at=now))

    def put(self, id_: str, finding: Finding) -> None:
        """Tells of something that the agent itself does, for as long as it does it: `take_out` ends that."""
        self._own.add(id_)
        gate = plans.gate_of(self.plan, id_, Gate.READY)
        known = self.status.components.get(id_, Component(id_, gate, measures=True))
        if known.measured != finding:
            at = self._clock()
            entered = self.status.with_component(known)
            self._become(observe(entered, id_, self._clean(id_, finding), at=at))

    def take_out(self, id_: str, summary: str) -> None:
        """What the agent did under this id is over, and leaves the map; `summary` is told of it as the last."""
        self._own.discard(id_)
        if id_ in self.status.components:
            self._become(observe(self.status, id_, passed(summary), at=self._clock()))
            self._become(self.status.without(id_))

    def look_anew(self, ids: Iterable[str]) -> None:
        """Takes back what was found of these: they are to be looked at again before they count as seen."""
        known = [id_ for id_ in ids if id_ in self.plan.checks]
        for id_ in known:
            self._streaks.pop(id_, None)
        self._become(forget(self.status, known, at=self._clock()))

    def found(self, replica: Replica, *, another: bool, age: float = math.inf) -> None:
        """The replica that is watched from now on; `another` when it is not the same process as before.

        `age` is how many seconds ago its process was started, where that is known. What was measured stands until the
        new looks come; what only a report tells waits for the new report.
        """
        self.replica = replica
        if another:
            self.started = False
            self._began = self._clock()
            self._born = self._began - age
            self._become(restarted(self.status, self.plan.reported, at=self._began))
        else:
            self._become(self.status)

    def replan(self, plan: Plan) -> None:
        self.plan = plan
        self._follow(plan.policy)
        self._become(plans.again(self.status, plan))

    def roster_changed(self, roster: Roster) -> None:
        """The cluster is this from now on; to be called whenever it was read, be it that only signs of life are new."""
        if self._readiness is not None:
            self._readiness.roster_changed(roster)

    def say(self, notice: str) -> None:
        """What the agent has to say of itself from now on, one line; "" when all is well."""
        if notice != self.notice:
            self.notice = notice
            self._become(self.status)

    def recall(self, history: Iterable[Change], told: Mapping[str, Told]) -> None:
        """What runs of the agent before left: the last changes, oldest first, and what was told of each check as the last.

        A check that is now as it was then has not changed, though this is the first look at it.
        """
        self._earlier = dict(told)
        now = dict(self._told)
        for change in self.history:
            if stands(change, told) and now[change.id].since == change.at:
                now[change.id] = told[change.id]
        self._told = now
        own = [resumed(change, told) for change in self.history if self.is_news(change)]
        self.history.clear()
        self.history.extend((*history, *own))
        self._stay(self.status)

    def is_news(self, change: Change) -> bool:
        """Whether it belongs into the history: a first look that finds what a run before told as the last does not."""
        return not stands(change, self._earlier)

    def shift(self, by: float) -> None:
        """The clock was moved by so many seconds: so is every time that is kept. Nothing else changes."""
        self._began += by
        self._born += by
        self._told = {id_: replace(told, since=told.since + by) for id_, told in self._told.items()}
        self._earlier = {id_: replace(told, since=told.since + by) for id_, told in self._earlier.items()}
        history = [replace(change, at=change.at + by) for change in self.history]
        self.history.clear()
        self.history.extend(history)
        self._stay(shifted(self.status, by))

    def redact_with(self, scrub: Callable[[str], str]) -> None:
        """From now on every text passes through `scrub` before it is kept."""
        self._scrub = scrub
        self._scrubbed.clear()

    def _without_word(self, ids: Iterable[str], reason: str, *, at: float) -> StatusMap:
        """The map with these ids unseen for this reason, or without meaning for a replica that is not Zero's."""
        zeros = {id_ for id_ in ids if id_ in self.plan.checks and self.plan.checks[id_].zero}
        if self.replica is None or self.replica.options.zero or "options" in self.replica.missing:
            zeros = set()
        after = all_found(self.status, (id_ for id_ in ids if id_ not in zeros), unseen(reason), at=at)
        return all_found(after, zeros, not_applicable("this replica is not in Pomerium Zero mode"), at=at)

    def _stay(self, after: StatusMap) -> None:
        """Takes over a map of which nobody need be told; it comes several times a second."""
        self.status = after
        for listener in tuple(self._listeners):
            listener(())

    def _become(self, after: StatusMap) -> None:
        before, now = self.status, self._clock()
        free = [id_ for id_ in released(before, after) if id_ in self.plan.looks]
        if free:
            after = forget(after, free, at=now)
            for id_ in free:
                self._streaks.pop(id_, None)
        if not self.started:
            self.started = has_started(after, since=self._began)
        if self._readiness is not None:
            after = self._readiness.judge(after, started=self.started, now=now)
        self.status = after
        self._told, turned = changes(self._told, after, at=now, earlier=self._earlier)
        self.history.extend(change for change in turned if self.is_news(change))
        for listener in tuple(self._listeners):
            listener(turned)
        if free:
            self.on_release(free)

    def _follow(self, policy: str) -> None:
        """This readiness policy counts from now on. Most agents never need what carries another than `strict` out."""
        if self._readiness is None and policy != STRICT:
            from pomhealth.agent.policy import Readiness  # noqa: PLC0415  (it costs half a megabyte)

            self._readiness = Readiness(self)
        if self._readiness is not None:
            self._readiness.follow(policy)

    def judge_again(self) -> None:
        """Time has passed, or the cluster has changed: what was excused may not be any more."""
        self._become(self.status)

    def _clean(self, id_: str, finding: Finding) -> Finding:
        known = self._scrubbed.get(id_)
        if known is None or known[0] != finding:
            known = (finding, scrubbed(finding, self._scrub))
            self._scrubbed[id_] = known
        return known[1]

    def _clean_report(self, said: Report) -> Report:
        if not said.error and not said.attributes:
            return said
        attributes = tuple((key, self._scrub(value)) for key, value in said.attributes)
        return replace(said, error=self._scrub(said.error), attributes=attributes)


def _as_pomerium(said: Report) -> Gate:
    return Gate.READY if said.required else Gate.ALERT
