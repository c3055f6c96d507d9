"""The sockets that a supervisor hands over: which of them can be used."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from pomhealth.systemd.activation import ActivationError, address, listeners
from pomhealth.systemd.handed import Handed

UNIT = "pomhealth.socket"


def given(one: socket.socket) -> Handed:
    """As the kernel hands it over: a descriptor of its own, which children inherit."""
    descriptor = os.dup(one.fileno())
    os.set_inheritable(descriptor, True)
    return Handed(sockets=((descriptor, UNIT),))


def close(handed: Handed) -> None:
    for descriptor, _ in handed.sockets:
        os.close(descriptor)


@pytest.mark.parametrize(
    ("family", "host", "said"),
    [(socket.AF_INET, "127.0.0.1", "127.0.0.1:{}"), (socket.AF_INET6, "::1", "[::1]:{}")],
)
def test_a_listening_tcp_socket_is_taken_over_and_no_child_inherits_it(
    family: socket.AddressFamily, host: str, said: str
) -> None:
    with socket.create_server((host, 0), family=family) as opened:
        (taken,) = listeners(given(opened))
        with taken:
            assert address(taken) == said.format(opened.getsockname()[1])
            assert not taken.get_inheritable()
            assert taken.gettimeout() == 0.0


def not_listening() -> socket.socket:
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    return one


@pytest.mark.parametrize(
    ("opened", "why"),
    [
        (not_listening, "does not listen"),
        (lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), "not a TCP socket"),
        (lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), "not a TCP socket"),
    ],
)
def test_any_other_socket_is_refused_with_its_unit_and_what_it_should_be(
    opened: Callable[[], socket.socket], why: str
) -> None:
    with opened() as one:
        handed = given(one)
        with pytest.raises(ActivationError) as refused:
            listeners(handed)
        close(handed)
    said = str(refused.value)
    assert UNIT in said
    assert why in said
    assert "ListenStream=" in said
    assert "\n" not in said


def test_what_is_no_socket_at_all_is_refused(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
    try:
        with pytest.raises(ActivationError, match=f"descriptor {descriptor} "):
            listeners(Handed(sockets=((descriptor, UNIT),)))
    finally:
        os.close(descriptor)
    with pytest.raises(ActivationError, match="Bad file descriptor"):
        listeners(Handed(sockets=((descriptor, UNIT),)))


def test_pomeriums_own_port_is_refused_on_any_address() -> None:
    with socket.create_server(("127.28.0.80", 28080)) as one:
        handed = given(one)
        with pytest.raises(ActivationError, match="28080 is Pomerium's own"):
            listeners(handed)
        close(handed)
