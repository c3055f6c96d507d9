"""What is answered to which bytes, made once per change and kept."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

from pomhealth.publish import routes
from pomhealth.publish.message import LARGEST_HEAD, BadRequest, Response, parse, serialize, text
from pomhealth.publish.view import View

MOST_PAGES = 64  # answers kept at a time
MOST_HELD = 64  # who may wait for an answer that is not there yet
END = b"\r\n\r\n"


class Pages:
    """Answers by the bytes of their questions, until `forget` says that something has changed."""

    def __init__(self, view: Callable[[], View]) -> None:
        self._view = view
        self._held: set[Callable[[], None]] = set()
        self._seen: View | None = None
        self._kept: dict[bytes, bytes] = {}
        self._date = formatdate(usegmt=True)

    def forget(self) -> None:
        """Something has changed: every answer is made anew when it is next asked for."""
        self._seen = None
        self._kept.clear()
        for again in tuple(self._held):
            again()

    def hold(self, again: Callable[[], None]) -> None:
        """Has `again` called after every change, until `release`: somebody waits for an answer."""
        self._held.add(again)

    def release(self, again: Callable[[], None]) -> None:
        self._held.discard(again)

    def tick(self) -> None:
        """A second has passed: answers carry the time."""
        self._date = formatdate(usegmt=True)
        self._kept.clear()

    def at_once(self, question: bytes) -> bytes | None:
        """The kept answer to a whole question after which the connection stays open."""
        return self._kept.get(question)

    def answer(self, head: bytes, *, last: bool = False) -> tuple[bytes, bool] | None:
        """The answer to a question without its final empty line, and whether the connection stays open.

        It does not after the `last`, and the answer says so. None where there is none yet: it is to be asked for
        again after the next change (`hold`).
        """
        kept = self._kept.get(head + END) if not last else None
        if kept is not None:
            return kept, True
        try:
            request = parse(head)
        except BadRequest as error:
            return self._bytes(text(error.status, str(error)), keep=False), False
        if self._seen is None:
            self._seen = self._view()
        response = routes.answer(request, self._seen)
        if response.later:
            if not last and len(self._held) < MOST_HELD:
                return None
            return self._bytes(
                text(HTTPStatus.SERVICE_UNAVAILABLE, "it cannot be waited for here"), keep=False
            ), False
        keep = request.keep and not request.body and not last
        answer = self._bytes(response, keep=keep, with_body=request.method != "HEAD")
        if keep and len(head) < LARGEST_HEAD // 8:
            if len(self._kept) >= MOST_PAGES:
                self._kept.clear()
            self._kept[head + END] = answer
        return answer, keep

    def refusal(self) -> bytes:
        """The answer to a question that is too large."""
        return self._bytes(
            text(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a request has at most {LARGEST_HEAD} bytes"),
            keep=False,
        )

    def _bytes(self, response: Response, *, keep: bool, with_body: bool = True) -> bytes:
        return serialize(response, date=self._date, keep=keep, with_body=with_body)
