"""The replicas as a table, as wide as the reader's terminal. Loads rich: only for who looks at one."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from pomhealth.cluster.show.model import Cluster
from pomhealth.cluster.show.words import Row, below, rows, total
from pomhealth.report.style import Style
from pomhealth.status import Outcome

WIDEST = 140  # columns
_WIDE, _NARROW, _NARROWEST = (
    100,
    72,
    50,
)  # columns, below which what is not so important goes into fewer columns
_MOST_SHORT = 11  # columns of a version, a time
_COLOURS = {
    Outcome.PASS: "green",
    Outcome.WARN: "yellow",
    Outcome.FAIL: "red",
    Outcome.UNKNOWN: "cyan",
    Outcome.SKIPPED: "bright_black",
}
_AFTER = re.compile(r" +(?=(?:\x1b\[[0-9;]*m)*$)", re.MULTILINE)


def listing(cluster: Cluster, style: Style, width: int) -> str:
    """The table, and under it what there is to say of the whole."""
    out = io.StringIO()
    console = Console(
        file=out,
        width=width,
        color_system="standard" if style.colour else None,
        force_terminal=style.colour,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )
    parts: list[RenderableType] = [table(rows(cluster), style, width), Text()] if cluster.replicas else []
    console.print(Group(*parts, *_told(cluster, style)), crop=False)
    return _AFTER.sub("", out.getvalue())


def screen(cluster: Cluster | None, style: Style, width: int, height: int, trouble: str) -> RenderableType:
    """The same for a terminal that is drawn again and again: what counts comes first, and no more than fits.

    `trouble` is what there is to say of the agent, "" where it answers. `cluster` is None before its first answer.
    """
    said = [Text(style.wrap(trouble), "bold red" if style.colour else ""), Text()] if trouble else []
    if cluster is None:
        return Group(*said)
    known = rows(cluster)
    room = max(height - len(below(cluster)) - 5 - 2 * bool(trouble), 3)
    urgent = sorted(range(len(known)), key=lambda place: known[place].urgency)[:room]
    shown = [known[place] for place in sorted(urgent)]
    left = len(known) - len(shown)
    more = [Text(f"and {left} more, none of them worse")] if left else []
    drawn: list[RenderableType] = [Text(), table(shown, style, width)] if shown else []
    return Group(*said, *_told(cluster, style), *drawn, *more)


def table(known: Sequence[Row], style: Style, width: int) -> Table:
    """A line for each replica, or several where it has no room for all."""
    gap = 2 if width >= _WIDE else 1
    made = Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="")
    cells = [tuple(_cells(row, style, width)) for row in known]
    heads = ("REPLICA", "STATE", "FINDING", "VERSION", "CONFIG", "SEEN")[
        : 6 if width >= _NARROW else 3 if width >= _NARROWEST else 2
    ]
    for place, room in enumerate(_widths(heads, cells, width - gap * (len(heads) - 1))):
        made.add_column(heads[place], overflow="fold", width=room)
    for row in cells:
        made.add_row(*row)
    return made


def _widths(heads: Sequence[str], cells: Sequence[Sequence[Text]], width: int) -> list[int]:
    """The columns of each; what the short ones leave, names share with what is told of them."""
    natural = [
        max(max((_widest(row[place]) for row in cells), default=0), len(head))
        for place, head in enumerate(heads)
    ]
    short = [min(wanted, _MOST_SHORT) for wanted in natural]
    told = 2 if len(heads) > 2 else 1
    left = max(width - sum(room for place, room in enumerate(short) if place not in (0, told)), 20)
    name = min(natural[0], max(left * 9 // 20, left - natural[told]))
    return [name, *short[1:told], min(natural[told], left - name), *short[told + 1 :]]


def _widest(text: Text) -> int:
    return max((cell_len(line) for line in text.plain.split("\n")), default=0)


def _cells(row: Row, style: Style, width: int) -> Iterator[Text]:
    colour = _COLOURS[row.outcome] if style.colour else ""
    mark = Style(unicode=style.unicode).mark(row.outcome)
    yield Text(f"{row.name} *" if row.own else row.name, "bold" if style.colour and row.own else "")
    state = Text(f"{mark} {row.state}", colour)
    if width >= _NARROW:
        yield state
        yield Text(row.finding)
        yield _marked(row.version, row.version_is, style)
        yield _marked(row.config, row.config_is, style)
        yield Text(row.seen)
        return
    odd = [
        f"{name} {value} ({is_})"
        for name, value, is_ in (
            ("version", row.version, row.version_is),
            ("configuration", row.config, row.config_is),
        )
        if is_
    ]
    if width >= _NARROWEST:
        yield state
        yield Text("\n".join([line for line in (row.finding, *odd) if line]))
    else:
        yield Text("\n").join([state, *(Text(line) for line in (row.finding, *odd) if line)])


def _marked(value: str, is_: str, style: Style) -> Text:
    if not is_:
        return Text(value)
    return Text(f"{value}\n{is_}", "yellow" if style.colour else "")


def _told(cluster: Cluster, style: Style) -> Iterator[Text]:
    """What there is to say of the whole; commands in it are not broken, so that they can be copied."""
    own = any(one.own for one in cluster.replicas)
    for line in (
        total(cluster),
        *(["* the replica of the agent that answers"] if own else []),
        *below(cluster),
    ):
        yield Text(style.wrap(line), no_wrap=True, overflow="ignore")
