"""Keeps the replica's secrets out of whatever the agent says."""

from __future__ import annotations

from pomhealth.redact import Redactor, secrets_of
from pomhealth.replica.model import Replica


class Scrubber:
    """Takes every secret that was ever read out of a text: an old one may still stand in a late error text."""

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._redactor = Redactor(())

    def learn(self, replica: Replica) -> None:
        secrets = self._secrets | secrets_of(replica)
        if secrets != self._secrets:
            self._secrets = secrets
            self._redactor = Redactor(secrets)

    def scrub(self, text: str) -> str:
        return self._redactor.scrub(text)
