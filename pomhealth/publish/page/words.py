"""The page's words for states, gates and times, and what makes any text fit to be shown. Pure."""

from __future__ import annotations

from datetime import datetime, timezone

from pomhealth.status import Entry, Gate, Outcome

WORDS = {
    Outcome.PASS: "passes",
    Outcome.WARN: "warns",
    Outcome.FAIL: "fails",
    Outcome.UNKNOWN: "not seen",
    Outcome.SKIPPED: "not judged",
}
STOPS = {
    Gate.LIVE: "stops /readyz and /healthz",
    Gate.READY: "stops /readyz",
    Gate.ALERT: "stops nothing: it is told, and traffic goes on",
}
WAITING = "not looked at yet"
NOT_YET = "not yet"
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_ODD = "\N{REPLACEMENT CHARACTER}"


def word(entry: Entry) -> str:
    """The state of a check in a word or two."""
    return WAITING if entry.pending else WORDS[entry.outcome]


def css(entry: Entry) -> str:
    """The class by which a check's state is drawn."""
    return "wait" if entry.pending else entry.outcome.value


def moment(seconds: float) -> str:
    """A time (seconds since the epoch) to read, in UTC; "" for never, which is 0."""
    if not seconds:
        return ""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def rfc(seconds: float) -> str:
    """The same for programs (RFC 3339), to the second."""
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def age(seconds: float) -> str:
    """How long ago, in the two largest units; page.js counts on in the same words."""
    whole = max(int(seconds), 0)
    if whole < 1:
        return "just now"
    return f"{span(whole)} ago"


def span(seconds: float) -> str:
    """A length of time in its two largest units, without the smaller one where that is 0."""
    whole = int(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min"
    if whole < _DAY:
        return f"{whole // _HOUR} h" + (
            f" {whole % _HOUR // _MINUTE} min" if whole % _HOUR >= _MINUTE else ""
        )
    return f"{whole // _DAY} d" + (f" {whole % _DAY // _HOUR} h" if whole % _DAY >= _HOUR else "")


def clean(text: str) -> str:
    """The text with what cannot be seen made visible: control characters, marks that turn its direction, surrogates."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else " " if letter in "\n\t" else _ODD for letter in text)
