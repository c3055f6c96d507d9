"""Is the storage one that survives a restart? By the configuration: Pomerium's own word for it is misleading.

From 0.32 on the replica reports in-memory storage as `file`.
"""

from __future__ import annotations

from pomhealth.checks.context import Context
from pomhealth.status import Evidence, Finding, passed, warned

ID = "persistent_backend"


async def look(context: Context) -> Finding:
    storage = context.storage
    seen = Evidence(storage.origin, storage.kind, "postgres or file")
    if storage.kind == "memory":
        return warned("in-memory", f"storage is in the replica's memory ({storage.origin})", seen)
    return passed(f"storage is {storage.kind} ({storage.origin})", seen)
