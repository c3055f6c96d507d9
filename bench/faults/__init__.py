"""How soon each fault is told, and its end, beside the replica's own report: `python -m bench.faults`."""
