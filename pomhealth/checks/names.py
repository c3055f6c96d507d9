"""The host names of the configuration, worked out once for each: there may be ten thousand routes."""

from __future__ import annotations

from pomhealth.checks.context import Context
from pomhealth.replica.routes import Host, hosts

_KEPT = "hosts"


def configured_hosts(context: Context) -> tuple[Host, ...]:
    """What `replica.routes.hosts` says of the replica's options."""
    options = context.replica.options
    kept: tuple[object, tuple[Host, ...]] | None = context.notes.recall(_KEPT)
    if kept is None or kept[0] is not options:
        kept = (options, hosts(options))
        context.notes.keep(_KEPT, kept)
    return kept[1]


def server_name(context: Context) -> str:
    """A name that the replica serves: its first route's, else one that any listener takes."""
    names = (host.name for host in configured_hosts(context) if "*" not in host.name)
    return next(names, "pomhealth.invalid")
