"""The terminal view: a verdict on each agent, the checks, and all that is known of the selected one."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.timer import Timer
from textual.widgets import Input

from pomhealth.client.ask import Address
from pomhealth.report.style import Style
from pomhealth.watch.follow import Follower
from pomhealth.watch.model import Seen
from pomhealth.watch.order import Row, Sort, rows
from pomhealth.watch.view.details import commands, details, help_, log
from pomhealth.watch.view.head import head
from pomhealth.watch.view.line import Line, Look, Piece, cut, plain
from pomhealth.watch.view.lines import Lines
from pomhealth.watch.view.listing import listing

_GAP = 0.3  # seconds between two updates, at least: the link to the terminal may be slow
_WIDE = 130  # columns from which on the details stand beside the list
_KEYS = "? help  q quit  / filter  p problems  s sort  l log  c copy  enter details"


class View(App[None]):
    """Follows agents, and shows them. `text` is what is looked for at first."""

    CSS_PATH = "view.tcss"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False  # the terminal's own selection works with shift
    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "quit", priority=True),
        Binding("q", "quit"),
        Binding("up,k", "move(-1)"),
        Binding("down,j", "move(1)"),
        Binding("pageup", "page(-1)"),
        Binding("pagedown,space", "page(1)"),
        Binding("home,g", "move(-100000)"),
        Binding("end,G", "move(100000)"),
        Binding("tab", "turn", priority=True),
        Binding("enter", "zoom"),
        Binding("slash", "search"),
        Binding("escape", "leave", priority=True),
        Binding("p", "problems"),
        Binding("s", "sort"),
        Binding("l", "pane('log')"),
        Binding("question_mark", "pane('help')"),
        Binding("c", "copy"),
    ]

    def __init__(self, addresses: Sequence[Address], text: str, style: Style) -> None:
        super().__init__(ansi_color=True)
        self._style = Style(colour=False, unicode=style.unicode)  # Textual paints
        self._followers = [Follower(one, self._hear) for one in addresses]
        self._agents = [follower.seen for follower in self._followers]
        self._text, self._sort, self._problems = text, Sort.WORST, False
        self._pane, self._zoomed, self._in_pane = "details", False, False
        self._rows: tuple[Row, ...] = ()
        self._key: tuple[int, str] | None = (
            None  # the line that was selected; None: the first, whichever it is
        )
        self._message = ""
        self._copied = 0
        self._painted = 0.0
        self._due: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Lines(id="head")
        with Container(id="body"):
            yield Lines(id="list", can_focus=True, sign=">")
            with Container(id="side"):
                yield Lines(id="title")
                yield Lines(id="pane", can_focus=True)
        yield Input(id="filter", placeholder="words to look for", select_on_focus=False)
        yield Lines(id="foot")

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self.exit)
        self.query_one(Input).cursor_blink = False
        for follower in self._followers:
            self.run_worker(follower.run())
        self._paint()

    def _hear(self, _: Seen) -> None:
        """Something is new: it is shown at once, or when the update before is old enough."""
        self._agents = [follower.seen for follower in self._followers]
        if self._due is None:
            left = self._painted + _GAP - time.monotonic()
            self._due = self.set_timer(max(left, 0.001), self._paint)

    def on_lines_resized(self, _: Lines.Resized) -> None:
        self._paint()

    # What is shown

    def _paint(self) -> None:
        if self._due is not None:
            self._due.stop()
            self._due = None
        if not self.query("#body"):
            return  # it is closing
        self._painted = time.monotonic()
        now = time.time()
        self._rows = rows(self._agents, self._sort, self._text, problems=self._problems)
        width, height = self.size
        self._arrange(width, height)
        self._of("head").show(head(self._agents, self._style, width, max(height // 4, 3), now))
        self._paint_list(now)
        self._paint_pane(now)
        self._of("foot").show([plain(cut(f" {self._message or _KEYS}", width, self._more), Look.FAINT)])

    def _arrange(self, width: int, height: int) -> None:
        """Where what stands: a list that is shorter than its half leaves the rest to the details."""
        top = len(head(self._agents, self._style, width, max(height // 4, 3), time.time()))
        wide = width >= _WIDE and not self._zoomed
        self.query_one("#body").set_class(wide, "wide")
        self._of("head").styles.height = top
        self._of("list").display = not self._zoomed
        room = height - top - 1
        self._of("list").styles.height = "100%" if wide else min(max(len(self._rows), 1), max(room // 2, 1))

    def _paint_list(self, now: float) -> None:
        width = self._of("list").size.width - 1  # the sign of the selected line
        if self._rows:
            self._of("list").show(listing(self._rows, self._style, width, now), self._at)
        else:
            self._of("list").show([plain(cut(self._nothing(), width, self._more), Look.FAINT)])

    def _nothing(self) -> str:
        if self._text:
            return f"nothing is found with {self._text!r}; esc shows everything"
        if self._problems and any(seen.snapshot for seen in self._agents):
            return "no problems; p shows everything"
        return "nothing is known yet"

    def _paint_pane(self, now: float) -> None:
        pane = self._of("pane")
        width = pane.size.width - 1
        row = self._rows[self._at] if self._rows else None
        if self._pane == "help":
            name, lines = "help", help_(self._style, width)
        elif self._pane == "log":
            name, lines = "log of changes", log(self._agents, self._style, width, now)
        else:
            name = (row.check.id if row.check else row.seen.address) if row else "details"
            lines = details(row, self._style, width, now)
        pane.show([(Piece(" "), *line) for line in lines])
        self._of("title").show([self._title(name)])

    def _title(self, name: str) -> Line:
        """A rule with what is shown below it, and above it how."""
        rule = "─" if self._style.unicode else "-"
        how = [self._sort.value] + ["problems only"] * self._problems
        how += [f"filter: {self._text}"] if self._text else []
        if self._rows and not self._zoomed:
            how.append(f"{self._at + 1} of {len(self._rows)}")
        width = self._of("title").size.width
        right = f" {', '.join(how)} {rule}"
        left = f"{rule}{'[' if self._in_pane else ' '}{name}{']' if self._in_pane else ' '}"
        left = cut(left, max(width - len(right) - 1, 8), self._more)
        return plain(cut(f"{left}{rule * (width - len(left) - len(right))}{right}", width, ""), Look.FAINT)

    @property
    def _at(self) -> int:
        """The place of the selected line; where it is gone, of the first."""
        keys = [row.key for row in self._rows]
        return keys.index(self._key) if self._key in keys else 0

    @property
    def _more(self) -> str:
        return "…" if self._style.unicode else "..."

    def _of(self, name: str) -> Lines:
        return self.query_one(f"#{name}", Lines)

    # What the keys and the mouse do

    def _select(self, at: int) -> None:
        if self._rows:
            at = max(0, min(at, len(self._rows) - 1))
            if self._rows[at].key != self._rows[self._at].key:
                self._of("pane").scroll_to(y=0, animate=False)
            self._key = self._rows[at].key
            self._copied = 0
            self._say("")
            self._of("list").reveal(at)

    def _say(self, message: str) -> None:
        self._message = message
        self._paint()

    def action_move(self, by: int) -> None:
        if self._in_pane or self._zoomed:
            self._of("pane").scroll_relative(y=by, animate=False)
        else:
            self._select(self._at + by)

    def action_page(self, by: int) -> None:
        name = "pane" if self._in_pane or self._zoomed else "list"
        self.action_move(by * max(self._of(name).size.height - 1, 1))

    def on_click(self, event: events.Click) -> None:
        if event.widget is self._of("list") and self._rows:
            self._in_pane = False
            self._select(event.y + self._of("list").scroll_offset.y)

    def action_turn(self) -> None:
        self._in_pane = not self._in_pane
        self._say("")

    def action_zoom(self) -> None:
        self._zoomed = not self._zoomed
        self._say("")

    def action_search(self) -> None:
        field = self.query_one(Input)
        field.value = self._text
        field.display = True
        self._of("foot").display = False
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._text = event.value.strip()
        self._paint()

    def on_input_submitted(self, _: Input.Submitted) -> None:
        self._leave_search()

    def _leave_search(self) -> None:
        self.query_one(Input).display = False
        self._of("foot").display = True
        self._of("list").focus()
        self._say("")

    def action_leave(self) -> None:
        """One step back: from the search, the help or the log, the details alone; at last everything is shown."""
        if self.query_one(Input).display:
            self._text = ""
            self._leave_search()
        elif self._pane != "details":
            self.action_pane(self._pane)
        elif self._zoomed:
            self.action_zoom()
        elif self._in_pane:
            self.action_turn()
        else:
            self._text, self._problems = "", False
            self._say("")

    def action_problems(self) -> None:
        self._problems = not self._problems
        self._say("")

    def action_sort(self) -> None:
        self._sort = self._sort.next
        self._say("")

    def action_pane(self, name: str) -> None:
        """Shows this in place of the details, or the details again; the help alone, since it is long."""
        self._pane = "details" if self._pane == name else name
        self._zoomed = self._pane == "help"
        self._of("pane").scroll_to(y=0, animate=False)
        self._say("")

    def action_copy(self) -> None:
        found = commands(self._rows[self._at] if self._rows else None)
        if not found:
            self._say("there is no command to copy here")
            return
        which = self._copied % len(found)
        self._copied += 1
        self.copy_to_clipboard(found[which])
        self._say(f"copied {which + 1} of {len(found)}: {found[which]}")
