"""What the demo tells a user when it cannot go on: one clear line."""

from __future__ import annotations


class DemoError(Exception):
    """The demo, or one of its parts, cannot do what was asked; the text is one line for a person to read."""
