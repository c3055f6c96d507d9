"""The grammar of server-sent events, in whatever pieces they come."""

from __future__ import annotations

import pytest

from pomhealth.watch.eventstream import LARGEST, Event, EventStream, TooLarge


def read(*pieces: bytes) -> list[Event]:
    stream = EventStream()
    return [event for piece in pieces for event in stream.feed(piece)]


def test_an_event_has_a_kind_data_and_an_id() -> None:
    assert read(b'id: b-7\nevent: change\ndata: {"id":"a"}\n\n') == [Event("change", '{"id":"a"}', "b-7")]


def test_an_event_without_a_kind_is_a_message_and_keeps_the_id_before() -> None:
    assert read(b"id: 1\ndata: a\n\ndata: b\n\n") == [Event("message", "a", "1"), Event("message", "b", "1")]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_any_end_of_line_will_do_also_when_each_byte_comes_alone(end: bytes) -> None:
    stream = end.join(
        [b": comment", b"event: a", b"data: one", b"data:two", b"", b"data: b", b"", b"data: c", b""]
    )
    whole, bytewise = read(stream), read(*(bytes([one]) for one in stream))
    assert whole == bytewise
    assert whole[:2] == [Event("a", "one\ntwo", ""), Event("message", "b", "")]


def test_an_event_without_data_is_none_and_names_the_place_all_the_same() -> None:
    stream = EventStream()
    assert list(stream.feed(b"event: a\nid: 9\n\n")) == []
    assert stream.last == "9"


def test_what_is_not_whole_is_not_told() -> None:
    assert read(b"data: a\n\ndata: half\n") == [Event("message", "a", "")]


def test_a_byte_order_mark_comments_and_unknown_fields_are_passed_by() -> None:
    assert read(b"\xef\xbb", b"\xbfdata: a\n", b":\nnonsense\nretry: 1\n\n") == [Event("message", "a", "")]


def test_an_id_with_a_nul_does_not_count_and_broken_utf_8_is_replaced() -> None:
    assert read(b"id: a\0b\ndata: \xff\n\n") == [Event("message", "\ufffd", "")]


@pytest.mark.parametrize("line", [b"data: x\n", b"x"])
def test_an_event_that_does_not_end_is_refused(line: bytes) -> None:
    with pytest.raises(TooLarge):
        read(*(line * 20000 for _ in range(LARGEST // 20000 + 2)))
