"""The page's icon: a shape and a colour for each verdict, as a data URI. Pure."""

from __future__ import annotations

from urllib.parse import quote

_TICK = "M4.5 8.5 7 11l4.5-6"
_SHAPES = {
    "ready": ("#2c7a54", "M8 0a8 8 0 100 16A8 8 0 008 0z", _TICK),
    "concern": ("#9a6700", "M8 0l8 15H0z", "M8 5v5M8 12v1.2"),
    "not-ready": ("#c2281d", "M5 0h6l5 5v6l-5 5H5l-5-5V5z", "M5 5l6 6M11 5l-6 6"),
    "starting": ("#4d6a8f", "M8 0a8 8 0 100 16A8 8 0 008 0z", "M8 4v4l3 2"),
    "draining": ("#4d6a8f", "M0 0h16v16H0z", "M8 3v9M4 8.5 8 12l4-3.5"),
    "blind": ("#6b6b6b", "M8 0l8 8-8 8-8-8z", "M6 6.5a2 2 0 114 0C10 8 8 8 8 9.5M8 11v1.2"),
}
OLD = "old"
_OLD = ("#6b6b6b", "M0 0h16v16H0z", "M4 8h8")


def icon(state: str) -> str:
    """The icon of a verdict's state, or of a page that is OLD."""
    colour, ground, sign = _OLD if state == OLD else _SHAPES[state]
    drawn = (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><path fill='{colour}' d='{ground}'/>"
        f"<path fill='none' stroke='#fff' stroke-width='2' d='{sign}'/></svg>"
    )
    return "data:image/svg+xml," + quote(drawn, safe=" '/=:()")
