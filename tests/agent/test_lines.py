"""The log's writer: whoever logs never waits, and what is lost is said."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pomhealth.agent.lines import Lines

PATIENCE = 10.0  # seconds


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    out, into = os.pipe()
    yield out, into
    for descriptor in (out, into):
        os.close(descriptor)


def told(count: int) -> str:
    return f"{count} lost"


def read(out: int, until: str) -> list[str]:
    """What is read until this line has come."""
    got = ""
    while f"{until}\n" not in got:
        got += os.read(out, 1 << 20).decode()
    return got.splitlines()


def test_lines_come_in_order(pipe: tuple[int, int]) -> None:
    out, into = pipe
    lines = Lines(into, told)
    for number in range(100):
        lines.write(str(number))
    assert lines.flush(PATIENCE)
    assert read(out, "99") == [str(number) for number in range(100)]


def test_without_a_reader_lines_wait_and_those_beyond_are_counted_in_one_line(pipe: tuple[int, int]) -> None:
    out, into = pipe
    lines = Lines(into, told, most=10)
    lines.write("x" * (1 << 20))  # more than the pipe takes
    while lines.waiting:
        pass  # its thread has it now, and hangs
    for number in range(25):
        lines.write(str(number))
    assert not lines.flush(0.01)
    got = read(out, "15 lost")
    assert got[1:] == [*(str(number) for number in range(10)), "15 lost"]
    lines.write("and on")
    assert read(out, "and on") == ["and on"]


def test_a_reader_that_is_gone_costs_its_lines_and_nothing_else() -> None:
    out, into = os.pipe()
    os.close(out)
    lines = Lines(into, told)
    lines.write("unread")
    assert lines.flush(PATIENCE)
    os.close(into)
