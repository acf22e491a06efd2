"""How much is tried where a test draws its cases: a fixed sample, larger where there is time.

`ORCHESTRATOR_TEST_SAMPLE` multiplies every such number: 1 for `make test`, 5 for `.ci/run`, 20 for
`make simulate` and `make fuzz`.
"""

import os

FACTOR = int(os.environ.get("ORCHESTRATOR_TEST_SAMPLE") or 1)


def times(number: int) -> int:
    """Return how often to try what `make test` tries `number` times."""
    return number * FACTOR
