"""YAML with line numbers, read as Pomerium's parser (go-yaml v3) reads it.

The file is read event by event, so that 10,000 routes take neither a second nor a tree of nodes in memory.
"""

from __future__ import annotations

import re
import sys
from typing import Any

import yaml

_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*|0)\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STRING = "tag:yaml.org,2002:str"
_DEEPEST = 200  # levels; go-yaml allows 10,000, nobody needs 20
_MOST = (
    5_000_000  # values, each alias counted as what it stands for: go-yaml too refuses what repeats itself so
)


class Block(dict[str, Any]):
    """A mapping of the file, keys in lower case. `line` is where it begins, counted from 1."""

    __slots__ = ("_lines", "line")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self._lines: tuple[int, ...] = ()

    def line_of(self, key: str) -> int:
        """The line on which this key stands; the block's own for a key it does not have."""
        return next((line for line, name in zip(self._lines, self, strict=True) if name == key), self.line)

    def lines(self) -> dict[str, int]:
        """The line of each key."""
        return dict(zip(self, self._lines, strict=True))

    def finish(self, lines: dict[str, int]) -> None:
        """Takes the line of each key that it has."""
        self._lines = tuple(lines.values())


class BrokenFile(Exception):  # noqa: N818
    """The text cannot be parsed. `line` counts from 1, 0 where it cannot be told; `why` is one clause."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line = line
        self.why = why


def parse(text: bytes) -> Any:
    """The first document's value: Block, list, or a scalar; None when there is none. Raises BrokenFile."""
    loader = yaml.CSafeLoader(text)
    try:
        return _Reader(loader).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise BrokenFile(mark.line + 1 if mark else 0, _clause(error.problem or error.context)) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count(b"\n") + 1 if isinstance(error.position, int) else 0
        raise BrokenFile(line, "it has a character that YAML does not allow") from None
    except yaml.YAMLError as error:
        raise BrokenFile(0, _clause(str(error))) from None
    finally:
        loader.dispose()


def _clause(problem: str | None) -> str:
    return " ".join((problem or "it is not YAML").split())


class _Reader:
    def __init__(self, loader: yaml.CSafeLoader) -> None:
        self._next = loader.get_event
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._depth = 0
        self._count = 0

    def document(self) -> Any:
        self._next()  # the stream's start
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return None
        return self._value(self._next())

    def _value(self, event: Any) -> Any:
        kind = type(event)
        before = self._count
        self._count += 1
        if kind is yaml.ScalarEvent:
            value = _scalar(event)
        elif kind is yaml.AliasEvent:
            return self._alias(event)
        else:
            self._depth += 1
            if self._depth > _DEEPEST:
                raise BrokenFile(event.start_mark.line + 1, "it is nested too deeply")
            value = self._mapping(event) if kind is yaml.MappingStartEvent else self._sequence()
            self._depth -= 1
        if event.anchor:
            self._anchors[event.anchor] = value, self._count - before
        return value

    def _alias(self, event: Any) -> Any:
        line = event.start_mark.line + 1
        if event.anchor not in self._anchors:
            raise BrokenFile(line, f"there is no finished anchor called {event.anchor}")
        value, size = self._anchors[event.anchor]
        self._count += size
        if self._count > _MOST:
            raise BrokenFile(line, "its aliases repeat too much")
        return value

    def _sequence(self) -> list[Any]:
        items = []
        while type(event := self._next()) is not yaml.SequenceEndEvent:
            items.append(self._value(event))
        return items

    def _mapping(self, event: Any) -> Block:
        block = Block(event.start_mark.line + 1)
        lines: dict[str, int] = {}
        merged: list[Any] = []
        names: dict[Any, str] = {}
        while type(event := self._next()) is not yaml.MappingEndEvent:
            line = event.start_mark.line + 1
            plain = type(event) is yaml.ScalarEvent and not event.style
            key = self._value(event)
            event = self._next()
            if type(event) is yaml.ScalarEvent and not event.anchor:
                self._count += 1
                value = _scalar(event)
            else:
                value = self._value(event)
            if plain and key == "<<":
                merged.extend(value if isinstance(value, list) else [value])
                continue
            if isinstance(key, (dict, list)):
                raise BrokenFile(line, "a key is no plain word")
            if key in names:
                raise BrokenFile(line, f"the key {key} stands here and on line {lines[names[key]]}")
            name = names[key] = sys.intern(str(key).lower())
            block[name] = value
            lines[name] = line
        for other in merged:
            if not isinstance(other, Block):
                raise BrokenFile(block.line, "a merge (<<) takes mappings only")
            for name, line in other.lines().items():
                if name not in block:
                    block[name] = other[name]
                    lines[name] = line
        block.finish(lines)
        return block


def _scalar(event: Any) -> Any:
    return event.value if event.style or event.tag == _STRING else _plain(event.value)


def _plain(text: str) -> Any:
    """The value of a plain scalar: go-yaml takes yes, no, on and off for words, not for booleans."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INTEGER.match(text):
        return _integer(text.replace("_", ""))
    return float(text) if _FLOAT.match(text) else text


def _integer(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").lower()
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)
