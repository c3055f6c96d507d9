"""Asks a feed over HTTP. Blocking, bounded in time and size, and without any credential."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import IO
from urllib.parse import urlsplit, urlunsplit

from pomhealth import __version__
from pomhealth.releases.feed import FeedError

_LIMIT = 4 * 1024 * 1024  # bytes; GitHub's list of thirty releases has half of one million
_PIECE = 65536
_HOPS = 5


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer; `body` is None where nothing has changed since `etag`."""

    body: bytes | None
    etag: str


def fetch(url: str, etag: str, *, deadline: float) -> Fetched:
    """The feed's answer, by the proxy that the environment names. Raises FeedError."""
    end = time.monotonic() + deadline
    parts = urlsplit(url)
    bare = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    headers = {
        "User-Agent": f"pomhealth/{__version__}",
        "Accept": "application/json, text/plain;q=0.9, */*;q=0.1",
    }
    if etag:
        headers["If-None-Match"] = etag
    try:
        request = urllib.request.Request(bare, headers=headers)  # noqa: S310  (http or https: the settings see to it)
        with _opener().open(request, timeout=deadline) as answer:
            return Fetched(_body(answer, end), str(answer.headers.get("ETag") or "")[:200])
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 304 and etag:
                return Fetched(None, etag)
            limited = error.code == 429 or error.headers.get("X-RateLimit-Remaining") == "0"
            more = ": it takes no more questions from this address for now" if limited else ""
            raise FeedError(f"it answers {error.code}{more}") from None
    except urllib.error.URLError as error:
        raise FeedError(_words(error.reason)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise FeedError(_words(error)) from None


class _Redirects(urllib.request.HTTPRedirectHandler):
    max_redirections = _HOPS

    def redirect_request(  # noqa: PLR0917  (urllib's)
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        there = urlsplit(newurl).scheme
        if there not in ("http", "https") or (req.type == "https" and there == "http"):
            raise FeedError(f"it sends us on by {there or 'nothing'}, which is not followed")
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _opener() -> urllib.request.OpenerDirector:
    """One that knows HTTP and nothing else: no files, no FTP, no passwords."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener


def _body(answer: http.client.HTTPResponse, end: float) -> bytes:
    body = bytearray()
    while piece := answer.read1(_PIECE):
        body += piece
        if len(body) > _LIMIT:
            raise FeedError(f"its answer is larger than {_LIMIT // 1024 // 1024} MiB")
        if time.monotonic() > end:
            raise FeedError("its answer does not come to an end in time")
    return bytes(body)


def _words(error: object) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]
