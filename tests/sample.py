"""How much is tried where a test draws its cases: a fixed sample, larger where there is time.

`ORCHESTRATOR_TEST_SAMPLE` multiplies every such number: a twentieth for `pytest` alone, 1 for
`make test`, 5 for `.ci/run`, 20 for `make simulate` and `make fuzz`.
"""

import os

FACTOR = float(os.environ.get("ORCHESTRATOR_TEST_SAMPLE") or 0.05)


def times(number: int) -> int:
    """Return how often to try what `make test` tries `number` times; at least 5."""
    return max(5, round(number * FACTOR))


LIMIT_S = 30 if FACTOR < 0.5 else 0
"""Of a test that draws so many cases; 0: none, as for benchmarks."""
