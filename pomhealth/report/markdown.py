"""The report as Markdown, to paste into a ticket: the same content as the text, each thing where it is looked for. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone

from pomhealth import __version__
from pomhealth.catalogue import CURERS, Step
from pomhealth.replica.model import Replica
from pomhealth.report.items import Item, every
from pomhealth.report.mdtext import code, prose, table
from pomhealth.report.subject import by_right, details, subject, title
from pomhealth.report.verdict import counts, how_many, in_trouble, verdict
from pomhealth.status import Gate, Outcome

_SIGNS = {
    Outcome.PASS: "✅",
    Outcome.WARN: "⚠️",
    Outcome.FAIL: "❌",
    Outcome.UNKNOWN: "❔",
    Outcome.SKIPPED: "⏭️",
}
_STOPS = {
    Gate.LIVE: "Stops `/readyz` and `/healthz`",
    Gate.READY: "Stops `/readyz`",
    Gate.ALERT: "Stops nothing",
}


def page(tops: tuple[Item, ...], replica: Replica, now: float, *, partial: bool = False) -> str:
    """The whole report, made at `now` (seconds since the epoch).

    `partial`: only some checks were asked for, so nothing is said of the replica as a whole.
    """
    troubled = in_trouble(tops)
    hidden = [item for item in tops if item.outcome is Outcome.UNKNOWN and item not in troubled]
    skipped = [item for item in tops if item.outcome is Outcome.SKIPPED]
    blocks = [
        *(() if partial else _verdict(tops)),
        *_header(replica),
        *(block for item in troubled for block in _trouble(item, alone=replica.offline)),
        *_listed("Cannot be seen from here", _unseen(hidden, replica)),
        *_listed("Not judged", (f"{code(item.id)}: {prose(item.summary)}" for item in skipped)),
        *_passed([item for item in tops if item.outcome is Outcome.PASS]),
        _foot(tops, now),
    ]
    return "\n\n".join(blocks) + "\n"


def _verdict(tops: tuple[Item, ...]) -> Iterator[str]:
    found = verdict(tops)
    stopping = f": {_named(found.stopping)}" if found.stopping else ""
    yield f"# {_SIGNS[found.outcome]} {found.said}{stopping}"
    if found.told:
        yield f"To see to{' besides' if found.stopping else ''}: {_named(found.told)}."


def _named(items: Iterable[Item]) -> str:
    return ", ".join(code(item.id) + (f" ({item.cause})" if item.cause else "") for item in items)


def _header(replica: Replica) -> Iterator[str]:
    about = subject(replica)
    yield f"**{prose(title(about))}**"
    yield table(("", ""), ((prose(name.rstrip(":")), code(value)) for name, value in details(about)))


def _trouble(item: Item, *, alone: bool) -> Iterator[str]:
    """`alone`: it is of a file that no replica runs, and so stops nothing."""
    yield f"## {_SIGNS[item.outcome]} {code(item.id)}" + (f": {item.cause}" if item.cause else "")
    told = not alone and item.outcome is not Outcome.WARN
    yield prose(item.summary) + (f" ({_STOPS[item.entry.component.gate].lower()})" if told else "")
    if item.evidence:
        rows = ((code(one.source), code(one.observed), prose(one.expected)) for one in item.evidence)
        yield table(("looked at", "seen", "expected"), rows)
    if item.reported:
        yield _contradiction(item)
    if item.says:
        yield prose(item.says)
    yield from _steps(item)
    if item.docs:
        words = f"pomhealth explain {shlex.quote(item.id)}" + (f"/{item.cause}" if item.says else "")
        yield f"More: {code(words)}, {code(item.docs)}"
    if item.followers:
        followers = ", ".join(code(follower.id) for follower in every(item.followers))
        yield f"Not judged while it fails: {followers}"


def _steps(item: Item) -> Iterator[str]:
    if item.who:
        yield f"**To do, by {CURERS[item.who]}:**" if item.steps else f"For {CURERS[item.who]}."
    if item.steps:
        yield "\n".join(line for number, step in enumerate(item.steps, 1) for line in _step(number, step))


def _step(number: int, step: Step) -> Iterator[str]:
    yield f"{number}. {prose(step.text)}"
    for platform, what in step.each:
        yield f"   - {platform}: {prose(what)}"


def _unseen(hidden: list[Item], replica: Replica) -> Iterator[str]:
    """What cannot be seen, with the right that is lacking: what lacks the same one together."""
    alone = [item for item in hidden if item.steps or item.reported]
    pairs = [(item.id, item.summary) for item in hidden if item not in alone]
    for what, lack in by_right((*pairs, *([] if replica.offline else replica.missing.items()))):
        yield f"{prose(what)}: {prose(lack)}"
    for item in alone:
        said = f" {_contradiction(item)}" if item.reported else ""
        steps = "".join(f"\n  {line}" for n, step in enumerate(item.steps, 1) for line in _step(n, step))
        yield f"{code(item.id)}: {prose(item.summary)}{said}{steps}"


def _passed(items: list[Item]) -> Iterator[str]:
    """Folded up: nobody opens a ticket for it, and somebody may ask."""
    if not items:
        return
    rows = ((code(item.id), _with_contradiction(item)) for item in items)
    summary = f"<details>\n<summary>{_SIGNS[Outcome.PASS]} {len(items)} passed</summary>"
    yield f"{summary}\n\n{table(('check', 'what was found'), rows)}\n\n</details>"


def _with_contradiction(item: Item) -> str:
    return prose(item.summary) + (f" {_contradiction(item)}" if item.reported else "")


def _contradiction(item: Item) -> str:
    return f"The replica itself reports otherwise: {code(item.reported)}"


def _listed(heading: str, lines: Iterable[str]) -> Iterator[str]:
    told = "\n".join(f"- {line}" for line in lines)
    if told:
        yield f"## {heading}"
        yield told


def _foot(tops: tuple[Item, ...], now: float) -> str:
    date = datetime.fromtimestamp(now, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
    told = ", ".join(what for what, _ in counts(tops)) or "nothing to judge"
    return f"{how_many(tops)}: {told}. `pomhealth {__version__}`, {date}"
