"""Keeps the replica's secrets out of whatever the agent says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pomhealth.redact import Redactor, secrets_in_dsn, secrets_of
from pomhealth.replica.model import Replica
from pomhealth.status import Finding


class Scrubber:
    """Takes every secret that was ever read out of a text: an old one may still stand in a late error text."""

    def __init__(self) -> None:
        self._secrets: frozenset[str] = frozenset()
        self._redactor = Redactor(())

    def learn(self, replica: Replica) -> None:
        self._learn(secrets_of(replica))

    def learn_dsn(self, dsn: str) -> None:
        """The passwords of the registry's connection string."""
        self._learn(secrets_in_dsn(dsn))

    def _learn(self, found: frozenset[str]) -> None:
        secrets = self._secrets | found
        if secrets != self._secrets:
            self._secrets = secrets
            self._redactor = Redactor(secrets)

    def scrub(self, text: str) -> str:
        return self._redactor.scrub(text)


def scrubbed(finding: Finding, scrub: Callable[[str], str]) -> Finding:
    """The finding with every text of it passed through `scrub`."""
    return replace(
        finding,
        summary=scrub(finding.summary),
        evidence=tuple(
            replace(
                one,
                source=scrub(one.source),
                observed=scrub(one.observed),
                expected=scrub(one.expected),
            )
            for one in finding.evidence
        ),
        steps=tuple(scrub(step) for step in finding.steps),
        attributes=tuple((key, scrub(value)) for key, value in finding.attributes),
        names=tuple((word, scrub(text)) for word, text in finding.names),
        certificates=tuple(
            replace(one, name=scrub(one.name), where=scrub(one.where), problem=scrub(one.problem))
            for one in finding.certificates
        ),
    )
