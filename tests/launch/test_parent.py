"""The first process: order of the stop, signals, exit status, orphans. Real processes and real signals."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from pomhealth.launch.start import parent_words
from tests.agent.process import PATIENCE, until
from tests.launch.first import SETTINGS, Notes, first, noting
from tests.replica.apart import needs_root


@pytest.fixture
def notes(tmp_path: Path) -> Notes:
    return Notes(tmp_path / "notes")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_reaches_the_command_when_the_agent_has_ended(notes: Notes, number: signal.Signals) -> None:
    agent = noting(notes, "agent", on_term='sleep 0.2; echo agent-gone >>"$0"; exit 0')
    command = noting(notes, "command", on_term="exit 3")
    with first(agent, command) as process:
        notes.wait_for("agent-up", "command-up")
        process.send_signal(number)
        assert process.wait(PATIENCE) == 3
    assert notes.words[2:] == ["agent-TERM", "agent-gone", "command-TERM"]


def test_a_second_sigterm_stops_the_command_at_once(notes: Notes) -> None:
    agent = noting(notes, "agent", on_term=":")
    command = noting(notes, "command")
    with first(agent, command) as process:
        notes.wait_for("agent-up", "command-up")
        process.terminate()
        notes.wait_for("agent-TERM")
        assert "command-TERM" not in notes.words
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert "command-TERM" in notes.words


def test_the_end_of_the_command_ends_the_agent_without_a_drain(notes: Notes) -> None:
    command = ["/bin/sh", "-c", 'until grep -q agent-up "$0"; do sleep 0.02; done; exit 7', str(notes.path)]
    with first(noting(notes, "agent"), command) as process:
        assert process.wait(PATIENCE) == 7
    assert notes.words == ["agent-up", "agent-INT"]


def test_a_command_that_a_signal_ended_gives_128_and_its_number(notes: Notes) -> None:
    with first(noting(notes, "agent"), ["/bin/sh", "-c", "kill -KILL $$"]) as process:
        assert process.wait(PATIENCE) == 128 + signal.SIGKILL


def test_an_agent_that_ends_is_started_again_and_the_command_is_not_touched(notes: Notes) -> None:
    agent = noting(notes, "agent", begin='[ "$(grep -c agent-up "$0")" -gt 1 ] || exit 5')
    with first(agent, noting(notes, "command"), errors=subprocess.PIPE) as process:
        until(lambda: notes.words.count("agent-up") == 2)
        process.terminate()
        process.wait(PATIENCE)
        assert process.stderr is not None
        said = process.stderr.read()
    assert said.count("the agent ended and is started again") == 1
    assert '"status": 5, "pause_seconds": 1' in said
    assert notes.words.count("command-up") == 1


def test_sighup_goes_to_both_and_other_signals_to_the_command_alone(notes: Notes) -> None:
    with first(noting(notes, "agent"), noting(notes, "command")) as process:
        notes.wait_for("agent-up", "command-up")
        process.send_signal(signal.SIGHUP)
        notes.wait_for("agent-HUP", "command-HUP")
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGWINCH):
            process.send_signal(number)
            notes.wait_for(f"command-{number.name.removeprefix('SIG')}")
        process.terminate()
        process.wait(PATIENCE)
    assert [word for word in notes.words if word.startswith("agent")] == [
        "agent-up",
        "agent-HUP",
        "agent-TERM",
    ]


def test_the_command_starts_with_the_signals_of_a_fresh_process(notes: Notes) -> None:
    command = ["/bin/sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status"]
    with first(noting(notes, "agent"), command, output=subprocess.PIPE) as process:
        process.wait(PATIENCE)
        assert process.stdout is not None
        masks = dict(line.split() for line in process.stdout.read().splitlines())
    of_the_c_library = 1 << 31 | 1 << 32  # signals 32 and 33: posix_spawn has them ignored
    assert {int(mask, 16) & ~of_the_c_library for mask in masks.values()} == {0}


def name(process: psutil.Process) -> str:
    """Its name, "" where it has ended meanwhile."""
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


@needs_root
def test_as_process_1_it_buries_orphans_and_hears_sigterm(notes: Notes) -> None:
    orphans = 'for i in 1 2 3 4 5 6 7 8; do (sleep 0.01 &); done; echo orphans >>"$0"'
    command = noting(notes, "command", on_term="exit 4", begin=orphans)
    box = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with first(noting(notes, "agent"), command, before=box) as outer:
        notes.wait_for("orphans", "agent-up")
        (init,) = psutil.Process(outer.pid).children()
        until(lambda: [name(one) for one in init.children()] == ["sh", "sh"])
        init.send_signal(signal.SIGTERM)
        assert outer.wait(PATIENCE) == 4


def test_it_loads_none_of_the_libraries_and_little_of_the_standard_one(tmp_path: Path) -> None:
    words = parent_words(SETTINGS, ["/bin/true"], ["/bin/true"], terminal=False)
    at = words.index("-c") + 1
    program = words[at].replace("sys.exit(main(sys.argv[2:]))", "main(sys.argv[2:]); print(*sys.modules)")
    done = subprocess.run(
        [*words[:at], program, *words[at + 1 :]], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    loaded = set(done.stdout.split())
    assert {name for name in loaded if name.startswith("pomhealth.")} == {
        "pomhealth.launch",
        "pomhealth.launch.conduct",
        "pomhealth.launch.parent",
    }
    assert not loaded & {"asyncio", "click", "enum", "json", "re", "signal", "subprocess", "typing"}


def test_it_takes_little_memory(notes: Notes) -> None:
    with first(noting(notes, "agent"), noting(notes, "command")) as process:
        notes.wait_for("agent-up", "command-up")
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        own = next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))  # KiB
        assert own < 5 * 1024
        process.terminate()
        process.wait(PATIENCE)
