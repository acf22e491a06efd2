"""Deliveries that travel together, and what becomes of each."""

import asyncio

import pytest

from orchestrator.engine.dask.carrier import BUNDLE_MAX, Carrier


class Road:
    """Notes each bundle; refuses those with a bad text, and waits where it is told to."""

    def __init__(self, bad=()):
        self.bundles, self._bad = [], set(bad)
        self.open = asyncio.Event()
        self.open.set()
        self.begun = asyncio.Event()

    async def deliver(self, texts):
        self.bundles.append(list(texts))
        self.begun.set()
        await self.open.wait()
        return not self._bad & set(texts)


async def carried(road, texts):
    carrier = Carrier(road.deliver)
    return await asyncio.gather(*(carrier.carry(text) for text in texts))


def test_single_delivery_goes_at_once():
    async def story():
        road = Road()
        assert await carried(road, ["a"]) == [True]
        assert road.bundles == [["a"]]

    asyncio.run(story())


def test_what_comes_while_one_is_under_way_travels_together_and_in_order():
    async def story():
        road = Road()
        carrier = Carrier(road.deliver)
        road.open.clear()
        first = asyncio.create_task(carrier.carry("a"))
        await road.begun.wait()
        rest = [asyncio.create_task(carrier.carry(text)) for text in "bcd"]
        await asyncio.sleep(0)
        road.open.set()
        assert await asyncio.gather(first, *rest) == [True] * 4
        assert road.bundles == [["a"], ["b", "c", "d"]]

    asyncio.run(story())


def test_refused_text_goes_alone_and_fails_alone():
    async def story():
        road = Road(bad="b")
        assert await carried(road, "abc") == [True, False, True]
        assert road.bundles == [["a", "b", "c"], ["a"], ["b"], ["c"]]

    asyncio.run(story())


def test_bundle_is_bounded():
    async def story():
        road = Road()
        names = [str(number) for number in range(3 * BUNDLE_MAX)]
        assert all(await carried(road, names))
        assert [len(bundle) for bundle in road.bundles] == [BUNDLE_MAX] * 3

    asyncio.run(story())


def test_who_stops_waiting_is_not_delivered():
    async def story():
        road = Road()
        carrier = Carrier(road.deliver)
        road.open.clear()
        first = asyncio.create_task(carrier.carry("a"))
        await road.begun.wait()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await carrier.carry("b")
        road.open.set()
        assert await first
        assert await carrier.carry("c")
        assert road.bundles == [["a"], ["c"]]

    asyncio.run(story())
