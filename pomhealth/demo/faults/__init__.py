"""The faults that the demo can make, every one real. `FAULTS` has them by name."""

from __future__ import annotations

from pomhealth.demo.faults import certificates, configuration, processes, storage
from pomhealth.demo.faults.fault import Fault

__all__ = ["ENDED_BY_RESTART", "FAULTS", "Fault"]

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (*processes.FAULTS, *storage.FAULTS, *configuration.FAULTS, *certificates.FAULTS)
}

ENDED_BY_RESTART = frozenset(fault.name for fault in processes.FAULTS)
