"""The manual pages: those of the tree are what the commands say of themselves, and a reader's program takes them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import click
import pytest

from pomhealth.cli.main import COMMANDS, cli
from pomhealth.manual.command import known, options
from pomhealth.manual.pages import pages
from pomhealth.manual.roff import bold, entry, literal, paragraph, plain, whole, words
from pomhealth.settings import KEYS, TABLES
from tests import tools

ROOT = Path(__file__).parents[2]
PAGES = pages()
NAMES = sorted(PAGES)
_DATE = "missing date"  # the same release makes the same page, whatever the day


def rendered(text: str) -> str:
    """As a terminal of 100 columns shows it, each run of spaces as one."""
    mandoc = [str(tools.mandoc()), "-T", "ascii", "-O", "width=100"]
    said = subprocess.run(mandoc, input=text, capture_output=True, text=True, timeout=30, check=True).stdout
    return " ".join(re.sub(r".\x08", "", said).split())


@pytest.mark.parametrize("path", NAMES)
def test_the_tree_has_the_pages_that_the_commands_make(path: str) -> None:
    """Where this fails, `make docs` writes them anew."""
    assert (ROOT / path).read_text(encoding="ascii") == PAGES[path]


def test_the_tree_has_no_other_page() -> None:
    assert sorted(str(path.relative_to(ROOT)) for path in (ROOT / "man").glob("*/*")) == NAMES


@pytest.mark.parametrize("path", NAMES)
def test_a_page_has_no_mistake(path: str) -> None:
    lint = [str(tools.mandoc()), "-T", "lint", "-W", "warning"]
    said = subprocess.run(lint, input=PAGES[path], capture_output=True, text=True, timeout=30, check=False)
    assert [line for line in (said.stdout + said.stderr).splitlines() if _DATE not in line] == []


def test_groff_has_nothing_to_warn_of() -> None:
    command, variables = tools.groff()
    for path in NAMES:
        said = subprocess.run(
            [str(command), "-ww", "-man", "-Tutf8", "-rLL=100n", "-z", str(ROOT / path)],
            env=variables,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (said.returncode, said.stderr) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_has_every_option_with_its_words_and_the_exit_status(name: str) -> None:
    shown = rendered(PAGES[f"man/man1/pomhealth-{name}.1"])
    command = known(name)
    context = click.Context(command, info_name=name)
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option):
            assert all(option in shown for option in parameter.opts)
            assert " ".join((parameter.help or "").split()) in shown
    assert f"pomhealth {name} " in shown


def test_the_first_page_has_every_command_variable_and_file() -> None:
    shown = rendered(PAGES["man/man1/pomhealth.1"])
    for name, says in COMMANDS.items():
        assert f"pomhealth-{name}(1) {says}" in shown
    for one in (*KEYS, *TABLES):
        assert one.variable in shown
    for word in (
        "--version",
        "EXIT STATUS",
        "130",
        "POMHEALTH_ADDRESS",
        "NO_COLOR",
        "/etc/pomhealth/pomhealth.toml",
    ):
        assert word in shown


def test_the_page_of_the_settings_has_each_with_what_is_allowed() -> None:
    shown = rendered(PAGES["man/man5/pomhealth.toml.5"])
    for key in KEYS:
        assert f" {key.name} " in shown
        assert key.allowed in shown
    for table in TABLES:
        assert f"[{table.name}]" in shown
        assert table.allowed in shown


def test_an_option_that_comes_makes_another_page() -> None:
    """Which is what has the pages of the tree follow the commands."""
    command = click.Command("new", params=[click.Option(["--shout"], metavar="LOUD", help="How it's said.")])
    made = rendered(whole([".TH X 1", *options(command, click.Context(command))]))
    assert "--shout LOUD How it's said." in made


@pytest.mark.parametrize(
    "hostile",
    [
        ".SH no section",
        "'br",
        r"a \fBbold\fR word, \n, \e and \\",
        "--dashes 'quotes' \"doubles\" ^ ~ `ticks",
        r".\" no comment",
    ],
)
def test_text_is_never_a_request(hostile: str) -> None:
    page = whole(
        [
            ".TH X 1",
            ".SH NAME",
            "x",
            *paragraph(hostile),
            *entry(plain(hostile), hostile),
            *literal([hostile]),
        ]
    )
    assert rendered(page).count(hostile) == 4
    assert len(re.findall(r"^\.SH", page, re.MULTILINE)) == 1


def test_letters_beyond_ascii_are_named() -> None:
    assert plain("5 µs … ✗") == r"5 \[u00B5]s \[u2026] \[u2717]"
    assert whole([paragraph("…")[1]]).isascii()


def test_what_stands_in_backticks_is_bold() -> None:
    assert words("ask `pomhealth health` first") == f"ask {bold('pomhealth health')} first"


def test_the_manual_is_the_same_each_time() -> None:
    assert pages() == PAGES


def test_every_command_is_in_the_group() -> None:
    assert list(COMMANDS) == cli.list_commands(click.Context(cli))
