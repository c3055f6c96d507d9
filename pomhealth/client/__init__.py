"""`pomhealth health`: asks an agent, or a replica's own health server, and says in one line a check what is wrong.

It must start faster than can be felt, so it imports nothing that it does not use; a test names its modules.
"""

import os
from time import monotonic, sleep

from pomhealth.client.answer import Answer, AskError, Row
from pomhealth.client.ask import Address, AddressError, ask
from pomhealth.client.usage import HELP, Options, UsageError, parse

HEALTHY, UNHEALTHY, USAGE = 0, 1, 64
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between two tries of --wait
_LONGEST_LINE = 600  # characters
_MOST = 3900  # bytes: Docker keeps 4 KiB of a probe's output


class Verdict:
    """What is to be told: `failing` explains why it is not healthy; `trouble` that there was no usable answer."""

    __slots__ = ("excluded", "failing", "rows", "trouble")

    def __init__(
        self, rows: list[Row], failing: list[Row], excluded: list[str], trouble: AskError | None = None
    ) -> None:
        self.rows = rows
        self.failing = failing
        self.excluded = excluded
        self.trouble = trouble

    @property
    def all(self) -> list[Row]:
        return self.rows + [row for row in self.failing if row not in self.rows]

    @property
    def healthy(self) -> bool:
        return not self.failing and self.trouble is None


def main(arguments: list[str]) -> int:
    """Runs `pomhealth health` with these arguments; the result is the exit status. Writes to descriptors 1 and 2."""
    try:
        options = parse(arguments, dict(os.environ))
        address = Address(options.address)
        fallback = Address(options.fallback) if options.fallback else None
    except (UsageError, AddressError) as error:
        _write(2, f"pomhealth health: {error}\n")
        return USAGE
    if options.help:
        _write(1, HELP)
        return HEALTHY
    verdict = _wait(address, options)
    unanswered = ""
    if verdict.trouble is not None and fallback is not None:
        unanswered = f"{address.where}: {verdict.trouble}; {fallback.where} is asked instead\n"
        address, verdict = fallback, _ask(fallback, options, options.timeout)
    if options.output == "json":
        _write(2, unanswered)
        _write(1, _as_json(verdict, address))
    else:
        _write(1, unanswered + _as_text(verdict, address, verbose=options.verbose))
    return HEALTHY if verdict.healthy else UNHEALTHY


def judge(answer: Answer, ids: list[str], exclude: list[str], *, live: bool = False) -> Verdict:
    """What the answer means. Without `ids` as the agent judges: what stops readiness counts.

    A named check must itself be seen to be well, whatever it gates: failing, unknown, skipped and absent all count.
    With `live` what closes /healthz counts, and no more; a replica's own server tells no gates, so there all counts.
    """
    kept = [row for row in answer.rows if row.id not in exclude]
    if live and not ids and answer.ready is not None:
        rows = [row for row in kept if row.gate == "live"]
        failing = [row for row in rows if row.outcome == "fail"]
        return Verdict(rows, failing, [row.id for row in answer.rows if row.id in exclude])
    if ids:
        there = {row.id: row for row in kept}
        rows = [there.get(id_) or _absent(id_) for id_ in dict.fromkeys(ids) if id_ not in exclude]
        failing = [row for row in rows if row.stops or row.outcome not in ("pass", "warn")]
    else:
        rows = kept
        ignored = {row.id for row in answer.rows if row.stops and row.id in exclude}
        failing = [row for row in rows if row.stops or row.blocked_by in ignored]
        if answer.ready is False and not any(row.stops for row in answer.rows):
            failing = [
                Row(
                    "replica",
                    "unknown",
                    summary="the agent sees nothing of it that counts, or has not looked yet",
                    fix=(
                        "pomhealth check, run as root beside the replica, says what cannot be seen and why",
                    ),
                )
            ]
    return Verdict(rows, failing, [row.id for row in answer.rows if row.id in exclude])


def _absent(id_: str) -> Row:
    return Row(
        id_, "unknown", summary="no such check in the answer", fix=("pomhealth checks lists every id",)
    )


def _ask(address: Address, options: Options, timeout: float) -> Verdict:
    try:
        return judge(ask(address, timeout), options.ids, options.exclude, live=options.live)
    except AskError as error:
        return Verdict([], [], [], error)


