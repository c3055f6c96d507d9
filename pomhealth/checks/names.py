"""The host name to ask the main listener by."""

from __future__ import annotations

from pomhealth.checks.context import Context
from pomhealth.replica.routes import hosts


def server_name(context: Context) -> str:
    """A name that the replica serves: its first route's, else one that any listener takes.

    It is worked out once for each configuration: there may be ten thousand routes.
    """
    options = context.replica.options
    kept = context.notes.recall("server name")
    if kept is None or kept[0] is not options:
        names = (host.name for host in hosts(options) if "*" not in host.name)
        kept = (options, next(names, "pomhealth.invalid"))
        context.notes.keep("server name", kept)
    return str(kept[1])
