"""Takes secrets out of what goes into a bundle: those that are known, and whatever looks like one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pomhealth.redact import REDACTED, SECRET_OPTIONS, Redactor, redact_dsn, secrets_of
from pomhealth.replica.model import Replica


@dataclass(frozen=True, slots=True)
class Form:
    """A form that secrets have. What `pattern` finds is replaced by its group `head`, where it has one, and a mark."""

    kind: str
    pattern: re.Pattern[str]

    def cut(self, text: str) -> str:
        head = r"\g<head>" if "head" in self.pattern.groupindex else ""
        return self.pattern.sub(head + REDACTED, text)


_LEFT = r"(?!\[redacted\])"  # what is there is not redacted yet
_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    r"(?:[^-]|-(?!----))*(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)?"
)
_UNCUT = r"""(?!["']?(?:[a-z]+\s+)?\[redacted\])"""
_VALUE = rf"""{_LEFT}[^\s"'\\,;\]}}]+"""
FORMS = (
    Form("a private key", _PEM),
    Form("a PEM file in base64", re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=_-]*")),
    Form("a JSON Web Token", re.compile(r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{4,}\.[A-Za-z0-9_-]*")),
    Form(
        "credentials of a request",
        re.compile(r"(?P<head>\b(?i:bearer|basic)\s+)(?=[^\s\"']*[0-9A-Z=])[A-Za-z0-9._~+/=-]{8,}"),
    ),
    Form(
        "an Authorization header",
        re.compile(rf"""(?i)(?P<head>\bauthorization["']?\s*[:=]\s*{_UNCUT}["']?(?:[a-z]+\s+)?){_VALUE}"""),
    ),
    Form(
        "a cookie",
        re.compile(rf"""(?i)(?P<head>\b(?:set-)?cookie["']?\s*[:=]\s*["']?){_LEFT}[^\s"'\\][^"\n]*"""),
    ),
)
# Bounded by quotes, so that they fit JSON too; `redact_dsn` cuts more generously, from texts that are no JSON yet.
_ADDRESSES = (
    Form(
        "a password in an address",
        re.compile(
            rf"""(?P<head>[A-Za-z][A-Za-z0-9+.-]{{0,30}}://[^\s/?#:@"]{{0,300}}:){_LEFT}[^\s/?#@"]+(?=@)"""
        ),
    ),
    Form("a password", re.compile(rf"""(?i)(?P<head>\b(?:ssl)?password\s*=\s*){_VALUE}""")),
)
_OPTIONS = "|".join(sorted(map(re.escape, SECRET_OPTIONS), key=len, reverse=True))
_WORDS = r"secret|passwd|password|passphrase|token|credentials?|api[_-]?key|private[_-]?key"
ASSIGNMENTS = (  # in logs and units, where a line may hold what its program was given
    Form("an option", re.compile(rf"""(?i)(?P<head>\b(?:{_OPTIONS})["']?\s*[:=]\s*["']?){_VALUE}""")),
    Form(
        "a variable",
        re.compile(
            rf"""(?i)(?P<head>(?<![\w.-])[\w.-]{{0,64}}(?:{_WORDS})[\w.-]{{0,64}}["']?=["']?){_VALUE}"""
        ),
    ),
    Form(
        "a field",
        re.compile(rf"""(?i)(?P<head>"[\w.-]{{0,64}}(?:{_WORDS})[\w.-]{{0,64}}"\s*:\s*"){_VALUE}"""),
    ),
    Form(
        "an option",
        re.compile(rf"(?i)(?P<head>(?<![\w-])--?[\w-]{{0,64}}(?:{_WORDS})[\w-]{{0,64}}\s+){_VALUE}"),
    ),
)
_KEYS = SECRET_OPTIONS | {
    "authorization",
    "cookie",
    "set-cookie",
    "password",
    "passwd",
    "secret",
    "token",
    "private_key",
}
_VARIABLE = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|AUTHORIZATION|_HEADERS\Z")
_LONGEST = 10_000  # characters of a line that may be a data source name: its search takes the square of them


class Cleaner:
    """Cleans what is to be written. `secrets` are those that are known, as the replica's own redactor has them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = frozenset(secrets)
        self._redactor = Redactor(self._secrets)

    def value(self, value: Any) -> Any:
        """What came as JSON, with every text of it clean, and nothing left under the name of a secret."""
        if isinstance(value, Mapping):
            return {self.text(str(key)): self._under(str(key), inner) for key, inner in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.value(inner) for inner in value]
        return self.text(value) if isinstance(value, str) else value

    def text(self, text: str) -> str:
        """A text without known secrets and without what has the form of one."""
        lines = text.split("\n")
        return self.sealed("\n".join(redact_dsn(one) if len(one) < _LONGEST else one for one in lines))

    def sealed(self, text: str) -> str:
        """The same of a whole file, which may be JSON and stays it."""
        text = self._redactor.scrub(text)
        for form in (*FORMS, *_ADDRESSES):
            text = form.cut(text)
        return text

    def lines(self, text: str) -> str:
        """The same of lines from elsewhere, in which whatever is given under the name of a secret is one too."""
        text = self.text(text)
        for form in ASSIGNMENTS:
            text = form.cut(text)
        return text

    def left_in(self, text: str) -> str:
        """Which kind of secret is still in a text that is about to be written; "" for none."""
        if self._redactor.scrub(text) != text:
            return "a secret of the replica"
        return next((form.kind for form in (*FORMS, *_ADDRESSES) if form.cut(text) != text), "")

    def _under(self, key: str, value: Any) -> Any:
        if isinstance(value, str) and value and key.lower() in _KEYS:
            return REDACTED
        return self.value(value)


def of_environment(environment: Mapping[str, str]) -> frozenset[str]:
    """The secrets that a process of ours was given in its environment: by their names, or within an address."""
    named = {text for name, text in environment.items() if text and _VARIABLE.search(name.upper())}
    options = {text for name, text in environment.items() if text and name.lower() in SECRET_OPTIONS}
    return frozenset(named | options) | secrets_of(Replica(environment=environment))