def _wait(address: Address, options: Options) -> Verdict:
    """The first healthy verdict, or the last one when the time to wait is over."""
    until = monotonic() + options.wait
    pause = _FIRST_PAUSE
    while True:
        timeout = (
            min(options.timeout, max(until - monotonic(), _FIRST_PAUSE)) if options.wait else options.timeout
        )
        verdict = _ask(address, options, timeout)
        if options.pid is not None and not _runs(options.pid):
            return _without(options.pid, verdict)
        if verdict.healthy or monotonic() + pause >= until:
            return verdict
        sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE)


def _runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True  # another user's
    except (ValueError, OverflowError, OSError):
        return False
    return True


def _without(pid: str, verdict: Verdict) -> Verdict:
    """The process that must run has ended: that comes first, and what else is seen may be why."""
    ended = Row(
        "pomerium.process",
        "fail",
        stops=True,
        cause="not-running",
        summary=f"process {pid} has ended" if pid else "it has ended",
        fix=("its last lines say why: journalctl -u pomerium, or where else its output goes",),
    )
    others = [row for row in verdict.failing if row.outcome == "fail" and row.id != ended.id]
    return Verdict(verdict.rows, [ended, *others], verdict.excluded)


def _as_text(verdict: Verdict, address: Address, *, verbose: bool) -> str:
    if verdict.trouble is not None:
        return _line(address.where, "", str(verdict.trouble), (verdict.trouble.fix,))
    lines = []
    if verbose:
        for row in verdict.all:
            text = _line(
                row.id, row.cause, row.summary or _said(row), row.fix if row in verdict.failing else ()
            )
            lines.append(f"{row.outcome:8} {text}")
        lines += [f"excluded {id_}\n" for id_ in verdict.excluded]
    else:
        lines += _within(
            [_line(row.id, row.cause, row.summary or _said(row), row.fix) for row in verdict.failing]
        )
    if verdict.healthy:
        told = sum(row.outcome in ("fail", "warn") for row in verdict.rows)
        seen = sum(row.outcome != "unknown" for row in verdict.rows)
        alerts = f", {_count(told, 'alert')}" if told else ""
        lines.append(f"healthy: {_count(seen, 'check')}{alerts}\n")
    elif verbose:
        lines.append(f"unhealthy: {len(verdict.failing)} of {_count(len(verdict.rows), 'check')}\n")
    return "".join(lines)


def _within(lines: list[str]) -> list[str]:
    """As many lines, the worst first, as supervisors keep, and how many more there are."""
    room = _MOST
    for index, line in enumerate(lines):
        room -= len(line.encode("utf-8", "replace"))
        if room < 0:
            return [*lines[:index], f"and {len(lines) - index} more: pomhealth health -v\n"]
    return lines


def _said(row: Row) -> str:
    return f"follows from {row.blocked_by}" if row.blocked_by else row.outcome


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _line(id_: str, cause: str, summary: str, fix: tuple[str, ...]) -> str:
    """One line, whatever the other side sent: no line breaks, no control characters, and the first step whole."""
    head = ": ".join(part for part in (id_, cause, summary) if part)
    tail = f" Fix: {fix[0]}" if fix and fix[0] else ""
    head, tail = (
        " ".join("".join(c if c.isprintable() else " " for c in part).split()) for part in (head, tail)
    )
    room = max(_LONGEST_LINE - len(tail), _LONGEST_LINE // 2)
    head = head if len(head) <= room else head[: room - 3] + "..."
    stop = "" if not tail or head.endswith((".", "!", "?")) else "."
    return f"{head}{stop}{' ' if tail else ''}{tail[:_LONGEST_LINE]}\n"


def _as_json(verdict: Verdict, address: Address) -> str:
    import json  # noqa: PLC0415  (only -o json needs it)

    trouble = verdict.trouble
    said = {
        "healthy": verdict.healthy,
        "address": address.where,
        "error": None if trouble is None else str(trouble),
        "fix": None if trouble is None else trouble.fix,
        "failing": [row.id for row in verdict.failing],
        "excluded": verdict.excluded,
        "checks": [
            {
                name: getattr(row, name)
                for name in ("id", "outcome", "stops", "gate", "cause", "summary", "fix", "blocked_by")
            }
            for row in verdict.all
        ],
    }
    return json.dumps(said, indent=2) + "\n"


def _write(descriptor: int, text: str) -> None:
    """Writes all of it, or nothing where nobody reads (a closed descriptor, a pipe without a reader)."""
    data = text.encode("utf-8", "replace")
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        return
