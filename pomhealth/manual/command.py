"""The page of one command, from what click knows of it."""

from __future__ import annotations

import inspect
import re

import click

from pomhealth.cli.health import Client, documented
from pomhealth.cli.main import COMMANDS, cli
from pomhealth.manual.roff import (
    bold,
    entry,
    head,
    italic,
    literal,
    paragraph,
    plain,
    see_also,
    title,
    whole,
    words,
)
from pomhealth.manual.texts import EXAMPLES, SETTINGS_OF, SIGNALS

_STATUS = re.compile(r"(\d+) ([^,;.]+)")
_STATUSES = re.compile(r"((?:\d+ [^,;.]+, )*\d+ [^,;.]+)\.(?: (.*))?")
_EXIT = "Exit status:"
_KEEP = "\b"  # click's mark for a paragraph whose lines stay as they are


def page(name: str) -> str:
    """The page of the command with this name."""
    command = known(name)
    parent = click.Context(cli, info_name="pomhealth", **cli.context_settings)
    context = click.Context(command, info_name=name, parent=parent)
    parts = inspect.cleandoc(command.help or "").split("\n\n")
    statuses = [part for part in parts if part.startswith(_EXIT)]
    lines = [*head(f"pomhealth-{name}", 1), *title("NAME"), rf"{plain(f'pomhealth-{name}')} \- {_aim(name)}"]
    lines += [*title("SYNOPSIS"), _synopsis(name, command, context), *title("DESCRIPTION")]
    for part in parts:
        if part not in statuses:
            lines += literal(part.splitlines()[1:]) if part.startswith(_KEEP) else paragraph(part)
    lines += [*title("OPTIONS"), *options(command, context)]
    for part in statuses:
        lines += [*title("EXIT STATUS"), *_statuses(part)]
    if name in SIGNALS:
        lines += [
            *title("SIGNALS"),
            *(line for term, text in SIGNALS[name] for line in entry(bold(term), text)),
        ]
    if name in SETTINGS_OF:
        lines += [*title("ENVIRONMENT"), *paragraph(SETTINGS_OF[name])]
    if name in EXAMPLES:
        lines += [*title("EXAMPLES"), *examples(name)]
    lines += see_also(["pomhealth(1)", "pomhealth.toml(5)"])
    return whole(lines)


def known(name: str) -> click.Command:
    """The command, with the options that its help names. Raises KeyError."""
    command = cli.get_command(click.Context(cli), name)
    if command is None:
        raise KeyError(name)
    return documented() if isinstance(command, Client) else command


def options(command: click.Command, context: click.Context) -> list[str]:
    """An entry for each option: its names bold, what it takes in italics."""
    lines = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None:
            names, says = record
            shown = re.split(r"(\s+|, |(?<=\w)\|)", names)
            term = "".join(bold(part) if part.startswith("-") else _taken(part) for part in shown)
            lines += entry(term, says or "It has no words yet.")
    return lines


def examples(name: str) -> list[str]:
    """What the command is called for, each with its line."""
    return [line for says, shown in EXAMPLES[name] for line in (*paragraph(says), *literal([shown]))]


def _taken(part: str) -> str:
    return italic(part) if part.strip(" ,|[]") else plain(part)


def _aim(name: str) -> str:
    text = COMMANDS[name].rstrip(".")
    return words(text[0].lower() + text[1:])


def _synopsis(name: str, command: click.Command, context: click.Context) -> str:
    pieces = " ".join(command.collect_usage_pieces(context))
    shown = [italic(part) if part.strip("[].-") else plain(part) for part in re.split(r"( )", pieces)]
    return f"{bold(f'pomhealth {name}')} " + "".join(shown)


def _statuses(text: str) -> list[str]:
    """An entry for each status of "Exit status: 0 healthy, 1 not healthy, 64 wrong usage.", and what follows these."""
    said = " ".join(text.removeprefix(_EXIT).split())
    match = _STATUSES.fullmatch(said)
    if match is None:
        return paragraph(said)
    lines = [
        line for number, meaning in _STATUS.findall(match[1]) for line in entry(bold(number), f"{meaning}.")
    ]
    return lines + (paragraph(match[2]) if match[2] else [])
