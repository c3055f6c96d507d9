"""What is known of a certificate, of the pair that it makes with its key, and of one that Envoy serves. Values only."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, field
from typing import Any

MAIN, METRICS, AUTOCERT = "main", "metrics", "autocert"
UNREADABLE, MISMATCH = "unreadable", "key-mismatch"
NOT_ITS_KEY = "the key does not belong to the certificate"
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. `names` and `addresses` are its subject alternative names, in lower case; `common_name` is for
    show, since no client looks at it. Times are seconds since the epoch, `serial` and `fingerprint` (SHA-256) hex.
    `file` is the one that Envoy has it from, where Envoy told of it.
    """

    names: tuple[str, ...]
    addresses: tuple[str, ...]
    common_name: str
    subject: str
    issuer: str
    serial: str
    not_before: float
    not_after: float
    fingerprint: str = ""
    file: str = ""

    @property
    def title(self) -> str:
        """The names that a person knows it by, at most three of them."""
        names = (*self.names, *self.addresses) or (self.common_name or self.subject or "no name",)
        return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


@dataclass(frozen=True, slots=True)
class Source:
    """A certificate and its key as the configuration asks for them: two paths as written, or two texts in base64.

    `option` is the option's name, `origin` where it stands, `role` what it serves (MAIN, METRICS or AUTOCERT), `base`
    the directory from which relative paths start.
    """

    option: str
    origin: str
    certificate: Any = field(repr=False)
    key: Any = field(repr=False)
    role: str = MAIN
    inline: bool = False
    base: str = ""

    @property
    def where(self) -> str:
        """Where a person finds the certificate."""
        return f"{self.origin} option {self.option}, inline" if self.inline else self.files[0] or self.origin

    @property
    def files(self) -> tuple[str, str]:
        """The files of the certificate and the key, as the replica knows them; empty for what is inline."""
        return self._absolute(self.certificate), self._absolute(self.key)

    def _absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.base, path)) if path and not self.inline else ""

    def told(self, complaint: str) -> str:
        """A complaint with the option and the files that it is about."""
        if self.inline:
            return f"{self.option}: {complaint}"
        return f"{self.option}: {complaint} ({self.certificate or 'no file'}, {self.key or 'no file'})"


@dataclass(frozen=True, slots=True)
class Complaint:
    """What Pomerium does not take of a pair, in one clause; `cause` is its code: unreadable or key-mismatch.

    `there` is false where the file is not to be found from here.
    """

    cause: str
    text: str
    there: bool = True


@dataclass(frozen=True, slots=True)
class Pair:
    """A source as it was read. `chain` begins with the certificate that counts; it is empty where none could be read.

    `unseen` tells what this user may not read, or, with `silent`, which file does not answer. `changed` is when the
    files were last changed or put in place.
    """

    source: Source
    chain: tuple[Certificate, ...] = ()
    complaint: Complaint | None = None
    unseen: str = ""
    changed: float = 0.0
    silent: bool = False

    @property
    def leaf(self) -> Certificate | None:
        return self.chain[0] if self.chain else None
