"""The engine: schedule, deadlines, retries, roots, and no probe that holds up another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from pomhealth.agent.board import Board
from pomhealth.agent.engine import UNANSWERED, Engine, aligned, pause
from pomhealth.agent.look import Seen
from pomhealth.agent.plan import Plan
from pomhealth.checks import Context
from pomhealth.replica.admin import EnvoyAdmin
from pomhealth.replica.budget import FULL, LONGEST, REST, WATCHING, Haste
from pomhealth.replica.model import AdminAddress
from pomhealth.status import Finding, Outcome, Streak, unseen, warned
from tests.agent.little import BAD, GOOD, SILENT, Probe, check, context, plan, until
from tests.findings import SEEN


@asynccontextmanager
async def running(what: Plan, *, given: bool = True) -> AsyncIterator[tuple[Engine, Board, list[str]]]:
    """An engine at work on this plan, its board, and what it said of broken probes."""
    broke: list[str] = []
    board = Board(what)
    engine = Engine(board, broken=lambda id_, where: broke.append(f"{id_} {where}"))
    task = asyncio.ensure_future(engine.run())
    if given:
        engine.use(context())
    try:
        yield engine, board, broke
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def outcome(board: Board, id_: str) -> str:
    return board.status.entries[id_].outcome.value


async def test_every_check_is_looked_at_at_once_and_again_after_its_interval() -> None:
    probe, rare = Probe(), Probe()
    async with running(plan((check("often", interval=0.05), probe), (check("rare"), rare))) as (
        _,
        board,
        _broke,
    ):
        await until(lambda: probe.calls >= 3 and rare.calls >= 1)
        assert rare.calls == 1
        assert board.status.ready


async def test_without_a_replica_nothing_is_looked_at() -> None:
    probe = Probe()
    async with running(plan((check("a"), probe)), given=False) as (engine, board, _):
        engine.trigger(["a"])
        await asyncio.sleep(0.05)
        assert (probe.calls, board.status.entries["a"].pending) == (0, True)
        engine.use(context())
        await until(lambda: outcome(board, "a") == "pass")


async def test_a_trigger_has_a_check_looked_at_now() -> None:
    probe = Probe()
    async with running(plan((check("a"), probe))) as (engine, _, _broke):
        await until(lambda: probe.calls == 1)
        engine.trigger(["a", "no.such.check"])
        await until(lambda: probe.calls == 2)


async def test_a_trigger_during_a_look_means_one_more_look() -> None:
    probe, go = Probe(), asyncio.Event()
    probe.before = go.wait
    async with running(plan((check("a"), probe))) as (engine, _, _broke):
        await until(lambda: probe.calls == 1)
        engine.trigger(["a"])
        go.set()
        await until(lambda: probe.calls == 2)


async def test_a_probe_that_hangs_holds_up_no_other() -> None:
    stuck, lively = Probe(), Probe()
    stuck.before = asyncio.Event().wait
    async with running(plan((check("stuck"), stuck), (check("lively", interval=0.02), lively))):
        await until(lambda: lively.calls >= 5)
        assert stuck.calls == 1


async def test_two_silences_are_needed_and_the_second_is_tried_at_once() -> None:
    probe = Probe(SILENT)
    async with running(plan((check("a"), probe))) as (_, board, _broke):
        await until(lambda: outcome(board, "a") == "fail")
        assert probe.times[1] - probe.times[0] < 1.0


async def test_a_hang_shows_after_two_deadlines() -> None:
    probe = Probe()
    probe.before = asyncio.Event().wait
    async with running(plan((check("a", deadline=0.1), probe))) as (_, board, _broke):
        await until(lambda: outcome(board, "a") == "fail")
        assert probe.calls == 2
        assert board.history[-1].summary == "no answer within 0.1 s"


async def test_what_fails_is_looked_at_every_retry_until_it_is_well() -> None:
    probe = Probe(BAD)
    async with running(plan((check("a", retry=0.02), probe))) as (_, board, _broke):
        await until(lambda: probe.calls >= 3)
        probe.finding = GOOD
        await until(lambda: outcome(board, "a") == "pass")


async def test_a_broken_probe_is_told_once_and_the_others_go_on() -> None:
    calls = 0

    async def broken(_: Context) -> Finding:
        nonlocal calls
        calls += 1
        raise ZeroDivisionError

    well = Probe()
    what = plan((check("a", interval=0.02), broken), (check("b"), well))  # type: ignore[arg-type]
    async with running(what) as (_, board, broke):
        await until(lambda: calls >= 3 and well.calls == 1)
        assert outcome(board, "a") == "unknown"
        assert [line.partition(" at ")[0] for line in broke] == ["a ZeroDivisionError"]


async def test_what_follows_a_root_is_looked_at_again_as_soon_as_the_root_is_well() -> None:
    root, below = Probe(), Probe()
    what = plan((check("root"), root), (check("below", needs=("root",)), below))
    async with running(what) as (engine, board, _):
        await until(lambda: board.status.ready)
        root.finding = below.finding = BAD
        engine.trigger(["root"])
        await until(lambda: outcome(board, "root") == "fail")
        engine.trigger(["below"])
        await until(lambda: below.calls == 2)
        assert outcome(board, "below") == "skipped"
        root.finding = below.finding = GOOD
        engine.trigger(["root"])
        await until(lambda: board.status.ready)
        assert below.calls == 3
        assert [(change.id, change.outcome.value) for change in board.history][2:] == [
            ("root", "fail"),
            ("root", "pass"),
        ]


async def test_while_its_root_recovers_a_follower_is_pending_and_never_ready_by_an_old_look() -> None:
    root, below, go = Probe(), Probe(), asyncio.Event()
    what = plan((check("root"), root), (check("below", needs=("root",)), below))
    async with running(what) as (engine, board, _):
        await until(lambda: board.status.ready)
        below.before = go.wait
        root.finding = BAD
        engine.trigger(["root"])
        await until(lambda: outcome(board, "below") == "skipped")
        root.finding = GOOD
        engine.trigger(["root"])
        await until(lambda: outcome(board, "root") == "pass")
        assert board.status.entries["below"].pending
        assert not board.status.ready
        go.set()
        await until(lambda: board.status.ready)


async def test_a_look_that_began_at_another_replica_says_nothing_of_this_one() -> None:
    probe, go = Probe(BAD), asyncio.Event()
    probe.before = go.wait
    async with running(plan((check("a"), probe))) as (engine, board, _):
        await until(lambda: probe.calls == 1)
        probe.finding = GOOD
        engine.use(context(pid=2))
        go.set()
        await until(lambda: outcome(board, "a") == "pass")
        assert [change.outcome for change in board.history] == [Outcome.PASS]


async def test_ending_the_engine_ends_every_look() -> None:
    ended = asyncio.Event()

    async def look(_: Context) -> Finding:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return GOOD

    async with running(plan((check("a"), look))):  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
    await asyncio.wait_for(ended.wait(), 5)


def after(
    finding: Finding,
    *,
    standing: Finding | None = None,
    against: int = 0,
    took: float = 0.01,
    cost: float = 0.0,
    **values: object,
) -> float:
    board = Board(plan((check("a", interval=60.0, retry=1.0, **values), Probe())))
    streak = Streak(standing or finding, against)
    seen = Seen(finding, 0.0, took)
    return pause(board.plan.checks["a"], seen, streak, board.status.entries["a"], cost=cost)


def test_the_pause_is_the_interval_while_well_and_the_retry_while_failing() -> None:
    assert after(GOOD) == 60.0
    assert after(BAD) == 1.0


def test_a_warning_is_looked_at_less_often_than_a_failure_and_what_cannot_be_seen_seldom() -> None:
    assert after(warned("late", "late", SEEN)) == 5.0
    assert after(unseen("no right")) == 15.0


@pytest.mark.parametrize("pause", [1.0, 5.0, 60.0])
@pytest.mark.parametrize("phase", [0.0, 0.001, 0.25, 0.5, 0.75, 0.8, 0.9, 0.999])
def test_pauses_end_with_a_full_second_before_long_and_never_later_than_they_should(
    pause: float, phase: float
) -> None:
    now = 1000.0 + phase
    for _ in range(2):
        wait = aligned(pause, now)
        assert pause - 1.0 < wait <= pause
        assert wait > 0.1
        now += wait
    assert now % 1.0 == pytest.approx(0.0, abs=1e-6)


def test_a_short_pause_ends_with_a_quarter_of_a_second_and_a_very_short_one_stays_as_it_is() -> None:
    assert aligned(0.6, 1000.3) == pytest.approx(0.45)
    assert aligned(0.3, 1000.3) == 0.3


def test_a_silence_that_does_not_count_yet_is_tried_again_at_once() -> None:
    assert after(SILENT, standing=GOOD, against=1) == 0.0


def test_a_recovery_that_does_not_count_yet_waits_for_the_retry() -> None:
    assert after(GOOD, standing=SILENT, against=1) == 1.0


def test_a_dear_look_is_made_the_less_often_the_dearer_it_is_and_more_often_while_something_fails() -> None:
    assert after(GOOD, dear=True, cost=0.1) == REST * 0.1
    assert after(BAD, dear=True, cost=0.1) == WATCHING * 0.1
    assert after(GOOD, dear=True, cost=1.0) == LONGEST
    assert after(GOOD, cost=0.1) == 60.0


def test_a_dear_look_without_an_answer_is_not_made_again_before_long() -> None:
    assert after(unseen("no answer"), dear=True) == 15.0
    assert after(unseen("no answer"), dear=True, took=2.0) == UNANSWERED * 2.0


async def test_an_answer_that_once_took_long_does_not_put_off_the_looks_after_it() -> None:
    probe = Probe(replace(GOOD, cost=1e-6))
    async with running(plan((check("a", interval=0.02, dear=True), probe))):
        await until(lambda: probe.calls >= 2)
        probe.finding = replace(GOOD, cost=LONGEST)
        calls = probe.calls
        await until(lambda: probe.calls >= calls + 2)


def overdrawn(seconds: float = FULL + 1.0) -> Context:
    """A context whose Envoy has done so much for us that nothing is left; it is never asked."""
    admin = EnvoyAdmin(AdminAddress("abstract", "nobody", "test"))
    admin.budget.charge(seconds)
    return replace(context(), admin_client=admin)


async def test_a_dear_look_waits_while_the_budget_is_overdrawn_and_no_other_does() -> None:
    dear, cheap = Probe(), Probe()
    what = plan((check("dear", dear=True), dear), (check("cheap"), cheap))
    async with running(what, given=False) as (engine, _, _broke):
        engine.use(overdrawn())
        await until(lambda: (dear.calls, cheap.calls) == (1, 1))  # a first look never waits
        engine.trigger(["dear", "cheap"])
        await until(lambda: cheap.calls == 2)
        engine.trigger(["dear", "cheap"])
        await until(lambda: cheap.calls == 3)
        assert dear.calls == 1


async def test_a_dear_look_at_what_the_replica_tells_of_goes_first() -> None:
    probe = Probe()
    async with running(plan((check("a", dear=True), probe)), given=False) as (engine, _, _broke):
        engine.use(overdrawn())
        await until(lambda: probe.calls == 1)
        engine.trigger(["a"])
        engine.told(["a"])
        await until(lambda: probe.calls == 2)


async def test_a_dear_look_for_which_readiness_waits_goes_first() -> None:
    probe = Probe()
    async with running(plan((check("a", dear=True), probe)), given=False) as (engine, board, _broke):
        engine.use(overdrawn())
        await until(lambda: board.status.ready)
        board.look_anew(["a"])
        engine.trigger(["a"])
        await until(lambda: board.status.ready)


async def test_a_look_that_keeps_envoys_answer_never_waits_for_the_account_and_knows_its_haste() -> None:
    probe = Probe()
    hastes = []

    async def look(context: Context) -> Finding:
        hastes.append(context.haste)
        return await probe(context)

    what = plan((check("a", dear=True, keeps=True), look))  # type: ignore[arg-type]
    async with running(what, given=False) as (engine, _, _broke):
        engine.use(overdrawn(2 * FULL + 1.0))
        await until(lambda: probe.calls == 1)
        for call, tell in enumerate((engine.trigger, engine.changed, engine.told, engine.trigger), start=2):
            tell(["a"])
            await until(lambda: probe.calls == call)  # noqa: B023  (it is waited for here)
        assert hastes == [Haste.FIRST, Haste.NONE, Haste.CHANGED, Haste.TOLD, Haste.NONE]


async def test_a_dear_look_after_a_changed_configuration_goes_first() -> None:
    probe = Probe()
    async with running(plan((check("a", dear=True), probe)), given=False) as (engine, _, _broke):
        engine.use(overdrawn())
        await until(lambda: probe.calls == 1)
        engine.changed(["a"])
        await until(lambda: probe.calls == 2)


async def test_a_look_that_asks_for_another_gets_it_whatever_the_interval() -> None:
    probe = Probe(replace(GOOD, again=0.01))
    async with running(plan((check("a", interval=3600.0, dear=True), probe)), given=False) as (engine, _, _b):
        engine.use(overdrawn())
        await until(lambda: probe.calls >= 3)


async def test_a_glance_is_for_what_fails_and_for_dear_looks_that_cost_nothing_yet() -> None:
    dear, calm, bad = Probe(), Probe(), Probe(BAD)
    what = plan((check("dear", dear=True), dear), (check("calm"), calm), (check("bad"), bad))
    async with running(what, given=False) as (engine, _, _broke):
        engine.use(overdrawn(0.0))
        await until(lambda: (dear.calls, calm.calls, bad.calls) == (1, 1, 1))
        engine.glance(["dear", "calm", "bad"])
        await until(lambda: (dear.calls, bad.calls) == (2, 2))
        engine.use(overdrawn(FULL / 2))  # of the same Envoy by now
        await until(lambda: (dear.calls, calm.calls, bad.calls) == (3, 2, 3))
        engine.glance(["dear", "calm", "bad"])
        await until(lambda: bad.calls == 4)
        assert (dear.calls, calm.calls) == (3, 2)


async def test_another_envoy_has_a_budget_of_its_own() -> None:
    probe = Probe()
    async with running(plan((check("a", dear=True), probe)), given=False) as (engine, _, _broke):
        engine.use(overdrawn())
        await until(lambda: probe.calls == 1)
        engine.trigger(["a"])
        engine.use(replace(overdrawn(0.0), replica=context(pid=2).replica))
        for calls in (2, 3, 4):
            await until(lambda: probe.calls >= calls)  # noqa: B023  (it is waited for here)
            engine.trigger(["a"])
