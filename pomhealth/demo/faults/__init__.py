"""The faults that the demo can make, every one real. `FAULTS` has them by name."""

from __future__ import annotations

from pomhealth.demo.faults import (
    addresses,
    cache,
    certificates,
    configuration,
    names,
    processes,
    rejections,
    servers,
    storage,
    workers,
)
from pomhealth.demo.faults.fault import Fault

__all__ = ["ENDED_BY_POSTGRES", "ENDED_BY_RESTART", "FAULTS", "Fault"]

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        *processes.FAULTS,
        *workers.FAULTS,
        *storage.FAULTS,
        *servers.FAULTS,
        *names.FAULTS,
        *cache.FAULTS,
        *addresses.FAULTS,
        *configuration.FAULTS,
        *rejections.FAULTS,
        *certificates.FAULTS,
    )
}

ENDED_BY_RESTART = frozenset(fault.name for fault in processes.FAULTS)
ENDED_BY_POSTGRES = frozenset(
    name for name, fault in FAULTS.items() if fault.ends == "postgres" or name == "postgres-hang"
)
