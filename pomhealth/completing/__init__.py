"""Completion on TAB: what can stand at the cursor, and the scripts with which bash, zsh and fish ask for it."""

from __future__ import annotations

from importlib import resources

SCRIPTS = {"bash": "pomhealth.bash", "zsh": "_pomhealth", "fish": "pomhealth.fish"}
VARIABLE = "_POMHEALTH_COMPLETE"  # as click names it; a script sets it to SHELL_complete


def script(shell: str) -> str:
    """The script for a shell, one of SCRIPTS."""
    return (resources.files(__package__) / "scripts" / SCRIPTS[shell]).read_text(encoding="utf-8")
