"""Listening sockets and whose they are."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pomhealth.replica import processes
from pomhealth.replica.model import Process
from pomhealth.replica.sockdiag import accepted_inode
from pomhealth.replica.sockets import ListeningSocket, SocketTable


@pytest.fixture
def me() -> Process:
    found = processes.process(os.getpid())
    assert found is not None
    return found


@pytest.fixture(params=["127.0.0.1", "0.0.0.0", "::1", "::"])
def listener(request: pytest.FixtureRequest) -> Iterator[socket.socket]:
    """A listening socket on an address of each kind."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as raw:
        raw.bind((request.param, 0))
        raw.listen()
        yield raw


def row(raw: socket.socket) -> ListeningSocket:
    (found,) = [one for one in SocketTable().listening() if one.inode == os.fstat(raw.fileno()).st_ino]
    return found


def test_a_listening_socket_has_its_address_its_user_and_its_process(
    listener: socket.socket, me: Process
) -> None:
    host, port = listener.getsockname()[:2]
    found = row(listener)
    assert (host, port, os.geteuid(), 0, False) == (
        found.host,
        found.port,
        found.uid,
        found.backlog,
        found.udp,
    )
    assert found.inode in SocketTable().held_by(me)
    assert f"(pid {os.getpid()})" in SocketTable().owner(found)


def test_connections_that_nobody_takes_are_counted(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    to = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    with socket.create_connection((to, port)), socket.create_connection((to, port)):
        assert row(listener).backlog == 2


def test_connections_are_not_in_the_table(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    to = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    with socket.create_connection((to, port)) as client:
        inodes = {one.inode for one in SocketTable().listening()}
        assert os.fstat(client.fileno()).st_ino not in inodes


def test_udp_sockets_are_in_the_table() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as raw:
        raw.bind(("127.0.0.1", 0))
        assert row(raw).udp


def test_a_table_that_cannot_be_read_is_empty(tmp_path: Path) -> None:
    assert SocketTable(str(tmp_path)).listening() == ()


def test_a_recorded_table_is_read_up_to_the_first_connection(tmp_path: Path) -> None:
    (tmp_path / "tcp").write_text(
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:20FB 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000 0 4711 1 0 100 0 0 10 0\n"
        "   1: 0100007F:20FB 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000 0 4712 1 0 20 4 30 10 -1\n"
        "   2: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0 0 4713 1 0 100 0 0 10 0\n"
    )
    assert (ListeningSocket("127.0.0.1", 8443, 4711, 1000, 3, udp=False),) == SocketTable(
        str(tmp_path)
    ).listening()


def test_a_socket_of_nobody_we_can_see_is_told_by_its_user() -> None:
    unknown = ListeningSocket("127.0.0.1", 1, 2**40, 0, 0, udp=False)
    assert SocketTable().owner(unknown) == "a process of user root (uid 0)"
    assert (
        SocketTable().owner(ListeningSocket("", 1, 2**40, 3999999, 0, udp=False))
        == "a process of uid 3999999"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_the_kernel_tells_the_servers_end_of_a_connection(host: str) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.bind((host, 0))
        server.listen()
        ends = server.getsockname()[:2]
        with socket.create_connection(ends) as client:
            taken, _ = server.accept()
            with taken:
                inode = accepted_inode(ends, client.getsockname()[:2])
                assert os.fstat(taken.fileno()).st_ino == inode
        assert None is accepted_inode(ends, (host, 1))


def test_the_sockets_of_a_process_that_ended_are_none() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    gone = processes.process(child.pid)
    child.wait(10)
    assert gone is not None
    assert frozenset() == SocketTable().held_by(gone)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_a_process_is_connected_where_it_has_established_connections(me: Process, host: str) -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        port = server.getsockname()[1]
        assert SocketTable().connected(me, port) == frozenset()
        with socket.create_connection((host, port)):
            assert SocketTable().connected(me, port) == {host.rpartition("ffff:")[2] or host}
            other = Process(os.getppid(), 0, 0, 0)
            if os.access(f"/proc/{other.pid}/fd", os.R_OK):
                assert SocketTable().connected(other, port) == frozenset()
