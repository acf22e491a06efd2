"""The farm fixture, and nothing clever."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from farm import Farm

from orchestrator.ledger.memory import MemoryLedger
from orchestrator.ledger.sqlite import SqliteLedger

Opener = Callable[..., object]


def on_disk(file: Path) -> Opener:
    """Return what opens a ledger on `file`, again after each crash."""
    return lambda wall, boottime: SqliteLedger(file, wall=wall, boottime=boottime)


def in_memory() -> Opener:
    """Return what opens one ledger, the same after each crash."""
    opened = []

    def open_ledger(wall, boottime):
        opened or opened.append(MemoryLedger(wall=wall, boottime=boottime))
        return opened[0]

    return open_ledger


@pytest.fixture
def farm(tmp_path: Path) -> Iterator[Callable[..., Farm]]:
    """Build farms; at the end of the test each must be in order."""
    farms: list[Farm] = []

    def build(*, memory: bool = False, **wanted: object) -> Farm:
        folder = tmp_path / f"farm-{len(farms)}"
        folder.mkdir()
        opener = in_memory() if memory else on_disk(folder / "ledger.db")
        farms.append(Farm(opener, folder / "storage", **wanted))
        return farms[-1]

    yield build
    for each in farms:
        each.check()
        each.ledger.close()
