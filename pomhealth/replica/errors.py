"""What discovery cannot settle by itself. Each message is one line for the operator."""

from __future__ import annotations


class ReplicaError(Exception):
    """What the operator said about the replica does not fit what is there."""


class Ambiguous(ReplicaError):  # noqa: N818  (an agreed name)
    """Several replicas run here and nothing says which one is meant. `candidates` describes each in a few words."""

    def __init__(self, candidates: tuple[str, ...]) -> None:
        named = "; ".join(candidates)
        super().__init__(
            f"{len(candidates)} replicas run here: {named}. Say which one with --pid N or --pomerium-config FILE"
        )
        self.candidates = candidates
