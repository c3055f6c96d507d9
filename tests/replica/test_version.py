"""Which version runs: the program's own answer, else the gRPC listener's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pomhealth.replica import processes, version
from pomhealth.replica.model import Endpoint, Holder, Process
from pomhealth.status import Unobservable
from tests.replica.little import Little, program_that_says
from tests.standin import StandIn


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pomerium version pomerium: v0.33.1\nenvoy: 1.40.0+abc", "0.33.1"),
        ("pomerium version v0.32.9-12+g1234", "0.32.9-12+g1234"),
        ("pomerium: v0.31.3", "0.31.3"),
        ("Python 3.11.2", None),
        ("GNU bash, version 5.2.15(1)-release", None),
        ("", None),
    ],
)
def test_only_an_answer_of_pomeriums_counts(text: str, expected: str | None) -> None:
    assert expected == version.of_answer(text)


@pytest.mark.parametrize("release", ["v0.30.8", "v0.31.3", "v0.32.9", "v0.33.1"])
def test_the_grpc_listener_tells_the_version(module_standin: StandIn, release: str) -> None:
    replica = module_standin(release)
    assert replica.grpc_address is not None
    host, port = replica.grpc_address
    value = version.of_listener(Endpoint("grpc_address", host, port, Holder.ENVOY, "test"))
    assert release == f"v{value.value}"
    assert value.origin == f"x-pomerium-version on {host}:{port}"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "the connection was closed"),
        (b"\x00\x00\x00\x04\x00\x00\x00\x00\x01", "does not speak HTTP/2"),
        (b"", "the connection was closed"),
        (None, "no answer within"),
    ],
)
def test_what_answers_otherwise_tells_no_version(
    answer: bytes | None, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version, "_GRPC_DEADLINE", 0.3)
    with answering(answer) as port, pytest.raises(Unobservable, match=says):
        version.of_listener(Endpoint("grpc_address", "127.0.0.1", port, Holder.ENVOY, "test"))


@contextmanager
def answering(answer: bytes | None) -> Iterator[int]:
    """A server's port: it says this to whoever comes and hangs up; with None it says nothing and keeps the line."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is None:
            await reader.read()
        else:
            await reader.readuntil(bytes(5))  # the empty message, which ends the call
            writer.write(answer)
        writer.close()

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1"))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def running(little: Little, program: bytes) -> Process:
    found = processes.process(little.replica(program=program).pid)
    assert found is not None
    return found


def test_the_running_program_is_asked(little: Little) -> None:
    value = version.of_program(running(little, program_that_says()))
    assert value.value == "0.33.1+abc"
    assert value.origin.endswith("/pomerium --version")


def test_it_is_the_running_program_even_where_the_file_was_replaced(little: Little) -> None:
    main = running(little, program_that_says())
    replaced = little.directory / "0" / "pomerium"
    replaced.unlink()
    replaced.write_bytes(program_that_says("pomerium version v9.9.9\n"))
    replaced.chmod(0o755)
    assert version.of_program(main).value == "0.33.1+abc"


def test_a_program_that_does_not_end_is_given_up(little: Little, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "_PROGRAM_DEADLINE", 0.2)
    endless = program_that_says().replace(
        b"\x80\x7e\x02\x76", b"\x80\x7e\x02\x7a"
    )  # 'z', so --version waits too
    with pytest.raises(Unobservable, match="does not answer as Pomerium does"):
        version.of_program(running(little, endless))


def test_another_program_is_not_run(little: Little) -> None:
    main = processes.process(little.replica().pid)
    assert main is not None
    with pytest.raises(Unobservable, match="not Pomerium's own program"):
        version.of_program(main)
