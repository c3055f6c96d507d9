"""Text for a Markdown page that cannot become markup, whatever it holds. Pure.

What was observed may hold anything: a tag, a link, `@somebody`, `#12`, `|`. Nothing of that means anything within a
code span, to GitHub, GitLab and Jira alike, so whatever is not an ordinary word stands in one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pomhealth.report.style import clean
from pomhealth.report.wrapping import tokens

_WORD = re.compile(
    r"""[("“']*(?:[^\W\d_]+(?:[-'/][^\W\d_]+)*|(?P<number>\d{1,6}(?:\.\d{1,6})?))(?P<end>[)"”'.,;:?…]*)"""
)
_PARTS = re.compile(r"""(?P<open>[("“]*)(?P<core>.*?)(?P<close>[.,;:?]*)""")
_FENCE = re.compile(r"`+")
_HASH = re.compile(r"[0-9a-f]{7,}")


def code(text: str) -> str:
    """The text as a code span, one line of it; nothing for nothing."""
    text = clean(text)
    if not text:
        return ""
    fence = "`" * (max((len(run) for run in _FENCE.findall(text)), default=0) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def prose(text: str) -> str:
    """A sentence: ordinary words as they are, everything else, and what stands between backticks, as code."""
    told: list[str] = []
    strange: list[str] = []
    for word in tokens(clean(text)):
        if _is_word(word, first=not (told or strange)):
            told += [*_spans(strange), word]
            strange = []
        else:
            strange.append(word)
    return " ".join([*told, *_spans(strange)])


def cell(text: str) -> str:
    """What was made by `code` or `prose`, as it stands in a table, where a bar ends a cell even in code."""
    return text.replace("|", "\\|")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; the cells are Markdown already."""
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *([cell(one) for one in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _is_word(word: str, *, first: bool) -> bool:
    """Whether a word means nothing to Markdown, nor to a site that renders it. `1.` begins a list, at a beginning."""
    found = _WORD.fullmatch(word)
    if found is None or _HASH.fullmatch(word.rstrip(".,;:")):
        return False
    return not (first and found["number"] and set(found["end"]) & {".", ")"})


def _spans(words: list[str]) -> list[str]:
    """Strange words that follow one another as one code span, but each command as one of its own."""
    spans: list[str] = []
    run: list[str] = []
    for word in words:
        parts = re.fullmatch(r"(\(?)`([^`]+)`([).,;:]*)", word)
        if parts is None:
            run.append(word)
            continue
        spans += _span(run)
        run = []
        spans.append(f"{parts[1]}{code(parts[2])}{parts[3]}")
    return spans + _span(run)


def _span(words: list[str]) -> list[str]:
    """Punctuation at either end stays outside."""
    if not words:
        return []
    found = _PARTS.fullmatch(" ".join(words))
    if found is None or not found["core"]:
        return [code(" ".join(words))]
    core, close = found["core"], found["close"]
    while core.endswith(")") and core.count(")") > core.count("("):
        core, close = core[:-1], ")" + close
    return [f"{found['open']}{code(core)}{close}"] if core else [code(" ".join(words))]
