"""`pomhealth health`, for the sake of the group's help: pomhealth.entry takes the short way to the same client."""

from __future__ import annotations

import click

from pomhealth.client import main
from pomhealth.client.usage import HELP


class Client(click.Command):
    """Hands every argument on to the client, which reads its own command line."""

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002
        return HELP.rstrip("\n")


@click.command(
    "health",
    cls=Client,
    add_help_option=False,
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "allow_interspersed_args": False,
    },
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments: tuple[str, ...]) -> int:
    """Ask the agent whether the replica is healthy."""
    return main(list(arguments))
