"""Talking to the running demo: one request and one answer, a line of JSON each, over its Unix socket."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pomhealth.demo.errors import DemoError

_PATIENCE = 60.0  # seconds: restarting everything is the longest that can be asked


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted: `verb` is "break", "heal" or "state", `name` a fault's or a part's."""

    verb: str
    name: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: text to read, or why it could not be done."""

    text: str
    failed: bool = False


def ask(path: Path, request: Request) -> Answer:
    """The running demo's answer. Raises DemoError when none runs or it does not answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_PATIENCE)
        try:
            connection.connect(str(path))
            connection.sendall(json.dumps({"verb": request.verb, "name": request.name}).encode() + b"\n")
            answer = json.loads(_line(connection))
        except (FileNotFoundError, ConnectionRefusedError):
            raise DemoError("no demo runs here; start one with: pomhealth demo") from None
        except (OSError, ValueError) as error:
            raise DemoError(f"the demo does not answer ({error}); is it ending?") from error
    return Answer(answer["text"], answer["failed"])


def listen(path: Path) -> socket.socket:
    """The socket on which a demo takes requests, for this user only."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(str(path))
    path.chmod(0o600)
    made.listen(8)
    return made


def receive(connection: socket.socket) -> Request | None:
    """The request on an accepted connection; None when it is none."""
    connection.settimeout(1.0)
    try:
        asked: Any = json.loads(_line(connection))
        return Request(str(asked["verb"]), str(asked["name"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def reply(connection: socket.socket, answer: Answer) -> None:
    """Sends the answer, if somebody still waits for it."""
    try:
        connection.sendall(json.dumps({"text": answer.text, "failed": answer.failed}).encode() + b"\n")
    except OSError:
        return


def _line(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            raise OSError("the connection was closed")
        received += part
    return received
