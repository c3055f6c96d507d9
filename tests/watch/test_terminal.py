"""`pomhealth watch` in a real terminal: what is on the screen, what is sent for it, and how it is left."""

from __future__ import annotations

import os
import re
import signal
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.process import Agent, agent, nothing_runs
from tests.watch.terminal import Terminal, watching

_COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|[34]8;[0-9;]+)(?:;[0-9;]*)?m")
_LEFT = b"\x1b[?1049l"  # back from the alternate screen


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    directory = tmp_path_factory.mktemp("agent")
    with agent(directory, *nothing_runs(directory)) as started:
        yield started


def shown(terminal: Terminal) -> str:
    """The whole screen once the agent's state is on it: from the verdict to what the keys do."""
    return terminal.until(
        lambda text: (
            "Not ready: pomerium.process" in text
            and ">✗ fail     pomerium.process" in text
            and text.splitlines()[-1].strip().startswith("? help  q quit")
        )
    )


def test_a_screen_of_80_by_24_can_be_read(running: Agent) -> None:
    with watching("-a", running.address) as terminal:
        shown(terminal)
        lines = terminal.settle().splitlines()
        assert lines[0].startswith("✗ Not ready: pomerium.process (not-running)")
        assert any(line.startswith(">✗ fail     pomerium.process") for line in lines)
        assert any(line.startswith(" ✗ fail: not-running (stops /readyz)") for line in lines)
        assert "To do, by whoever runs the replica:" in terminal.text
        assert lines[-1].strip().startswith("? help  q quit")
        assert _COLOUR.search(terminal.sent)


@pytest.mark.parametrize(("columns", "lines"), [(60, 24), (200, 50), (80, 10)])
def test_so_can_one_of_another_size_also_when_it_changes(running: Agent, columns: int, lines: int) -> None:
    with watching("-a", running.address) as terminal:
        shown(terminal)
        parts = (
            r"\A✗ Not ready: pomerium\.process",
            r"^>✗ fail     pomerium\.process",
            r"─ pomerium\.process ─+ worst first, 1 of \d+ ─$",
            r"^ \? help  q quit .*\Z",
        )
        terminal.resize(columns, lines)
        terminal.until(lambda text: all(re.search(part, text, re.MULTILINE) for part in parts))


def test_no_colour_is_sent_where_none_is_wanted_and_the_words_tell_all(running: Agent) -> None:
    with watching("-a", running.address, NO_COLOR="1") as terminal:
        shown(terminal)
        text = terminal.settle()
        assert "✗ fail" in text
        assert "? unknown" in text
        assert not _COLOUR.search(terminal.sent)


@pytest.mark.parametrize("term", ["vt100", "linux", "screen"])
def test_an_older_terminal_will_do(running: Agent, term: str) -> None:
    with watching("-a", running.address, term=term) as terminal:
        assert ">✗ fail     pomerium.process" in shown(terminal)


def test_a_terminal_that_can_show_nothing_gets_lines(running: Agent) -> None:
    with watching("-a", running.address, term="dumb") as terminal:
        terminal.until(lambda _: b"cluster_config_current" in terminal.sent)
        assert b"not ready: pomerium.process" in terminal.sent
        assert b"\x1b" not in terminal.sent


def test_lines_can_be_asked_for(running: Agent) -> None:
    with watching("-a", running.address, "--plain") as terminal:
        terminal.until(lambda _: b"cluster_config_current" in terminal.sent)
        assert b"\x1b" not in re.sub(rb"\x1b\[\d+m", b"", terminal.sent)  # no more than a colour


def test_at_rest_nothing_is_sent_and_for_a_key_little(running: Agent) -> None:
    with watching("-a", running.address) as terminal:
        shown(terminal)
        terminal.settle()
        assert terminal.read(6.0) == b""  # longer than /status is good for while something is wrong
        before = len(terminal.sent)
        terminal.press("j")
        terminal.settle()
        assert 0 < len(terminal.sent) - before < 4000


def test_an_agent_that_is_killed_leaves_a_screen_that_says_it_is_old(tmp_path: Path) -> None:
    with (
        agent(tmp_path, *nothing_runs(tmp_path)) as one,
        watching("-a", one.address) as terminal,
    ):
        shown(terminal)
        one.process.kill()
        text = terminal.until(lambda text: "No answer since" in text)
        assert "connection refused" in text
        assert "was fail pomerium.process" in terminal.settle()


def test_a_command_is_copied_through_the_terminal(running: Agent) -> None:
    with watching("-a", running.address) as terminal:
        shown(terminal)
        terminal.press("c")
        terminal.until(lambda text: "copied 1 of" in text)
        assert re.search(rb"\x1b\]52;c;[A-Za-z0-9+/=]+\x07", terminal.sent)


@pytest.mark.parametrize("key", ["q", "\x03"])
def test_its_keys_end_it_and_the_terminal_is_as_before(running: Agent, key: str) -> None:
    with watching("-a", running.address) as terminal:
        before = termios.tcgetattr(terminal._fd)[3]
        shown(terminal)
        assert termios.tcgetattr(terminal._fd)[3] != before
        terminal.press(key)
        assert terminal.wait() == 0
        assert _LEFT in terminal.sent
        assert termios.tcgetattr(terminal._fd)[3] == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_so_does_a_signal(running: Agent, number: signal.Signals) -> None:
    with watching("-a", running.address) as terminal:
        shown(terminal)
        os.kill(terminal.process.pid, number)
        assert terminal.wait() == 0
        assert _LEFT in terminal.sent


def test_an_agent_that_is_not_there_is_said_and_waited_for() -> None:
    with watching("-a", "127.0.0.1:1") as terminal:
        text = terminal.until(lambda text: "No answer" in text and "To do" in text)
        assert "start the agent (pomhealth run)" in text
