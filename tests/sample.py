"""How much is tried where a test draws its cases: a fixed sample, larger where there is time.

`ORCHESTRATOR_TEST_SAMPLE` multiplies every such number: a twentieth for `pytest` alone, 1 for
`make test` and `.ci/run`, 20 for `make simulate` and `make fuzz`.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

FACTOR = float(os.environ.get("ORCHESTRATOR_TEST_SAMPLE") or 0.05)


def times(number: int) -> int:
    """Return how often to try what `make test` tries `number` times; at least 5."""
    return max(5, round(number * FACTOR))


def seeds(known: Path, number: int) -> list[int]:
    """Return the seeds of a test: those that failed once, and so many more.

    `ORCHESTRATOR_TEST_SEED`: this one alone.
    """
    if one := os.environ.get("ORCHESTRATOR_TEST_SEED"):
        return [int(one)]
    lines = known.read_text().splitlines()
    failed = [int(line.split("#")[0]) for line in lines if line[:1] != "#"]
    return [*failed, *(seed for seed in range(number) if seed not in failed)]


@contextmanager
def telling(seed: int, file: str) -> Iterator[None]:
    """Name the command that tries this seed again, where it fails."""
    try:
        yield
    except BaseException as error:
        command = f"ORCHESTRATOR_TEST_SEED={seed} .venv/bin/python -m pytest {file}"
        error.add_note(f"Seed {seed}; again with:\n  {command} -k '[{seed}]'")
        raise


LIMIT_S = 30 if FACTOR < 0.5 else 0
"""Of a test that draws so many cases; 0: none, as for benchmarks."""
