"""The files of one kind of supervisor for one place, with all that is known of how they came about. Blocking."""

from __future__ import annotations

from dataclasses import dataclass

from pomhealth.generate.facts import facts
from pomhealth.generate.heading import headed
from pomhealth.generate.notes import notes
from pomhealth.generate.place import Placed, place
from pomhealth.generate.render import File, files
from pomhealth.replica.model import Replica
from pomhealth.settings import Settings


@dataclass(frozen=True, slots=True)
class Generated:
    """`replica` is None where none runs; `command` is how pomhealth is called here."""

    kind: str
    command: str
    replica: Replica | None
    placed: Placed
    files: tuple[File, ...]
    notes: tuple[str, ...]


def generate(
    kind: str, replica: Replica | None, settings: Settings, settings_file: str | None, argv0: str
) -> Generated:
    """The files of this kind. `argv0` is how pomhealth was called (sys.argv[0]). Raises Unplaceable and Unwritable."""
    seen = facts(replica, argv0)
    placed = place(kind, replica, settings, settings_file, seen)
    made = tuple(headed(kind, file, placed) for file in files(kind, placed.values))
    known = tuple(notes(kind, placed.values, replica, settings, settings_file))
    return Generated(kind, seen.command, replica, placed, made, known)
