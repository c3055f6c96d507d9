"""A Textual widget that shows lines, and sends to the terminal only those that have changed."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from pomhealth.watch.view.line import Line, Look

_STYLES = {  # the terminal's own colours: they fit its background, and are short to send
    Look.USUAL: Style(),
    Look.STRONG: Style(bold=True),
    Look.FAINT: Style(dim=True),
    Look.PASS: Style(color="green"),
    Look.WARN: Style(color="yellow", bold=True),
    Look.FAIL: Style(color="red", bold=True),
    Look.UNKNOWN: Style(color="cyan"),
    Look.SKIPPED: Style(dim=True),
}
_SELECTED = Style(reverse=True)


class Lines(ScrollView, inherit_bindings=False):
    """Shows lines; the one that is `selected` (None: none is) begins with a sign and is reversed.

    Its keys are the view's: Textual's own would scroll past the selected line.
    """

    DEFAULT_CSS = """
    Lines {
        background: ansi_default;
        color: ansi_default;
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 0;
    }
    """

    def __init__(self, *, id: str, can_focus: bool = False, sign: str = "") -> None:  # noqa: A002  (Textual's name)
        super().__init__(id=id)
        self.can_focus = can_focus
        self._sign = sign
        self._lines: tuple[Line, ...] = ()
        self._selected: int | None = None

    class Resized(Message):
        """There is more or less room than before: what is shown must be fitted anew."""

    def on_resize(self) -> None:
        self.post_message(self.Resized())

    def show(self, lines: Sequence[Line], selected: int | None = None) -> None:
        """Shows these lines from now on."""
        before, was = self._lines, self._selected
        empty: tuple[Line, ...] = ((),) * (
            self.size.height - len(lines)
        )  # its size stays, and no layout is due
        self._lines, self._selected = (*lines, *empty), selected
        if len(before) != len(self._lines):
            self.virtual_size = Size(0, len(self._lines))
            self.refresh()
            return
        for at, (old, new) in enumerate(zip(before, self._lines, strict=True)):
            if old != new or (at in (was, selected) and was != selected):
                self.refresh_line(at)

    def reveal(self, at: int) -> None:
        """Scrolls as little as is needed for this line to be seen."""
        height = max(self.size.height, 1)
        top = self.scroll_offset.y
        if at < top:
            self.scroll_to(y=at, animate=False, immediate=True)
        elif at >= top + height:
            self.scroll_to(y=at - height + 1, animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        """What stands on a line of the widget."""
        at = y + self.scroll_offset.y
        width = self.size.width
        if at >= len(self._lines):
            return Strip.blank(width)
        chosen = at == self._selected
        over = _SELECTED if chosen else Style()
        sign = [Segment(self._sign if chosen else " ", over)] if self._sign else []
        pieces = [Segment(piece.text, _STYLES[piece.look] + over) for piece in self._lines[at] if piece.text]
        return Strip([*sign, *pieces]).adjust_cell_length(width, over)
