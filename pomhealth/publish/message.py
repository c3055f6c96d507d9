"""HTTP/1.1 messages, as far as an agent that only answers questions needs them (RFC 9110, RFC 9112). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote

LARGEST_HEAD = 8192  # bytes of request line and headers
ALLOWED = "GET, HEAD, OPTIONS"


class BadRequest(Exception):  # noqa: N818  (HTTP's own name for it)
    """What came is no request that can be answered; `status` is the answer to it."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `keep` tells whether the connection stays open after it, `body` whether a body follows, `last_event` how
    far a reader of events has read (Last-Event-ID).
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    accept: str
    keep: bool
    body: bool
    last_event: str = ""

    def values(self, name: str) -> tuple[str, ...]:
        """Every value of a query parameter."""
        return tuple(value for key, value in self.query if key == name)


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, without what belongs to the connection. `later`: it is given when there is another than this.

    `page` names what a browser is given, as it is when it is sent: a document, or a file by its path.
    `follow` names what is told from then on, over the same connection, until somebody ends it.
    """

    status: HTTPStatus
    body: bytes = b""
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    later: bool = False
    follow: str = ""
    page: str = ""


def text(status: HTTPStatus, body: str | bytes, headers: tuple[tuple[str, str], ...] = ()) -> Response:
    """A plain-text answer."""
    raw = body if isinstance(body, bytes) else f"{body}\n".encode()
    return Response(status, raw, "text/plain; charset=utf-8", headers)


def parse(head: bytes) -> Request:
    """The request in `head`, which ends before the empty line. Raises BadRequest."""
    first, *rest = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[0].isalpha() or not words[1] or not words[2].startswith("HTTP/"):
        raise BadRequest(HTTPStatus.BAD_REQUEST, "this is not an HTTP request")
    method, target, version = words
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise BadRequest(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/1.1 is spoken here")
    headers = _headers(rest)
    path, _, query = _origin_form(target).partition("?")
    tokens = [token.strip().lower() for token in headers.get("connection", "").split(",")]
    return Request(
        method=method,
        path=unquote(path, errors="replace"),
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        accept=headers.get("accept", ""),
        keep="close" not in tokens if version == "HTTP/1.1" else "keep-alive" in tokens,
        body=headers.get("content-length", "0") != "0" or "transfer-encoding" in headers,
        last_event=headers.get("last-event-id", ""),
    )


def serialize(response: Response, *, date: str, keep: bool, with_body: bool = True) -> bytes:
    """The bytes of an answer. `date` is the Date header's value; without a body the length still stands (HEAD)."""
    lines = [
        f"HTTP/1.1 {response.status.value} {response.status.phrase}",
        f"Date: {date}",
        f"Content-Type: {response.kind}",
        f"Content-Length: {len(response.body)}",
        "Cache-Control: no-store",
        *(f"{name}: {_printable(value)}" for name, value in response.headers),
        f"Connection: {'keep-alive' if keep else 'close'}",
    ]
    if response.status is HTTPStatus.NO_CONTENT:
        lines = [line for line in lines if not line.startswith("Content-")]
    if response.follow:
        lines = [line for line in lines if not line.startswith("Content-Length")]
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    return head + response.body if with_body else head


def _headers(lines: list[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(HTTPStatus.BAD_REQUEST, "a header line is malformed")
        key = name.lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    return headers


def _origin_form(target: str) -> str:
    """The path and query of a target that may be a whole URL, as a proxy sends it."""
    if target.startswith("http://"):
        slash = target.find("/", len("http://"))
        return target[slash:] if slash > 0 else "/"
    return target


def _printable(value: str) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in value)
