"""What is answered to which bytes, made once per change and kept."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from pomhealth.publish import routes
from pomhealth.publish.browser import DOCUMENTS, REPLICA, Browser
from pomhealth.publish.drawing import Drawing
from pomhealth.publish.events.feed import MOST as MOST_READERS
from pomhealth.publish.events.feed import Feed, Listener
from pomhealth.publish.events.reader import Reader
from pomhealth.publish.events.wire import place
from pomhealth.publish.message import LARGEST_HEAD, BadRequest, Request, Response, parse, serialize, text
from pomhealth.publish.view import View
from pomhealth.status import Change

Again = Callable[[], None]
Waiting = Callable[[Again], None]

MOST_PAGES = 64  # answers kept at a time
LARGEST_KEPT = (
    65536  # bytes of one that is kept: those of a large cluster are made anew, or they would add up
)
MOST_HELD = 64  # who may wait for an answer that is not there yet
END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent, and whether the connection stays open after it. `reader` goes on with what is new from then on."""

    sent: bytes
    keep: bool
    reader: Reader | None = None
    channel: str = ""


class Pages:
    """Answers by the bytes of their questions, until `forget` says that something has changed.

    `view` makes the value of which all of them tell; `browser` draws the documents.
    """

    def __init__(self, view: Callable[[], View], browser: Browser) -> None:
        self._make_view = view
        boot = secrets.token_hex(4)
        self._drawings = {name: Drawing(boot, self.view, browser, name) for name in DOCUMENTS}
        forms = {name: drawing.forms for name, drawing in self._drawings.items()}
        self._files = self._drawings[REPLICA]
        self._feed = Feed(boot, self.view, forms, lambda name: self._drawings[name].look())
        self._held: set[Again] = set()
        self._seen: View | None = None
        self._kept: dict[bytes, bytes] = {}
        self._date = formatdate(usegmt=True)

    def view(self) -> View:
        """Everything as it is since the last change."""
        if self._seen is None:
            self._seen = self._make_view()
        return self._seen

    def changed(self, turned: tuple[Change, ...] = ()) -> None:
        """Something has changed: every answer is made anew when it is next asked for, and readers of events are told."""
        self._seen = None
        self._kept.clear()
        if turned:
            for drawing in self._drawings.values():
                drawing.turned()
        for again in tuple(self._held):
            again()
        self._feed.changed(turned)

    def release(self, again: Again) -> None:
        """Whoever waited does not any more."""
        self._held.discard(again)
        for drawing in self._drawings.values():
            drawing.release(again)

    def follow(self, listener: Listener, channel: str) -> None:
        """Has `listener` told of events, until `leave`."""
        self._feed.join(listener, channel)

    def leave(self, listener: Listener) -> None:
        self._feed.leave(listener)

    @property
    def readers(self) -> int:
        """How many read events."""
        return self._feed.readers

    def bye(self) -> bytes:
        """The last that a reader of events is told."""
        return self._feed.bye()

    def close(self) -> None:
        """Nobody is told anything any more."""
        self._feed.close()
        for drawing in self._drawings.values():
            drawing.close()

    def tick(self) -> None:
        """A second has passed: answers carry the time."""
        self._date = formatdate(usegmt=True)
        self._kept.clear()
        self._feed.beat()

    def at_once(self, question: bytes) -> bytes | None:
        """The kept answer to a whole question after which the connection stays open."""
        return self._kept.get(question)

    def answer(self, head: bytes, *, last: bool = False) -> Answer | Waiting:
        """The answer to a question without its final empty line.

        The connection does not stay open after the `last`, and the answer says so. Where there is none yet, it gives
        where to leave a call that asks again, until `release`.
        """
        kept = self._kept.get(head + END) if not last else None
        if kept is not None:
            return Answer(kept, keep=True)
        try:
            request = parse(head)
        except BadRequest as error:
            return self._last(text(error.status, str(error)))
        response = routes.answer(request, self.view())
        if response.page:
            drawing = self._drawings.get(response.page)
            drawn = drawing.page if drawing is not None else self._files.file(response.page)
            if drawn is None:
                return (drawing or self._files).wait
            response = drawn
        if response.later:
            return self._later(last=last)
        if response.follow:
            return self._followed(request, response, last=last)
        keep = request.keep and not request.body and not last
        answer = self._bytes(response, keep=keep, with_body=request.method != "HEAD")
        if keep and len(head) < LARGEST_HEAD // 8 and len(answer) <= LARGEST_KEPT:
            if len(self._kept) >= MOST_PAGES:
                self._kept.clear()
            self._kept[head + END] = answer
        return Answer(answer, keep)

    def refusal(self) -> Answer:
        """The answer to a question that is too large."""
        return self._last(
            text(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a request has at most {LARGEST_HEAD} bytes")
        )

    def _later(self, *, last: bool) -> Answer | Waiting:
        if not last and len(self._held) < MOST_HELD:
            return self._held.add
        return self._last(text(HTTPStatus.SERVICE_UNAVAILABLE, "it cannot be waited for here"))

    def _followed(self, request: Request, response: Response, *, last: bool) -> Answer | Waiting:
        drawing = self._drawings.get(response.follow)
        if drawing is not None and not drawing.ready:
            return drawing.wait
        if self._feed.readers >= MOST_READERS or last:
            return self._last(
                text(HTTPStatus.SERVICE_UNAVAILABLE, "there is no room for one more reader; ask for /status")
            )
        begin = self._bytes(response, keep=False)
        if request.method == "HEAD":
            return Answer(begin, keep=False)
        read = request.last_event or next(iter(request.values("last")), "")
        hello, reader = self._feed.reader(response.follow, place(read) if read else None)
        return Answer(begin + hello, keep=True, reader=reader, channel=response.follow)

    def _last(self, response: Response) -> Answer:
        return Answer(self._bytes(response, keep=False), keep=False)

    def _bytes(self, response: Response, *, keep: bool, with_body: bool = True) -> bytes:
        return serialize(response, date=self._date, keep=keep, with_body=with_body)
