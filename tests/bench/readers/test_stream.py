"""What readers of events were told, taken apart."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from itertools import product

import pytest

from bench.readers.measure import READERS, _told
from bench.readers.stream import Reading, told

BEGIN = 1_700_000_000.0


def change(number: int, is_: str = "pass", at: float = BEGIN) -> bytes:
    moment = datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    data = json.dumps({"at": moment, "id": "envoy.server", "is": is_})
    return f"id: boot-{number}\nevent: change\ndata: {data}\n\n".encode()


def part(number: int, html: str) -> bytes:
    return f"id: boot-{number}\nevent: part\ndata: {json.dumps({'id': 'part-x', 'html': html})}\n\n".encode()


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
HELLO = b'id: boot-4\nevent: hello\ndata: {"boot":"boot"}\n\n'


def reading(*pieces: bytes) -> Reading:
    return Reading([(BEGIN + 1 + place, piece) for place, piece in enumerate(pieces)])


def test_events_are_found_wherever_the_pieces_are_cut() -> None:
    whole = HEAD + HELLO + change(5) + change(6)
    for first, second in product(range(0, len(whole), 7), repeat=2):
        one, other = sorted((first, second))
        cut = reading(whole[:one], whole[one:other], whole[other:])
        assert [(number, name) for _, number, name, _ in cut.events()] == [
            (4, "hello"),
            (5, "change"),
            (6, "change"),
        ]


def test_an_event_came_when_its_last_byte_did() -> None:
    whole = change(5)
    assert [when for when, *_ in reading(whole[:30], whole[30:-1], whole[-1:]).events()] == [BEGIN + 3]


def test_an_event_without_a_place_moves_nobody() -> None:
    beat = b'event: beat\ndata: {"at":"x"}\n\n'
    assert [number for _, number, *_ in reading(beat).events()] == [-1]
    assert told([reading(change(5), beat, change(6))])["disorder"] == 0


def test_what_all_were_told_and_how_late() -> None:
    said = told([reading(HEAD + HELLO, change(5), change(6)), reading(HEAD + HELLO + change(5), change(6))])
    assert said["sequences"] == [[4, [5, 6], 2]]
    assert list(said["changes"]) == [5, 6]
    assert sorted(said["late"]) == [1.0, 2.0, 2.0, 3.0]
    assert (said["differing"], said["disorder"]) == (0, 0)


def test_other_words_under_the_same_number_are_seen() -> None:
    assert told([reading(change(5)), reading(change(5, "fail"))])["differing"] == 1


def test_disorder_is_seen() -> None:
    assert told([reading(change(6), change(5))])["disorder"] == 1


def test_readers_that_end_with_other_parts_are_seen() -> None:
    same = [reading(part(1, "a"), part(2, "b")), reading(part(2, "b"))]
    assert told(same)["ends"] == 1
    assert told([*same, reading(part(1, "a"))])["ends"] == 2


def crowd(*readings: Reading) -> dict[str, object]:
    return {
        "cut": 0,
        "pages": 1,
        "page_bytes": 1,
        "waits": [0.1],
        "told": json.loads(json.dumps(told(readings))),
    }


def verdict(readings: list[Reading], history: list[tuple[str, str, str]], owed: int = 3) -> bool:
    many = readings * (READERS["changes"] // len(readings))
    said = {"changes": crowd(*many), "parts": crowd(reading(part(1, "a"))), "pages": crowd()}
    return _told(said, history[:owed], history)[1]


MOMENTS = ["2023-11-14T22:13:20.000Z", "2023-11-14T22:13:21.000Z", "2023-11-14T22:13:22.000Z"]
TURNS = ["fail", "pass", "fail"]
PAST = [(at, "envoy.server", is_) for at, is_ in zip(MOMENTS, TURNS, strict=True)]
EVENTS = [change(5 + place, is_, BEGIN + place) for place, is_ in enumerate(TURNS)]


def test_everything_once_in_the_order_of_the_history_is_right() -> None:
    assert verdict([reading(HELLO, *EVENTS)], PAST)
    later = HELLO.replace(b"boot-4", b"boot-5")
    assert verdict([reading(HELLO, *EVENTS), reading(later, *EVENTS[1:])], PAST)


def test_what_turned_while_they_left_they_may_have_been_told_or_not() -> None:
    assert verdict([reading(HELLO, *EVENTS)], PAST, owed=2)
    assert verdict([reading(HELLO, *EVENTS[:2])], PAST, owed=2)


@pytest.mark.parametrize(
    "events",
    [
        [EVENTS[1], EVENTS[2]],
        [EVENTS[0], EVENTS[2]],
        [EVENTS[0], EVENTS[1]],
        [EVENTS[0], EVENTS[1], EVENTS[1], EVENTS[2]],
        [EVENTS[1], EVENTS[0], EVENTS[2]],
    ],
    ids=["the first missing", "one missing", "the last missing", "one twice", "out of order"],
)
def test_anything_else_is_not(events: list[bytes]) -> None:
    assert not verdict([reading(HELLO, *EVENTS), reading(HELLO, *events)], PAST)
