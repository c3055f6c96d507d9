"""All pages."""

from __future__ import annotations

from pomhealth.cli.main import COMMANDS
from pomhealth.manual import command, program, settings


def pages() -> dict[str, str]:
    """The text of each page, by its path from the project's root."""
    made = {"man/man1/pomhealth.1": program.page(), "man/man5/pomhealth.toml.5": settings.page()}
    return made | {f"man/man1/pomhealth-{name}.1": command.page(name) for name in COMMANDS}
