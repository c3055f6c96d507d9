"""`pomhealth health`, for the sake of the group's help: pomhealth.entry takes the short way to the same client."""

from __future__ import annotations

import re

import click

from pomhealth.client import main
from pomhealth.client.usage import HELP

_OPTION = re.compile(r" {2,6}(?:(-\w), )?(--[\w-]+)(?: ([A-Z]+))?  +(\S.*)")
_OFTEN = "may be given more than once"


class Client(click.Command):
    """Hands every argument on to the client, which reads its own command line."""

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002
        return HELP.rstrip("\n")

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Where a shell only asks what could follow: what the client's help names. Else every argument as one."""
        return documented().get_params(ctx) if ctx.resilient_parsing else super().get_params(ctx)


def documented() -> click.Command:
    """A command with the words and options of the client's help, for who asks click about them. It does nothing."""
    usage, about, options, ending = HELP.split("\n\n")
    described: list[list[str]] = []
    for line in options.splitlines()[1:]:
        if _OPTION.fullmatch(line):
            described.append([line])
        else:
            described[-1].append(line.strip())
    parameters: list[click.Parameter] = [click.Argument(["ids"], metavar=usage.split()[-1], nargs=-1)]
    for lines in described:
        short, long, metavar, begin = _OPTION.fullmatch(lines[0]).groups()  # type: ignore[union-attr]
        says = " ".join([begin[0].upper() + begin[1:], *lines[1:]])
        if long != "--help":
            parameters.append(
                click.Option(
                    [name for name in (short, long) if name],
                    metavar=metavar,
                    is_flag=metavar is None,
                    multiple=_OFTEN in says,
                    help=says,
                )
            )
    words = "\n\n".join(" ".join(part.split()) for part in (about, ending))
    return click.Command(
        "health", params=parameters, help=words, context_settings={"help_option_names": ["-h", "--help"]}
    )


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
