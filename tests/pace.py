"""How slow this machine is at the moment: what a promise in seconds is multiplied by.

The promises are of a quiet machine; a test must tell a slow program from a busy machine.
"""

import time

LOOP_S = 0.016
"""CPU seconds of the loop on a quiet core."""


def slowness():
    """Return how many times slower than quiet it is just now; at least 1."""
    return max(1.0, max(_loop_s() for _ in range(3)) / LOOP_S)


def _loop_s():
    start = time.process_time()
    seen = {}
    for number in range(100_000):
        seen[str(number % 1000)] = [number, {"a": number}]
    return time.process_time() - start
