"""What can stand at the cursor of a command line that is being written."""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem, _resolve_context, _resolve_incomplete

from pomhealth.cli.main import COMMANDS
from pomhealth.completing.values import Item, offer


def suggestions(cli: click.Command, before: Sequence[str], typed: str) -> list[Item]:
    """What begins with `typed`, after the words `before` (without the program's own name).

    A value that is written as --option=VALUE comes with its option. Of type "file" or "dir" is what the shell itself
    knows best. None where the command line cannot be followed.
    """
    option, equals, _ = typed.partition("=")
    attached = f"{option}=" if option.startswith("--") and equals else ""
    if before[:1] == ["run"] and "--" in before:
        return [CompletionItem(typed, type="file")]  # the command that is started beside the agent
    try:
        found = _found(cli, [*before], typed)
    except click.UsageError:
        return []
    return [CompletionItem(f"{attached}{one.value}", type=one.type, help=one.help) for one in found]


def _found(cli: click.Command, before: list[str], typed: str) -> list[Item]:
    context = _resolve_context(cli, {}, "pomhealth", before)
    at, typed = _resolve_incomplete(context, before, typed)
    if isinstance(at, click.Parameter):
        return _values(context, at, typed)
    if at is cli and any(word[:1] != "-" for word in before):
        return []  # the command is none of ours
    if at is cli and typed[:1] != "-":  # from the table: to ask each command for its words would load it
        return [CompletionItem(name, help=says) for name, says in COMMANDS.items() if name.startswith(typed)]
    return at.shell_complete(context, typed or "--")


def _values(context: click.Context, parameter: click.Parameter, typed: str) -> list[Item]:
    told = offer(parameter)
    if told is None:
        return parameter.shell_complete(context, typed)
    already = context.params.get(parameter.name or "") or ()
    given = already if isinstance(already, (list, tuple)) else ()
    return [
        item
        for item in told(typed)
        if item.type != "plain" or (item.value.startswith(typed) and item.value not in given)
    ]
