"""Deliveries to one address, bundled: what comes while one is under way travels with the next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

BUNDLE_MAX = 64
"""Specs at once; with 64 KiB each they stay a message that no loop stops for."""

Deliver = Callable[[Sequence[str]], Awaitable[bool]]
"""Delivers some texts, all or none as far as one knows; False: unknown.  It ends by itself."""


class Carrier:
    """Carries one bundle at a time, so that a delivery costs little where there are many.

    A bundle of which one text is refused counts as unknown; then each goes alone.  Twice is once:
    an agent knows what it has taken.
    """

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._waiting: list[tuple[str, asyncio.Future[bool]]] = []
        self._going: asyncio.Task[None] | None = None

    async def carry(self, text: str) -> bool:
        """Deliver `text`; False: unknown.  Whoever stops waiting takes it out of the queue."""
        taken: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((text, taken))
        if self._going is None or self._going.done():
            self._going = asyncio.create_task(self._go())
        return await taken

    async def _go(self) -> None:
        while self._waiting:
            bundle, self._waiting = self._waiting[:BUNDLE_MAX], self._waiting[BUNDLE_MAX:]
            wanted = [(text, taken) for text, taken in bundle if not taken.done()]
            if not await self._carried(wanted) and len(wanted) > 1:
                for each in wanted:
                    await self._carried([each])
            for _, taken in wanted:
                _answer(taken, answer=False)

    async def _carried(self, bundle: Sequence[tuple[str, asyncio.Future[bool]]]) -> bool:
        wanted = [(text, taken) for text, taken in bundle if not taken.done()]
        if not wanted or not await self._deliver([text for text, _ in wanted]):
            return False
        for _, taken in wanted:
            _answer(taken, answer=True)
        return True


def _answer(taken: asyncio.Future[bool], *, answer: bool) -> None:
    if not taken.done():
        taken.set_result(answer)
