"""Who must go when there is no more room."""

from __future__ import annotations

import pytest

from pomhealth.publish.room import Room


class Guest:
    def __init__(self, room: Room[Guest], since: float) -> None:
        self.since = since
        self.dropped = False
        self._room = room

    def drop(self) -> None:
        self.dropped = True
        self._room.leave(self)


def full(count: int = 5) -> tuple[Room[Guest], list[Guest]]:
    room: Room[Guest] = Room(count)
    guests = [Guest(room, float(at)) for at in range(count)]
    for guest in guests:
        room.enter(guest)
    return room, guests


def test_the_one_that_did_nothing_for_longest_makes_room() -> None:
    room, guests = full()
    for guest, since in zip(guests, (30.0, 10.0, 50.0, 20.0, 40.0), strict=True):
        guest.since = since
    for newcomer, goes in enumerate((1, 3, 0)):
        room.enter(Guest(room, 60.0 + newcomer))
        assert guests[goes].dropped
        assert len(room) == 5
    assert [guest.dropped for guest in guests] == [True, True, False, True, False]


def test_nobody_goes_while_there_is_room() -> None:
    room, guests = full()
    room.leave(guests[2])
    room.enter(Guest(room, 9.0))
    assert not any(guest.dropped for guest in guests)


@pytest.mark.parametrize("rounds", [10_000])
def test_those_who_come_and_go_leave_nothing_behind(rounds: int) -> None:
    room, guests = full()
    room.leave(guests[0])
    for at in range(rounds):
        guest = Guest(room, 10.0 + at)
        room.enter(guest)
        room.leave(guest)
    assert len(room) == 4
    assert len(room._queue) < 200
    assert not any(guest.dropped for guest in guests)
