"""Draws the page of the cluster: a few rows at a time, and no more than make a page of a bounded size."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Template
from markupsafe import Markup

from pomhealth import __version__
from pomhealth.cluster.model import Agentless, Member
from pomhealth.publish.browser import EVERY_REPLICA, REPLICAS, Part
from pomhealth.publish.page import alerts, paper
from pomhealth.publish.page.cluster.rows import row, when
from pomhealth.publish.page.cluster.survey import COUNTED, LAST, MOST, Survey, said, survey
from pomhealth.publish.page.cluster.verdict import rollout, todo, verdict
from pomhealth.publish.page.icon import OLD, icon
from pomhealth.publish.page.kept import Kept
from pomhealth.publish.page.verdict import Verdict
from pomhealth.publish.view import View

PREFIX = "cluster_"  # of the ids of checks over all replicas
AT_A_TIME = 5  # rows in a part
SPACE = 68 * 1024  # bytes of verdict, what is to do, and rows
LEAST = 24 * 1024  # bytes of them for the rows, whatever is to do
SEEN = 100  # bytes, for when a replica was last seen

Placed = tuple[Member | Agentless, str]


@dataclass(frozen=True, slots=True)
class Rest:
    """What has no row: in words, whether all of it is well; `hidden` is how many were silent for long, `everyone` whether they are shown."""

    said: str
    is_well: bool
    hidden: int
    everyone: bool


class Drawer:
    """Draws views, one after another. What is the same in the next one is kept."""

    def __init__(self, templates: Mapping[str, Template], *, everyone: bool) -> None:
        self._templates = templates
        self._kept = Kept(templates)
        self._everyone = everyone
        self._verdict: Verdict | None = None
        self._seen: tuple[tuple[str, float], ...] = ()

    def parts(self, view: View) -> Generator[Part, None, None]:
        """Every part of the page, one after the other; without ages in words, as they are never the same twice."""
        self._kept.begin()
        draw = self._kept.draw
        found = yield from survey(view.roster, everyone=self._everyone)
        acute = tuple(one for one in alerts.alerts(view) if one.id.startswith(PREFIX))
        self._verdict = verdict(view, found.counts, acute)
        head = draw("verdict", self._verdict)
        yield "part-verdict", head
        to_do = draw("todo", todo(view.roster, found.counts, acute))
        yield "part-now", to_do
        yield "part-rollout", draw("rollout", rollout(view.roster))
        room = max(SPACE - _size(head) - _size(to_do), LEAST)
        drawn = 0
        for number in range(MOST // AT_A_TIME):
            some = found.rows[drawn : drawn + AT_A_TIME] if drawn == number * AT_A_TIME else ()
            rows, room = self._fitting(some, room, found, view)
            drawn += len(rows)
            yield f"part-rows-{number}", draw("rows", (number, rows), str(number))
        placed = found.rows[:drawn]
        yield "part-rest", draw("rest", self._rest(placed, found))
        self._seen = tuple(_seen(placed, view))
        yield "part-looked", draw("looked", paper.looked(self._seen))

    def document(self, view: View, event: str, parts: Mapping[str, str]) -> bytes:
        """The whole document at the moment of the view, of these parts, which were drawn last; ages and all."""
        made = paper.safe(parts)
        document = self._templates["replicas.html"].render(
            made=made,
            rows=[part for id_, part in made.items() if id_.startswith("rows-")],
            verdict=self._verdict,
            event=event,
            follows=EVERY_REPLICA if self._everyone else REPLICAS,
            now=view.now,
            version=__version__,
            old=icon(OLD),
        )
        return paper.dated(document, self._seen, view.now).encode("utf-8", "replace")

    def _fitting(
        self, placed: Sequence[Placed], room: int, found: Survey, view: View
    ) -> tuple[tuple[Markup, ...], int]:
        """The rows that there is room for, and the room that is left, in bytes."""
        rows: list[Markup] = []
        for one, how in placed:
            model = row(one, how, view.roster, found, is_ready=view.status.ready)
            html = self._kept.draw("row", model, one.id if isinstance(one, Member) else f"at {one.where}")
            room -= _size(html) + SEEN
            if room < 0:
                break
            rows.append(paper.drawn(html))
        return tuple(rows), max(room, 0)

    def _rest(self, drawn: Sequence[Placed], found: Survey) -> Rest:
        counts = Counter(dict(found.counts))
        counts.subtract(how for _, how in drawn)
        shown = (*COUNTED, *(LAST if self._everyone else LAST[:1]))
        left = [(how, counts[how]) for how in shown if counts[how] > 0]
        return Rest(_more(left), [how for how, _ in left] == ["ready"], found.hidden, self._everyone)


def _size(html: str) -> int:
    return len(html.encode("utf-8", "replace"))


def _more(left: Sequence[tuple[str, int]]) -> str:
    """How many have no row, and how they are."""
    if not left:
        return ""
    if len(left) == 1:
        how, number = left[0]
        return f"{number:,} more {'is' if number == 1 else 'are'} {said(how)}"
    told = ", ".join(f"{number:,} {said(how)}" for how, number in left)
    return f"{sum(number for _, number in left):,} more: {told}"


def _seen(drawn: Sequence[Placed], view: View) -> Iterator[tuple[str, float]]:
    """When each replica was last seen by this agent's clock, whose seconds the page counts on."""
    me = view.roster.me
    ahead = me.account.clock or 0.0 if me is not None else 0.0
    for one, _ in drawn:
        at = when(one.last_seen + ahead) if isinstance(one, Member) else 0.0
        if isinstance(one, Member) and at:
            yield one.id, round(at)
