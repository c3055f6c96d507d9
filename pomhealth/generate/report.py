"""What `pomhealth generate` says of its files: for which replica, with which values, what to do next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any

from pomhealth.generate.generated import Generated
from pomhealth.generate.heading import rows, table
from pomhealth.generate.steps import belongs
from pomhealth.replica.model import Replica
from pomhealth.report.style import clean

_STREAM = (".yaml", ".yml")  # a stream of them may hold several documents


def about(replica: Replica | None) -> str:
    """For what the files are made, in one line."""
    if replica is None:
        return "No replica runs here: the files are for Pomerium's own package and image."
    if replica.offline:
        return f"No replica runs with {clean(replica.options.path)}: the file's values, and defaults for the rest."
    version = f", Pomerium {replica.version.value}" if replica.version is not None else ""
    seen = f"pid {replica.main.pid}" if replica.main is not None else "its process not visible from here"
    return f"For the replica that runs here: {seen}{version}."


def printed(made: Generated, directory: str) -> str:
    """Every file, each below the path where it belongs."""
    apart = "---\n" if all(PurePosixPath(file.path).suffix in _STREAM for file in made.files) else ""
    return f"\n{apart}".join(f"# {belongs(directory, file)}\n{file.text}" for file in made.files)


def explained(made: Generated, todo: Sequence[str]) -> str:
    """The values with their origins, what should be known besides, and the commands that come next."""
    notes = "".join(f"Note: {note}.\n" for note in made.notes)
    commands = "".join(f"  {command}\n" for command in todo)
    values = table(rows(made.files, made.placed), "  ")
    return f"{about(made.replica)}\n{values}{notes}To put them to use:\n{commands}"


def document(made: Generated, directory: str, todo: Sequence[str]) -> dict[str, Any]:
    """The same, and the files, for JSON."""
    main = made.replica.main if made.replica is not None else None
    return {
        "kind": made.kind,
        "about": about(made.replica),
        "pid": main.pid if main is not None else None,
        "values": [asdict(row) for row in rows(made.files, made.placed)],
        "notes": list(made.notes),
        "files": [
            {"path": file.path, "belongs": belongs(directory, file), "text": file.text} for file in made.files
        ],
        "next": list(todo),
    }
