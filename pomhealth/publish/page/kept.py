"""What was drawn for the view before, so that only what is another now is drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from jinja2 import Template

Made = TypeVar("Made")


class Kept:
    """Draws models by their templates. What one view had no use for is forgotten with the next."""

    def __init__(self, templates: Mapping[str, Template]) -> None:
        self._templates = templates
        self._kept: dict[str, tuple[object, Any]] = {}
        self._fresh: dict[str, tuple[object, Any]] = {}

    def begin(self) -> None:
        """Another view is to be drawn."""
        self._kept, self._fresh = self._fresh, {}

    def draw(self, template: str, model: object, name: str = "") -> str:
        """The HTML of a model; the `name` tells several of one template apart."""
        return self.same(
            f"{template} {name}",
            model,
            lambda: self._templates[f"{template}.html"].render(it=model),
        )

    def same(self, name: str, key: object, make: Callable[[], Made]) -> Made:
        """What was made under this name for the view before, or anew where its key is another than then."""
        kept = self._kept.get(name)
        if kept is None or kept[0] != key:
            kept = (key, make())
        self._fresh[name] = kept
        made: Made = kept[1]
        return made
