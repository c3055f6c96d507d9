"""What a bundle is made of. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the archive: its name there, its text, and what it is, in one clause for the reader."""

    name: str
    text: str
    says: str


@dataclass(frozen=True, slots=True)
class Lack:
    """What could not be had: the name that the file would have, and why, in one clause."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Collected:
    """Everything that could be had, in the order of the archive, and what could not. Nothing in it is secret."""

    parts: tuple[Part, ...]
    lacks: tuple[Lack, ...]
