"""The report as text to read in a terminal: the verdict, what is wrong, what cannot be seen, what passed, the counts.

Whoever is woken by an alert reads the first screen, whoever scrolls reads the last lines: both hold the verdict.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from pomhealth.replica.model import Replica
from pomhealth.report.advice import numbered
from pomhealth.report.items import Item, every
from pomhealth.report.style import Style, clean
from pomhealth.report.subject import by_right, details, subject, title
from pomhealth.report.verdict import counts, how_many, in_trouble, verdict
from pomhealth.report.wrapping import columns, cut
from pomhealth.status import Gate, Outcome

_INDENT = "    "
_WIDEST_ID = 31  # columns; a longer id pushes its own line to the right
_LEAST = 20  # columns for what a check that passed has to say, however long its id
_LONG = 20  # characters: what is seen and as long as this stands in the summary on purpose, not by chance
_GATES = {Gate.LIVE: "stops /readyz and /healthz", Gate.READY: "stops /readyz", Gate.ALERT: "stops nothing"}


def render(tops: tuple[Item, ...], replica: Replica, style: Style, *, partial: bool = False) -> str:
    """The whole report. `partial`: only some checks were asked for, so nothing is said of the replica as a whole."""
    blocks = ["\n".join([*([] if partial else [_verdict(tops, style)]), _header(replica, style)])]
    troubled = in_trouble(tops)
    blocks += ["\n".join(_trouble(item, style, alone=replica.offline)) for item in troubled]
    column = min(max((len(item.id) for item in every(tops)), default=0), _WIDEST_ID)
    hidden = [item for item in tops if item.outcome is Outcome.UNKNOWN and item not in troubled]
    sections = {
        "Cannot be seen from here": list(_unseen(hidden, replica, style)),
        "Not judged": [_headed(item, style, column) for item in tops if item.outcome is Outcome.SKIPPED],
        "Passed": [
            line for item in tops if item.outcome is Outcome.PASS for line in _passed(item, style, column)
        ],
    }
    blocks += ["\n".join([style.strong(name), *lines]) for name, lines in sections.items() if lines]
    blocks.append(_counts(tops, style) if partial else f"{_counts(tops, style)}\n{_verdict(tops, style)}")
    return "\n\n".join(blocks) + "\n"


def _verdict(tops: tuple[Item, ...], style: Style) -> str:
    """Whether the replica should get traffic, and on a line of its own what else is to be seen to."""
    found = verdict(tops)
    stopping = f": {_named(found.stopping)}" if found.stopping else ""
    lines = [(f"{found.said}{stopping}.", found.outcome)]
    if found.told:
        besides = " besides" if found.stopping else ""
        lines.append((f"To see to{besides}: {_named(found.told)}.", found.told[0].outcome))
    return "\n".join(
        style.mark(of) + style.strong(style.wrap(line, "* ").removeprefix("*")) for line, of in lines
    )


def _named(items: Iterable[Item]) -> str:
    return ", ".join(f"{item.id} ({item.cause})" if item.cause else item.id for item in items)


def _header(replica: Replica, style: Style) -> str:
    about = subject(replica)
    told = [clean(f"{name} {value}") for name, value in details(about)]
    listed = [f"{one}," for one in told[:-1]] + told[-1:]
    return "\n".join([style.wrap(title(about), "", "  "), style.faint(style.flow(listed, "  "))])


def _trouble(item: Item, style: Style, *, alone: bool) -> Iterator[str]:
    """`alone`: it is of a file that no replica runs, and so stops nothing."""
    yield _headline(item, style, alone=alone)
    yield style.wrap(item.summary, _INDENT)
    for evidence in item.evidence:
        if len(evidence.observed) > _LONG and evidence.observed in item.summary:
            yield style.wrap(evidence.source, f"{_INDENT}seen at   ")
        else:
            yield style.wrap(f"{evidence.source}: {evidence.observed}", f"{_INDENT}seen      ")
        yield style.wrap(evidence.expected, f"{_INDENT}expected  ")
    if item.reported:
        yield _contradiction(item, style)
    if item.says:
        yield style.wrap(item.says, _INDENT)
    yield from numbered(item.steps, item.who, style, _INDENT)
    if item.docs:
        yield style.faint(style.wrap(f"`{_explain(item)}`, {item.docs}", f"{_INDENT}More: ").replace("`", ""))
    if item.followers:
        followers = ", ".join(follower.id for follower in every(item.followers))
        line = style.wrap(followers, f"{_INDENT}* not judged while it fails: ", f"{_INDENT}  ")
        yield line.replace("*", style.mark(Outcome.SKIPPED), 1)


def _headline(item: Item, style: Style, *, alone: bool) -> str:
    """What is wrong, in one line where it fits: colours are put on last, since a line is broken without them."""
    outcome = item.outcome
    words = [clean(item.id) + ":" * bool(item.cause), item.cause]
    if not alone and outcome is not Outcome.WARN:
        words.append(f"({_GATES[item.entry.component.gate]})")
    line = style.flow([word for word in words if word], "* ", _INDENT)
    if "\n" not in line:
        line = f"* {style.strong(clean(item.id))}" + ": " * bool(item.cause)
        line += style.paint(item.cause, outcome) + "".join(f" {style.faint(word)}" for word in words[2:])
    return line.replace("*", style.mark(outcome), 1)


def _explain(item: Item) -> str:
    return f"pomhealth explain {shlex.quote(item.id)}" + (f"/{item.cause}" if item.says else "")


def _unseen(hidden: list[Item], replica: Replica, style: Style) -> Iterator[str]:
    """What cannot be seen, with the right that is lacking: what lacks the same one together."""
    alone = [item for item in hidden if item.steps or item.reported]
    pairs = [(item.id, item.summary) for item in hidden if item not in alone]
    mark = style.mark(Outcome.UNKNOWN)
    for what, lack in by_right((*pairs, *([] if replica.offline else replica.missing.items()))):
        yield style.wrap(f"{what}: {lack}", "  * ").replace("*", mark, 1)
    for item in alone:
        yield style.wrap(f"{item.id}: {item.summary}", "  * ").replace("*", mark, 1)
        if item.reported:
            yield _contradiction(item, style)
        yield from numbered(item.steps, item.who, style, _INDENT)


def _passed(item: Item, style: Style, column: int) -> Iterator[str]:
    """One line, cut where it is too long: -o json holds the rest."""
    name, room = _beside(item, style, column)
    if name:
        yield f"  {style.mark(item.outcome)} {name}  {cut(clean(item.summary), room, style.ellipsis)}"
    else:
        yield _headed(item, style, column)
    if item.reported:
        yield _contradiction(item, style)


def _headed(item: Item, style: Style, column: int) -> str:
    """A line "✓ id  summary", wrapped under the summary; the mark is painted last, since colour has no width."""
    name, room = _beside(item, style, column)
    if name:
        plain = style.wrap(item.summary, f"  * {name}  ", " " * (style.width - room))
    else:
        plain = "\n".join((style.flow([clean(item.id)], "  * "), style.wrap(item.summary, " " * 6)))
    return plain.replace("*", style.mark(item.outcome), 1)


def _beside(item: Item, style: Style, column: int) -> tuple[str, int]:
    """The id as wide as its column, and the columns left beside it; no name where they are too few."""
    name = clean(item.id)
    name += " " * (column - columns(name))
    room = style.width - columns(name) - 6
    return (name, room) if room >= _LEAST else ("", 0)


def _contradiction(item: Item, style: Style) -> str:
    return style.wrap(f"The replica itself reports otherwise: {item.reported}", _INDENT)


def _counts(tops: tuple[Item, ...], style: Style) -> str:
    told = [style.paint(what, outcome) for what, outcome in counts(tops)]
    ends = [","] * (len(told) - 1) + ["."]
    listed = [one + end for one, end in zip(told, ends, strict=True)] if told else ["nothing to judge."]
    return style.flow([f"{how_many(tops)}:", *listed])
