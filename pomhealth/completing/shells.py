"""How each shell hands over a command line, and how it takes what can stand at the cursor.

A line an item: its kind (plain, file, dir), the word, and what it is, with tabs between.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import click
from click.shell_completion import CompletionItem, ShellComplete, split_arg_string

from pomhealth.completing import SCRIPTS, VARIABLE, script
from pomhealth.completing.suggest import suggestions
from pomhealth.completing.values import Item

_BREAKS = ("=", ":")  # characters at which bash makes a word of its own, inside what is one word to others


class _Complete(ShellComplete):
    """What the three have in common."""

    def source(self) -> str:
        return script(self.name)

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        return suggestions(self.cli, args, incomplete)

    def format_completion(self, item: Item) -> str:
        says = " ".join((item.help or "").split())
        return f"{item.type}\t{item.value}\t{says}"


class Zsh(_Complete):
    """zsh hands over the words as they were typed, those before the cursor and what stands left of it."""

    name = "zsh"

    def get_completion_args(self) -> tuple[list[str], str]:
        return _split(split_arg_string(os.environ["COMP_WORDS"]), int(os.environ["COMP_CWORD"]))


class Bash(_Complete):
    """bash does too, but takes --option=value and host:port apart, and wants only the last piece back."""

    name = "bash"

    def get_completion_args(self) -> tuple[list[str], str]:
        words = split_arg_string(os.environ["COMP_WORDS"])
        before, typed = _split(words, int(os.environ["COMP_CWORD"]))
        joined = _joined([*before, typed])
        self._apart = typed if typed not in _BREAKS else ""
        self._typed = joined[-1]
        return joined[:-1], self._typed

    def format_completion(self, item: Item) -> str:
        left = self._typed.removesuffix(self._apart)
        return super().format_completion(
            CompletionItem(item.value.removeprefix(left), type=item.type, help=item.help)
        )


class Fish(_Complete):
    """fish hands over the words without their quotes, and the one at the cursor apart."""

    name = "fish"

    def get_completion_args(self) -> tuple[list[str], str]:
        return os.environ["COMP_WORDS"].split("\n")[1:], os.environ["COMP_CWORD"]


_SHELLS: dict[str, type[_Complete]] = {one.name: one for one in (Bash, Zsh, Fish)}
assert _SHELLS.keys() == SCRIPTS.keys()


def answer(cli: click.Command, instruction: str) -> int:
    """Prints what a script asks for (SHELL_complete); the result is the exit status, 1 for another instruction."""
    shell, _, what = instruction.partition("_")
    if shell not in _SHELLS or what != "complete":
        return 1
    click.echo(_SHELLS[shell](cli, {}, "pomhealth", VARIABLE).complete())
    return 0


def _split(words: Sequence[str], at: int) -> tuple[list[str], str]:
    return list(words[1:at]), words[at] if at < len(words) else ""


def _joined(words: Iterable[str]) -> list[str]:
    """The words with those put together that bash took apart. One that is only a break joins both its neighbours."""
    joined: list[str] = []
    after = False
    for word in words:
        if joined and (after or word in _BREAKS):
            joined[-1] += word
        else:
            joined.append(word)
        after = word in _BREAKS
    return joined
