"""The host name to ask the main listener by."""

from __future__ import annotations

from pomhealth.replica.model import Replica
from pomhealth.replica.routes import hosts


def server_name(replica: Replica) -> str:
    """A name that the replica serves: its first route's, else one that any listener takes."""
    return next((host.name for host in hosts(replica.options) if "*" not in host.name), "pomhealth.invalid")
