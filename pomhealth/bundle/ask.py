"""One question of a bundle, and its answer in time: a part, or why it lacks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from pomhealth.bundle.cleaner import Cleaner
from pomhealth.bundle.part import Lack, Part
from pomhealth.reach import Garbled, ReachError
from pomhealth.replica.httpget import Connect, Gets
from pomhealth.status import Unobservable

LARGEST = 2 * 1024 * 1024  # bytes of one file


class Missing(Exception):  # noqa: N818  (it is no error: something is not there)
    """There is no such answer here; the text says why, in one clause."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Text from elsewhere, such as a log, in which a secret may stand under its name."""

    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question: the name and meaning of its file, the seconds it may take, and what gives the answer.

    That is text, lines, or what is written as JSON. It may raise Missing, ReachError, Unobservable and OSError.
    """

    name: str
    says: str
    deadline: float
    answer: Callable[[], Awaitable[Any]]


async def answered(ask: Ask, cleaner: Cleaner) -> Part | Lack:
    """The answer without secrets, or why there is none. One that breaks off spoils nothing else."""
    try:
        answer = await asyncio.wait_for(ask.answer(), ask.deadline)
        return part(ask.name, ask.says, answer, cleaner)
    except asyncio.TimeoutError:
        return Lack(ask.name, f"no answer within {ask.deadline:g} s")
    except (Missing, ReachError, Unobservable) as error:
        return Lack(ask.name, cleaner.text(str(error)))
    except OSError as error:
        return Lack(ask.name, error.strerror or type(error).__name__)
    except Exception as error:  # noqa: BLE001  (its text may hold what nobody should see)
        return Lack(ask.name, f"a fault in pomhealth: {type(error).__name__}")


def part(name: str, says: str, answer: object, cleaner: Cleaner) -> Part | Lack:
    """A file of this content, without secrets."""
    text = answer.text if isinstance(answer, Lines) else answer if isinstance(answer, str) else ""
    if len(text) <= LARGEST:
        text = cleaner.sealed(_clean(answer, cleaner))
    size = len(text.encode("utf-8", "replace"))
    if size > LARGEST:
        return Lack(name, f"it is too large: {size} bytes, of at most {LARGEST}")
    return Part(name, text, says)


def _clean(answer: object, cleaner: Cleaner) -> str:
    if isinstance(answer, Lines):
        return cleaner.lines(answer.text)
    if isinstance(answer, str):
        return cleaner.text(answer)
    return json.dumps(cleaner.value(answer), ensure_ascii=False, indent=2) + "\n"


@dataclass(frozen=True, slots=True)
class Server:
    """Somebody who answers GET: a name for messages, how to connect, and the most bytes of an answer."""

    where: str
    connect: Connect
    most: int = LARGEST

    async def json(self, path: str, *, deadline: float) -> Any:
        """The JSON that is answered to GET `path`. Raises ReachError."""
        try:
            return json.loads(await self._ok(path, deadline))
        except ValueError:
            raise Garbled(path, "what answers is not JSON") from None

    async def text(self, path: str, *, deadline: float) -> str:
        """The text that is answered to GET `path`. Raises ReachError."""
        return (await self._ok(path, deadline)).decode("utf-8", "replace")

    async def _ok(self, path: str, deadline: float) -> bytes:
        """The body of an answer that says yes or no."""
        gets = Gets(self.where, self.connect, host=self.where, most=self.most)
        try:
            answer = await gets.get(path, deadline=deadline)
        finally:
            await gets.close()
        if answer.status not in (200, 503):
            raise Garbled(path, f"it answers {answer.status}")
        return answer.body
