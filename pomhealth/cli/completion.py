"""`pomhealth completion`: the script with which a shell completes pomhealth's command lines."""

from __future__ import annotations

import click

from pomhealth.cli.output import write
from pomhealth.cli.usage import WrongUsage
from pomhealth.completing import SCRIPTS, script


@click.command("completion")
@click.argument("shell", metavar="SHELL", type=click.Choice(tuple(SCRIPTS)), required=False)
def command(shell: str | None) -> None:
    """Print the script that completes commands, options, check ids and files on TAB.

    SHELL is bash, zsh or fish. A package puts the scripts where shells look for them. For one user, a line in the
    shell's own start file does it:

    \b
    ~/.bashrc                   source <(pomhealth completion bash)
    ~/.zshrc, below compinit    source <(pomhealth completion zsh)
    ~/.config/fish/config.fish  pomhealth completion fish | source

    Exit status: 0 printed, 64 wrong usage.
    """  # noqa: D301  (click's mark for lines that stay as they are)
    if shell is None:
        raise WrongUsage(f"for which shell? Say one of {', '.join(SCRIPTS)}")
    write(script(shell))
