"""Gives an agent beside us the order to drain, and follows what it says of it. Blocking."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from time import monotonic
from typing import Any

from pomhealth.client.answer import AskError
from pomhealth.client.ask import Address, fetch
from pomhealth.drain import order
from pomhealth.drain.order import Order


class WentAway(AskError):  # noqa: N818
    """The agent ended, or does not say anything any more, while it was followed: another may take its place."""


ANSWER = 5.0  # seconds for the agent to say where it takes orders, or anything new of a drain: it does twice a second
_PIECE = 65536
_LARGEST = 65536  # bytes of one line


def told(address: Address, given: Order, until: float) -> Iterator[Mapping[str, Any]]:
    """What the agent says, look by look, until the drain is over; at the latest at the moment `until` (monotonic).

    Raises AskError, and WentAway once the order was given.
    """
    given_to = False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(_left(until))
            connection.connect("\0" + control_of(address, _left(until))[1:])
            connection.sendall(order.written(given))
            given_to = True
            yield from _lines(connection, until)
        except TimeoutError:
            raise AskError(
                "the agent says nothing more", "see whether it hangs: pomhealth health -v"
            ) from None
        except ConnectionRefusedError:
            raise AskError(
                "the agent is not in this network namespace: a drain is asked for beside it",
                "run pomhealth drain where the agent runs (docker exec, kubectl exec, on the machine itself)",
            ) from None
        except OSError as error:
            why = f"the agent went away ({error.strerror or error})"
            raise _trouble(why, "ask again", given=given_to) from None


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
            "this is no agent that can drain", "give the address of a pomhealth of this release with -a"
        )
    return name


def _lines(connection: socket.socket, until: float) -> Iterator[Mapping[str, Any]]:
    buffer = b""
    while True:
        connection.settimeout(_left(until))
        piece = connection.recv(_PIECE)
        if not piece:
            raise OSError("the connection was closed")
        *lines, buffer = (buffer + piece).split(b"\n")
        if len(buffer) > _LARGEST:
            raise OSError("it says more than can be read")
        for line in lines:
            said = _read(line)
            yield said
            if said.get("cancelled") is not None or said.get("end") is not None:
                return


def _read(line: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise OSError("it says something that cannot be read")
    if "error" in said:
        raise AskError(str(said["error"]))
    return said


def _left(until: float) -> float:
    left = min(until - monotonic(), ANSWER)
    if left <= 0:
        raise TimeoutError
    return left
