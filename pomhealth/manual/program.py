"""The page of the program: its commands, and what holds for each of them."""

from __future__ import annotations

from collections.abc import Iterable

import click

from pomhealth.cli.main import COMMANDS, cli
from pomhealth.manual.command import options
from pomhealth.manual.roff import bold, entry, head, italic, paragraph, plain, see_also, title, whole, words
from pomhealth.manual.texts import ABOUT, FILES, STATUSES, VARIABLES
from pomhealth.settings import KEYS, TABLES


def page() -> str:
    """The page."""
    about = (cli.help or "").rstrip(".")
    lines = [*head("pomhealth", 1), *title("NAME"), rf"pomhealth \- {words(about[0].lower() + about[1:])}"]
    lines += [
        *title("SYNOPSIS"),
        f"{bold('pomhealth')} {italic('COMMAND')} [{italic('OPTIONS')}]",
        *title("DESCRIPTION"),
    ]
    lines += [line for text in ABOUT for line in paragraph(text)]
    lines += title("COMMANDS")
    for name, says in COMMANDS.items():
        lines += entry(f"{bold(f'pomhealth-{name}')}(1)", says)
    lines += [
        *title("OPTIONS"),
        *options(cli, click.Context(cli, info_name="pomhealth", **cli.context_settings)),
    ]
    lines += [*title("EXIT STATUS"), *_entries(STATUSES), *title("ENVIRONMENT"), *_entries(VARIABLES)]
    for one in (*KEYS, *TABLES):
        lines += entry(
            bold(one.variable), f"{_begun(one.says)}: the setting `{one.name}` of pomhealth.toml(5)."
        )
    lines += [*title("FILES"), *_files()]
    return whole([*lines, *see_also([*(f"pomhealth-{name}(1)" for name in COMMANDS), "pomhealth.toml(5)"])])


def _entries(said: Iterable[tuple[str, str]]) -> list[str]:
    return [line for term, text in said for line in entry(bold(term), text)]


def _files() -> list[str]:
    return [line for path, text in FILES for line in entry(rf"\fI{plain(path)}\fR", text)]


def _begun(text: str) -> str:
    return text[0].upper() + text[1:]
