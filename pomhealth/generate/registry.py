"""`pomhealth generate registry`: the registry's tables and rights in SQL, for whoever makes them by hand. Pure."""

from __future__ import annotations

import posixpath
import shlex

from pomhealth.cluster.registry import schema
from pomhealth.generate.render import File
from pomhealth.generate.sheet import Sheet

KIND = "registry"
ROLE = "pomhealth"
_NAME = "pomhealth-registry.sql"
_ABOUT = "The registry of a cluster in SQL: its tables, and the rights that the agents' role needs."
_HEAD = """\
-- The registry in which pomhealth's agents keep one view of their cluster, as `pomhealth generate registry` makes it.
-- An agent whose role may CREATE in the database makes the tables by itself: run this where it should not. It is for
-- an empty database or one of Pomerium's, whose own tables it does not touch, and runs once.

"""


def sheet(role: str | None) -> Sheet:
    """The statements, with rights for this role."""
    who = ROLE if role is None else role
    statements = ("BEGIN", *schema.whole(), *schema.grants(who), "COMMIT")
    text = _HEAD + "".join(f"{statement};\n" for statement in statements)
    return Sheet(KIND, _ABOUT, (File(_NAME, text),), ".", _steps, () if role is None else ("--role", role))


def _steps(directory: str) -> tuple[str, ...]:
    path = shlex.quote(posixpath.normpath(posixpath.join(directory, _NAME)))
    return (
        f"psql -v ON_ERROR_STOP=1 -d DATABASE -f {path}, as the owner of the database",
        "set `cluster = true` in the agents' settings",
    )
