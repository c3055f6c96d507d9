"""`pomhealth watch` without a terminal: a line for each change, each written at once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import stat
from collections.abc import Iterator, Sequence
from functools import partial

from pomhealth.client.ask import Address
from pomhealth.report.style import Style
from pomhealth.watch.diary import Diary, Note
from pomhealth.watch.follow import Follower
from pomhealth.watch.model import Seen

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def as_text(note: Note, address: str, style: Style) -> str:
    """The note as a line: when, of which agent (where there are several), its sign, of what, and what."""
    parts = (note.at, address, style.mark(note.outcome), f"{note.about}:" if note.about else "", note.text)
    return " ".join(part for part in parts if part)


def as_json(note: Note, address: str) -> str:
    """The note as one JSON object."""
    said = {
        "at": note.at,
        "agent": address,
        "event": note.event,
        "id": note.about or None,
        "outcome": note.outcome.value,
        "text": note.text,
    }
    return json.dumps(said | {key: value for key, value in note.data.items() if key not in said})


def watch_plainly(
    addresses: Sequence[Address], text: str, style: Style, *, output: str, encoding: str
) -> None:
    """Writes lines to standard output until a signal ends it, or nobody reads them any more."""
    for number in _ENDS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _end)
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(_watch(addresses, text, style, output, encoding))


async def _watch(addresses: Sequence[Address], text: str, style: Style, output: str, encoding: str) -> None:
    several = len(addresses) > 1
    unread = asyncio.get_running_loop().create_future()

    def writing(diary: Diary, seen: Seen) -> None:
        for note in diary.news(seen):
            line = (
                as_json(note, seen.address)
                if output == "json"
                else as_text(note, seen.address if several else "", style)
            )
            try:
                _write(f"{line}\n".encode(encoding, "replace"))
            except BrokenPipeError as error:
                if not unread.done():
                    unread.set_exception(error)

    followers = [Follower(address, partial(writing, Diary(text))) for address in addresses]
    works = [asyncio.ensure_future(follower.run()) for follower in followers]
    with _noticing(unread):
        done, _ = await asyncio.wait((unread, *works), return_when=asyncio.FIRST_COMPLETED)
    for task in works:
        task.cancel()
    await asyncio.gather(*works, return_exceptions=True)
    for one in done:
        one.result()


@contextlib.contextmanager
def _noticing(unread: asyncio.Future[None]) -> Iterator[None]:
    """Within it, the end of whoever reads a pipe is noticed at once, not with the next change."""
    loop = asyncio.get_running_loop()
    if not stat.S_ISFIFO(os.fstat(1).st_mode):
        yield
        return

    def gone() -> None:
        loop.remove_reader(1)
        if not unread.done():
            unread.set_exception(BrokenPipeError())

    loop.add_reader(1, gone)  # an end to write into has nothing to read: only its error wakes
    try:
        yield
    finally:
        loop.remove_reader(1)


def _end(*_: object) -> None:
    """Ends the program, also while a reader that has stopped holds up a write. Nothing is buffered."""
    os._exit(0)


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]
