"""Gives an agent beside us an order, and follows what it says of it. Blocking."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from time import monotonic, sleep

from pomhealth.client.answer import AskError
from pomhealth.client.ask import Address, fetch
from pomhealth.orders import line
from pomhealth.orders.line import Said


class WentAway(AskError):  # noqa: N818
    """The agent ended, or does not say anything any more, while it was followed: another may take its place."""


ANSWER = 5.0  # seconds for the agent to say where it takes orders, or anything new
RETURN = 15.0  # seconds for an agent that is being restarted to come back
_PAUSE = 0.2  # seconds between two tries
_PIECE = 65536
_LARGEST = 65536  # bytes of one line


def told(
    address: Address, order: Said, until: float, *, last: Callable[[Said], bool], patience: float = ANSWER
) -> Iterator[Said]:
    """What the agent says of an order, to the `last` word of it; at the latest at the moment `until` (monotonic).

    `patience` is for how many seconds it may say nothing.

    Raises AskError, and WentAway once the order was given.
    """
    given = False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(_left(until))
            connection.connect("\0" + control_of(address, _left(until))[1:])
            connection.sendall(line.written(order))
            given = True
            for said in _lines(connection, until, patience):
                yield said
                if last(said):
                    return
        except TimeoutError:
            raise AskError(
                "the agent says nothing more", "see whether it hangs: pomhealth health -v"
            ) from None
        except ConnectionRefusedError:
            raise AskError(
                "the agent is not in this network namespace: it takes orders from beside it alone",
                "run this where the agent runs (docker exec, kubectl exec, on the machine itself)",
            ) from None
        except OSError as error:
            why = f"the agent went away ({error.strerror or error})"
            raise _trouble(why, "ask again", given=given) from None


def followed(
    tries: Callable[[], Iterator[Said]], *, last: Callable[[Said], bool], until: Callable[[], float]
) -> Iterator[Said]:
    """What is said, to the `last` word of it. Each of `tries` gives the order: anew where the agent is restarted meanwhile.

    `until` gives the moment (monotonic) after which it is not given again. Raises AskError.
    """
    lost: float | None = None
    while True:
        try:
            for said in tries():
                lost = None
                yield said
                if last(said):
                    return
        except WentAway:
            lost = lost or monotonic()
            if monotonic() > until():
                raise
        except AskError:
            if lost is None or monotonic() - lost > RETURN or monotonic() > until():
                raise
        sleep(_PAUSE)


def _trouble(why: str, fix: str, *, given: bool) -> AskError:
    return WentAway(why, fix) if given else AskError(why, fix)


def control_of(address: Address, timeout: float) -> str:
    """Where the agent takes orders ("@NAME"). Raises AskError."""
    body = fetch(address, timeout, accept="application/json")
    try:
        name = json.loads(body)["agent"]["control"]
    except (ValueError, KeyError, TypeError):
        name = ""
    if not isinstance(name, str) or not name.startswith("@"):
        raise AskError(
            "this is no agent that takes orders", "give the address of a pomhealth of this release with -a"
        )
    return name


def _lines(connection: socket.socket, until: float, patience: float) -> Iterator[Said]:
    buffer = b""
    while True:
        connection.settimeout(_left(until, patience))
        piece = connection.recv(_PIECE)
        if not piece:
            raise OSError("the connection was closed")
        *lines, buffer = (buffer + piece).split(b"\n")
        if len(buffer) > _LARGEST:
            raise OSError("it says more than can be read")
        yield from map(_read, lines)


def _read(text: bytes) -> Said:
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise OSError("it says something that cannot be read")
    if "error" in said:
        raise AskError(str(said["error"]))
    return said


def _left(until: float, most: float = ANSWER) -> float:
    left = min(until - monotonic(), most)
    if left <= 0:
        raise TimeoutError
    return left
