"""What readers of events are told, by how far each has read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pomhealth.publish.events.channel import Log, Newest
from pomhealth.publish.events.reader import Reader
from pomhealth.publish.events.wire import Place, event, place

BOOT = "b00t"


def said(raw: bytes) -> list[tuple[str, Any]]:
    """The events in these bytes: name and data."""
    found = []
    for block in raw.decode().split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_an_event_is_three_lines_and_an_empty_one_whatever_its_text() -> None:
    raw = event("change", {"summary": "two\nlines\r\nand data: evil\n\nevent: x"}, Place(BOOT, 7))
    assert raw.decode().split("\n")[:2] == ["id: b00t-7", "event: change"]
    assert raw.count(b"\n") == 4
    assert said(raw) == [("change", {"summary": "two\nlines\r\nand data: evil\n\nevent: x"})]


def test_an_event_with_a_lone_surrogate_is_still_told() -> None:
    assert said(event("change", {"id": "a\ud800"})) == [("change", {"id": "a?"})]


@pytest.mark.parametrize("text", ["", "7", "-7", "b00t-", "b00t-x", "b00t-٣", "b00t-" + "9" * 19])
def test_what_is_no_id_of_an_event_names_no_place(text: str) -> None:
    assert place(text) is None


def test_the_id_of_an_event_names_its_place() -> None:
    assert place(str(Place(BOOT, 12))) == Place(BOOT, 12)


def test_who_comes_back_gets_what_it_missed_once_and_in_order() -> None:
    log = Log(BOOT)
    for number in range(5):
        log.put("change", number)
    reader = Reader(log, BOOT, Place(BOOT, 2))
    assert said(reader.take()) == [("change", 2), ("change", 3), ("change", 4)]
    assert reader.take() == b""
    log.put("change", 5)
    assert said(reader.take()) == [("change", 5)]


def test_who_begins_now_is_told_of_what_comes() -> None:
    log = Log(BOOT)
    log.put("change", "before")
    reader = Reader(log, BOOT, None)
    assert reader.take() == b""


@pytest.mark.parametrize("last", [Place("other", 3), Place(BOOT, 99), Place(BOOT, 0)])
def test_who_cannot_be_told_what_it_missed_is_told_so(last: Place) -> None:
    log = Log(BOOT, most=200)
    for number in range(20):
        log.put("change", number)
    reader = Reader(log, BOOT, last)
    assert said(reader.take()) == [("reset", {})]
    log.put("change", 20)
    assert said(reader.take()) == [("change", 20)]


def test_what_is_kept_is_bounded_and_the_oldest_goes_first() -> None:
    log = Log(BOOT, most=1000)
    for number in range(1000):
        log.put("change", "x" * (number % 90))
    kept = next(log.since(number) for number in range(1001) if log.since(number) is not None)
    assert kept is not None
    assert 800 < len(kept) <= 1000


def test_one_event_that_is_larger_than_all_that_may_be_kept_leaves_nothing() -> None:
    log = Log(BOOT, most=100)
    log.put("change", "x" * 200)
    assert log.since(0) is None
    assert log.since(1) == b""


def test_of_the_page_only_what_reads_otherwise_is_told_and_only_its_newest_form() -> None:
    newest = Newest(BOOT)
    newest.become({"a": "one", "b": "one"})
    seen = newest.latest
    newest.become({"a": "one", "b": "one"})
    assert newest.since(seen) == b""
    newest.become({"a": "two", "b": "two"})
    newest.become({"a": "three", "b": "two"})
    new = newest.since(seen)
    assert new is not None
    assert said(new) == [("part", {"id": "b", "html": "two"}), ("part", {"id": "a", "html": "three"})]


def test_a_part_more_or_less_has_the_whole_page_looked_at_anew() -> None:
    newest = Newest(BOOT)
    newest.become({"a": "one", "b": "one"})
    for parts in ({"a": "one"}, {"a": "one", "c": "one"}):
        seen = newest.latest
        newest.become(parts)
        assert newest.since(seen) is None
        assert newest.since(newest.latest) == b""
