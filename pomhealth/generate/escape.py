"""How a text is written where it stands in a file, so that the file's reader reads that text again. Pure.

Where it stands is told by what precedes it on its line. Sources: systemd.syntax(7), systemd.service(5) ("Command
lines"), systemd.unit(5) ("Specifiers"), RFC 8259, YAML 1.2 (7.3.1), the Compose file reference ("Interpolation").
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

Escape = Callable[[str, str], str]

_UNITS = re.compile(  # directives that hold names of units, whose backslashes stay as they are
    r"(After|Before|Requires|Requisite|Wants|BindsTo|PartOf|Upholds|Conflicts|OnFailure|OnSuccess|Propagates\w+To"
    r"|\w+PropagatedFrom|JoinsNamespaceOf|WantedBy|RequiredBy|UpheldBy|Also|Service|Sockets|Unit)\Z"
)
_WORDS = re.compile(r"(Exec\w+|Environment|\w+Paths|RequiresMountsFor|WantsMountsFor)\Z")
_PREFIXES = re.compile(r"[-@:+!|]*\Z")  # of a command line, before the program
_NO_PROGRAM = re.compile(r"[\"'\\]")
_PLAIN = re.compile(r"[^\s\"'\\;]+\Z")


class TemplateError(Exception):
    """A template that cannot be right, whatever the values: a mistake of ours."""


class Unwritable(Exception):  # noqa: N818  (a statement about the value)
    """A value that no file can hold: it has a control character, or bytes that are no text."""


def in_systemd(text: str, before: str) -> str:
    """In a unit file: `%` is a specifier; `$` a variable in the arguments of a command; a word with spaces is quoted.

    Raises Unwritable for a program that systemd would not run.
    """
    if before.lstrip().startswith(("#", ";")):
        return text
    directive, equals, written = before.partition("=")
    if not equals:
        return text  # a section's name
    text = text.replace("%", "%%")
    if _UNITS.match(directive) or not _WORDS.match(directive):
        return text
    if directive.startswith("Exec") and not directive.endswith("Paths"):
        if not _PREFIXES.match(written):
            text = text.replace("$", "$$")  # the program itself is no place for a variable
        elif _NO_PROGRAM.search(text):
            raise Unwritable(f"systemd runs no program with a quote or a backslash in its path: {text}")
    inside = _quoted(written)
    if not inside and _PLAIN.match(text):
        return text
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return inner if inside else f'"{inner}"'


def in_json(text: str, before: str) -> str:
    """Between double quotes of JSON. Raises TemplateError anywhere else."""
    if not _quoted(before):
        raise TemplateError("a text stands outside double quotes")
    return json.dumps(text, ensure_ascii=False)[1:-1]


def in_yaml(text: str, before: str) -> str:
    """Between double quotes of YAML (or TOML), or in a comment. Raises TemplateError anywhere else."""
    return text if _comment(before) else in_json(text, before)


def in_compose(text: str, before: str) -> str:
    """In YAML that Compose reads, where `$` is a variable."""
    return text if _comment(before) else in_json(text, before).replace("$", "$$")


def check(name: str, text: str) -> None:
    """Raises Unwritable, with the value's name and the value made visible."""
    if not text.isprintable():
        raise Unwritable(f"the {name} {text!r} has a character that cannot stand in a file")


def _quoted(before: str) -> bool:
    """Whether what follows stands between double quotes."""
    inside = escaped = False
    for letter in before:
        if escaped:
            escaped = False
        elif letter == "\\" and inside:
            escaped = True
        elif letter == '"':
            inside = not inside
    return inside


def _comment(before: str) -> bool:
    """Whether a `#` begins a comment before it."""
    return any(
        letter == "#" and (not index or before[index - 1].isspace()) and not _quoted(before[:index])
        for index, letter in enumerate(before)
    )
