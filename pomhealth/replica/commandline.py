"""What a command line says: is it a serving Pomerium, and which configuration file does it name. Pure."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

NAME = "pomerium"

# Subcommands and flags with which Pomerium answers and exits (0.30 to 0.33).
_SUBCOMMANDS = frozenset(
    {"health", "version", "completion", "help", "zero", "__complete", "__completeNoDesc"}
)
_ANSWERS = frozenset({"--version", "-version", "-v", "--help", "-help", "-h"})
_CONFIG = ("--config", "-config")


def is_named(argv: Sequence[str], name: str = NAME) -> bool:
    """Whether the command line calls its program by this name."""
    return bool(argv) and posixpath.basename(argv[0]) == name


def serves(argv: Sequence[str]) -> bool:
    """Whether this command line runs a replica: none of Pomerium's subcommands."""
    words = list(_arguments(argv))
    if any(word in _ANSWERS for word in words):
        return False
    values = {index + 1 for index, word in enumerate(words) if word in _CONFIG}
    standing = (word for index, word in enumerate(words) if index not in values and not word.startswith("-"))
    return next(standing, "") not in _SUBCOMMANDS


def config_file(argv: Sequence[str]) -> str:
    """The file that `--config` names (also `--config=FILE` and the older `-config`); empty when there is none."""
    words = list(_arguments(argv))
    found = ""
    for index, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag not in _CONFIG:
            continue
        if equals:
            found = value
        elif index + 1 < len(words):
            found = words[index + 1]
    return found


def _arguments(argv: Sequence[str]) -> Iterator[str]:
    return iter(argv[2:] if _script(argv) else argv[1:])


def _script(argv: Sequence[str]) -> bool:
    """An interpreter's command line: `sh /usr/bin/pomerium …` (the kernel then names the process after the script)."""
    return len(argv) > 1 and not is_named(argv) and posixpath.basename(argv[1]) == NAME
