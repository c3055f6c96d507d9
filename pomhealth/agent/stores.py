"""The directories to which a replica saves. Blocking: follows links."""

from __future__ import annotations

import contextlib
import posixpath

from pomhealth.checks.zero_bootstrap_config_save import places
from pomhealth.replica.model import Replica
from pomhealth.replica.paths import resolve
from pomhealth.status import Unobservable


def stores(replica: Replica) -> frozenset[str]:
    """Its cache and its store, as this process reaches them; empty where they are not known."""
    found = []
    with contextlib.suppress(Unobservable):
        found += [posixpath.dirname(one.here) if one.file else one.here for one in places(replica)]
    if replica.storage is not None and replica.storage.kind == "file" and replica.storage.directory:
        found.append(resolve(replica, replica.storage.directory))
    return frozenset(found)
