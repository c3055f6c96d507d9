"""From the command line to the first process: this process turns into it, so that it keeps its id and takes no memory."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pomhealth
from pomhealth.launch.parent import hold_signals
from pomhealth.settings import Settings

_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from pomhealth.launch.parent import main; sys.exit(main(sys.argv[2:]))"


def become_parent(settings: Settings, own: Sequence[str], command: Sequence[str]) -> NoReturn:
    """Runs `command` and, beside it, the agent, as this command line without the command would run it.

    `own` is what stands between `run` and `--`.
    """
    hold_signals()
    agent = (sys.executable, *_before_run(sys.orig_argv, sys.argv), "run", *own)
    words = parent_words(settings, agent, command, terminal=os.isatty(2))
    os.execv(sys.executable, words)  # noqa: S606  (its own interpreter)


def parent_words(
    settings: Settings, agent: Sequence[str], command: Sequence[str], *, terminal: bool
) -> list[str]:
    """The command line of the first process. Pure.

    The agent drains on SIGTERM, since its end means the replica's, unless the operator says otherwise.
    """
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and terminal)
    drain = "drain" if settings.origin("drain_on_stop") == "default" else ""
    root = str(Path(pomhealth.__file__).parents[1])
    isolated = (
        sys.executable,
        "-I",
        "-S",
        "-c",
        _PROGRAM,
        root,
    )  # neither site packages nor PYTHON* variables
    form = "text" if as_text else "json"
    return [*isolated, f"{settings.drain_limit:g}", form, drain, str(len(agent)), *agent, *command]


def _before_run(whole: Sequence[str], argv: Sequence[str]) -> Sequence[str]:
    """The interpreter's own options and the program, of a command line that ends with `argv` but for its name."""
    return whole[1 : len(whole) - len(argv) + 1]
