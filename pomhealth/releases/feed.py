"""What a feed of releases says. Pure.

Understood are GitHub's releases/latest (an object), its list of releases, its Atom feed, and a version as plain text.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from pomhealth.releases.number import parse as number

_TAG = re.compile(r"""<link[^>]{0,200}href="([^"]{1,200}/releases/tag/([^"/]{1,60}))\"""")
_MOST = 200  # releases that are kept of a list


class FeedError(Exception):
    """The feed cannot be had, or makes no sense: why, in a few words."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest release, where it is described ("" where nothing tells), and every one that the feed told of."""

    version: str
    url: str = ""
    known: tuple[str, ...] = ()


def read(body: bytes) -> Newest:
    """The newest release of a feed; what comes before a release, and drafts, do not count. Raises FeedError."""
    text = body.decode("utf-8", "replace").lstrip("\ufeff").strip()
    if text[:1] in ("{", "["):
        found = _json(text)
    elif text[:5].lower() == "<?xml" or text[:5].lower() == "<feed":
        found = [(tag, url) for url, tag in _TAG.findall(text)]
    else:
        found = [(text.partition("\n")[0].strip(), "")]
    releases = [(parsed, tag, url) for tag, url in found[:_MOST] if (parsed := number(tag)) and parsed.final]
    if not releases:
        raise FeedError("what it answers names no release")
    newest, _, url = max(releases, key=lambda release: release[0])
    return Newest(str(newest), url, tuple(dict.fromkeys(str(parsed) for parsed, _, _ in releases)))


def _json(text: str) -> list[tuple[str, str]]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise FeedError("what it answers is not the JSON that it begins as") from None
    releases = document if isinstance(document, list) else [document]
    return [
        (one["tag_name"], _link(one))
        for one in releases
        if isinstance(one, dict)
        and isinstance(one.get("tag_name"), str)
        and not one.get("draft")
        and not one.get("prerelease")
    ]


def _link(release: dict[str, Any]) -> str:
    url = release.get("html_url")
    plain = isinstance(url, str) and re.fullmatch(r"https?://[!-~]{1,300}", url)
    return str(url) if plain else ""
