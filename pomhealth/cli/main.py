"""The click group. Each command is a module of this package that exports `command`, loaded when it is used."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import click

from pomhealth import __version__
from pomhealth.cli.usage import USAGE

COMMANDS = {
    "run": "Watch the replica, and serve its health to supervisors.",
    "health": "Ask the agent whether the replica is healthy.",
    "check": "Measure everything once, and print a report to read.",
    "watch": "Watch one agent, or several, live.",
    "replicas": "Show every replica of the cluster, as one agent knows it.",
    "drain": "Take the replica out of rotation, and wait for its connections to end.",
    "rollout-gate": "Say when this replica may be restarted, one at a time.",
    "checks": "List what is checked.",
    "explain": "What a check means, its causes, and what to do.",
    "config": "Show the settings in force and where each comes from.",
    "support-bundle": "Write one archive to attach to an issue, without secrets.",
    "generate": "Make a supervisor's files for the replica that runs here, or alert rules and a dashboard.",
    "demo": "Run a stand-in replica with a real Envoy and a real PostgreSQL.",
    "completion": "Print the script that completes command lines on TAB.",
}


class Lazy(click.Group):
    """A group that loads a command's module when that command is used, and not before."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"pomhealth.cli.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands, without loading any."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80})
@click.version_option(__version__, message="%(prog)s %(version)s")
def cli() -> None:
    """Measures the health of a Pomerium replica, and says what is wrong and what to do."""


def run(arguments: list[str] | None = None) -> int:
    """Runs the command line; the result is the exit status. Wrong usage is 64 for every command."""
    try:
        if asked := os.environ.get("_POMHEALTH_COMPLETE"):
            from pomhealth.completing.shells import answer  # noqa: PLC0415  (only a shell asks for it, on TAB)

            return answer(cli, asked)
        status: Any = cli.main(args=arguments, prog_name="pomhealth", standalone_mode=False)
    except click.UsageError as error:
        error.show()
        return USAGE
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130  # as a shell reports SIGINT
    except BrokenPipeError:
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), 1
        )  # nobody reads; what is left goes nowhere, without a complaint
        return 1
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        click.echo(f"Error: {_fault(error)}", err=True)
        return 1
    return status if isinstance(status, int) else 0


def _fault(error: Exception) -> str:
    """One line about a fault of our own. Not the error's text: it may hold what nobody should see."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}pomhealth{os.sep}" in frame.filename] or list(frames)
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "an unknown place"
    return (
        f"this is a fault in pomhealth, not in the replica: {type(error).__name__} at {place}."
        " `python -X dev -m pomhealth` with the same words shows the whole of it"
    )
