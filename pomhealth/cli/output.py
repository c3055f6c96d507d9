"""What commands print: text in the reader's style, or JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from pomhealth.report.style import Style, style_for

output_option = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Text to read, or JSON.",
)


def style() -> Style:
    """What standard output can show."""
    return style_for(sys.stdout)


def write(text: str) -> None:
    """Prints text as it is. Characters that the terminal's encoding lacks are replaced."""
    encoding = sys.stdout.encoding or "ascii"
    click.echo(text.encode(encoding, "replace").decode(encoding), nl=False, color=True)


def write_json(value: Any) -> None:
    write(json.dumps(value, indent=2) + "\n")
