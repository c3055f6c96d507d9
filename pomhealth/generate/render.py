"""Templates to files. A template is a file below templates/KIND; the path there may hold placeholders too.

`{{name}}` is a value, written as the file's reader reads it. Lines between `{{#name}}` and `{{/name}}`, each on a line
of its own (a `#` may stand before it), are there only where that value is true or not empty, those after `{{^name}}`
only where it is not. A file of which nothing is left is not made.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from pomhealth.generate import escape
from pomhealth.generate.escape import Escape, TemplateError
from pomhealth.generate.values import Values

if TYPE_CHECKING:
    from importlib.abc import Traversable

Known = Mapping[str, "str | float | bool"]

KINDS = ("systemd", "ecs", "compose", "kubernetes")

_NAME = re.compile(r"\{\{(\w+)\}\}")
_SECTION = re.compile(
    r"^[ \t]*(?:# *)?\{\{(?P<sign>[#^])(?P<name>\w+)\}\}[ \t]*\n(?P<lines>.*?)^[ \t]*(?:# *)?\{\{/(?P=name)\}\}[ \t]*\n",
    re.MULTILINE | re.DOTALL,
)
_LEFT = re.compile(r"\{\{[#^/]?\w+\}\}")
_BY_SUFFIX: dict[str, Escape] = {
    ".json": escape.in_json,
    ".yaml": escape.in_yaml,
    ".yml": escape.in_yaml,
    ".toml": escape.in_yaml,
}


@dataclass(frozen=True, slots=True)
class File:
    """A file to write: its path below the directory of its kind, with slashes, its text, and the names of the values
    that made it.
    """

    path: str
    text: str
    names: frozenset[str] = frozenset()


def files(kind: str, values: Values) -> tuple[File, ...]:
    """The files of a kind, by path. Raises Unwritable, and TemplateError for a mistake in a template."""
    made = (
        File(
            render(path, values, _as_it_is),
            render(text, values, escape_for(kind, path)),
            frozenset(_NAME.findall(path + text) + [one["name"] for one in _SECTION.finditer(text)]),
        )
        for path, text in templates(kind)
    )
    return tuple(sorted((one for one in made if one.text.strip()), key=lambda one: one.path))


def templates(kind: str) -> Iterator[tuple[str, str]]:
    """Path and text of each template of a kind."""
    root = package_files("pomhealth.generate") / "templates" / kind
    if root.is_dir():
        yield from _below(root, PurePosixPath())


def render(text: str, values: Values, escaped: Escape) -> str:
    """One text with its sections decided and its placeholders filled in. Raises as `files` does."""
    known = values.named()
    chosen, before = text, ""
    while chosen != before:  # sections may stand in one another
        before, chosen = chosen, _SECTION.sub(lambda found: _section(found, known), chosen)
    left = next((one[0] for one in _LEFT.finditer(chosen) if not _NAME.fullmatch(one[0])), None)
    if left is not None:
        raise TemplateError(f"{left} has no other end, or does not stand on a line of its own")
    return _NAME.sub(lambda found: _value(found, known, escaped), chosen)


def _section(found: re.Match[str], known: Known) -> str:
    value = known.get(found["name"])
    if not isinstance(value, (bool, str)):
        raise TemplateError(f"{found['name']} is neither a truth nor a text")
    return found["lines"] if bool(value) == (found["sign"] == "#") else ""


def _value(found: re.Match[str], known: Known, escaped: Escape) -> str:
    name = found[1]
    value = known.get(name)
    if value is None or isinstance(value, bool):
        raise TemplateError(f"there is no value called {name}")
    if not isinstance(value, str):
        return f"{value:.15g}"
    escape.check(name, value)
    before = found.string[found.string.rfind("\n", 0, found.start()) + 1 : found.start()]
    try:
        return escaped(value, before)
    except TemplateError as error:
        raise TemplateError(f"{found[0]} after {before!r}: {error}") from None


def escape_for(kind: str, path: str) -> Escape:
    """How a text is written in this file."""
    if kind == "systemd" and PurePosixPath(path).suffix not in _BY_SUFFIX:
        return escape.in_systemd
    found = _BY_SUFFIX.get(PurePosixPath(path).suffix)
    if found is None:
        raise TemplateError(f"{kind}/{path}: nothing is known of this kind of file")
    return escape.in_compose if kind == "compose" and found is escape.in_yaml else found


def _as_it_is(text: str, before: str) -> str:  # noqa: ARG001  (an Escape)
    return text


def _below(directory: Traversable, path: PurePosixPath) -> Iterator[tuple[str, str]]:
    for entry in directory.iterdir():
        if entry.is_dir():
            yield from _below(entry, path / entry.name)
        elif not entry.name.startswith("."):
            yield str(path / entry.name), entry.read_text(encoding="utf-8")
