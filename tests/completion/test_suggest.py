"""What stands at the cursor, whichever shell asks."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest

from pomhealth.catalogue import catalogue
from pomhealth.cli.health import Client, documented
from pomhealth.cli.main import COMMANDS, cli
from pomhealth.completing import values
from pomhealth.completing.suggest import suggestions
from pomhealth.completing.values import Item, offer
from pomhealth.demo.faults import FAULTS

# What only the person at the keyboard knows.
FREE = {"ADDR", "HOST:PORT", "N", "NAME", "PID", "ROLE", "SECONDS", "TEXT", "URL", "VERSION"}
IDS = [check.id for check in catalogue() if "<" not in check.id]


def at(line: str) -> list[str]:
    """What is offered at the end of a line, as words."""
    return [item.value for item in items(line)]


def items(line: str) -> list[Item]:
    *before, typed = line.split(" ")
    return suggestions(cli, before, typed)


def kinds(line: str) -> list[tuple[str, str]]:
    return [(item.type, item.value) for item in items(line)]


def test_every_command_with_what_it_is_for() -> None:
    assert [(item.value, item.help) for item in items("")] == list(COMMANDS.items())
    assert at("che") == ["check", "checks"]
    assert at("nope") == []


def test_to_offer_commands_loads_none() -> None:
    code = (
        "import sys; from pomhealth.cli.main import cli; from pomhealth.completing.suggest import suggestions;"
        "assert suggestions(cli, [], 'c');"
        "print(*(name for name in sys.modules if name.startswith('pomhealth.cli.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(loaded.split()) == {"pomhealth.cli.main", "pomhealth.cli.usage"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_every_command(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    shown = documented() if isinstance(command, Client) else command
    assert shown is not None
    options = [one for one in shown.params if isinstance(one, click.Option)]
    assert {word for option in options for word in option.opts} <= set(at(f"{name} -"))
    for option in options:
        long = max(option.opts, key=len)
        assert long in at(f"{name} {long}")


@pytest.mark.parametrize("name", COMMANDS)
def test_each_value_is_offered_or_one_that_nobody_can_guess(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    shown = documented() if isinstance(command, Client) else command
    assert shown is not None
    for parameter in shown.params:
        if isinstance(parameter, click.Option) and parameter.is_flag:
            continue
        known = offer(parameter) is not None or isinstance(parameter.type, click.Choice)
        number = isinstance(parameter.type, (click.IntRange, click.FloatRange))
        metavar = (parameter.metavar or "").strip("[].")
        assert known or number or metavar in FREE, f"{parameter.opts}: what can be offered for {metavar}?"


def test_an_option_that_was_given_is_not_offered_again_unless_it_may_be() -> None:
    assert at("check --pid 1 --pi") == []
    assert at("health -e envoy.server --ex") == ["--exclude"]


def test_options_where_nothing_else_can_stand() -> None:
    assert at("config ") == ["--pid", "--pomerium-config", "--settings", "--check", "--output", "--help"]


@pytest.mark.parametrize("line", ["check ", "health ", "health -e ", "health --exclude "])
def test_the_ids_of_checks(line: str) -> None:
    assert at(line) == IDS


def test_only_ids_that_were_not_given() -> None:
    assert at("check envoy.server envoy.") == ["envoy.extensions"]


def test_explain_takes_families_by_their_beginning() -> None:
    assert "identity-provider." in at("explain ")


def test_explain_offers_the_causes_once_the_check_is_plain() -> None:
    causes = [f"envoy.server/{code}" for code in catalogue().checks["envoy.server"].causes]
    assert at("explain envoy.server/") == causes
    assert at("explain envoy.server") == ["envoy.server", *causes]
    assert at("explain envoy.server/h") == ["envoy.server/hung"]
    assert not [word for word in at("explain storage.") if "/" in word]
    assert "storage.backend/read-only" in at("explain storage.backend")


def test_choices_and_words_that_settings_allow() -> None:
    assert {"text", "json"} <= set(at("check -o "))
    assert at("health --output j") == ["json"]
    assert at("run --log-level w") == ["warning"]
    assert at("run --log-format ") == ["auto", "json", "text"]
    assert at("completion f") == ["fish"]
    assert at("generate k") == ["kubernetes"]


def test_a_value_behind_an_equals_sign_comes_with_its_option() -> None:
    assert at("config --output=j") == ["--output=json"]
    assert kinds("config --settings=/etc/") == [("file", "--settings=/etc/")]


@pytest.mark.parametrize("line", ["check --settings ", "check --pomerium-config ", "run --settings "])
def test_files_are_the_shells_own_affair(line: str) -> None:
    assert kinds(line) == [("file", "")]


def test_directories_too() -> None:
    assert kinds("generate --write /u") == [("dir", "/u")]


def test_the_command_beside_the_agent_is_a_file() -> None:
    assert kinds("run --listen 127.0.0.1:0 -- po") == [("file", "po")]
    assert kinds("run -- ") == [("file", "")]


def test_addresses_and_numbers_are_not_guessed() -> None:
    assert at("health -a ") == []
    assert at("check --pid ") == []


def test_faults_to_make_and_to_heal() -> None:
    assert at("demo --break ") == list(FAULTS)
    assert at("demo --heal ") == ["all", "replica", "postgres", "agent", *FAULTS]


def test_no_faults_where_the_demo_cannot_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "_EXTRA", "no_such_module_anywhere")
    assert at("demo --break ") == at("demo --heal ") == []


@pytest.mark.parametrize("line", ["nope ", "nope --", "check --nope ", "explain envoy.server "])
def test_a_line_that_cannot_be_followed_is_met_with_options_or_silence(line: str) -> None:
    assert not [word for word in at(line) if not word.startswith("-") and word not in IDS]


def test_nothing_that_is_offered_means_anything_to_a_shell() -> None:
    for line in ("", "check ", "check -", "explain ", "explain envoy.server", "demo --heal ", "health -"):
        for word in at(line):
            assert set(word).isdisjoint(" \t\n\"'`$&;|<>()[]{}*?!#~\\:"), word
