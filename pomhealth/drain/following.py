"""Carries out orders to drain, and tells whoever gave one how it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pomhealth.drain import order
from pomhealth.drain.drainer import Drainer
from pomhealth.drain.model import Phase, Reason, Terms, told
from pomhealth.orders.control import Asker, Handlers
from pomhealth.orders.kinds import CANCEL, DRAIN
from pomhealth.orders.line import Said


class Following:
    """What the control socket does with orders of the drain. `usual` gives the terms of the settings."""

    def __init__(self, drainer: Drainer, usual: Callable[[], Terms]) -> None:
        self._drainer = drainer
        self._usual = usual

    @property
    def orders(self) -> Handlers:
        return {DRAIN: self._drain, CANCEL: self._cancel}

    async def _cancel(self, said: Said, asker: Asker) -> None:
        del said
        asker.tell({"cancelled": self._drainer.cancel()})

    async def _drain(self, said: Said, asker: Asker) -> None:
        self._drainer.begin(Reason.ASKED, order.read(said).terms(self._usual()))
        news = asyncio.Event()
        end = self._drainer.subscribe(news.set)
        try:
            while not asker.gone():
                drain = self._drainer.drain
                if drain is None:
                    asker.tell({"cancelled": True})
                    return
                if drain.left is not None or drain.phase is Phase.OVER:
                    asker.tell(told(drain))
                if drain.phase is Phase.OVER:
                    return
                await news.wait()
                news.clear()
        finally:
            end()
