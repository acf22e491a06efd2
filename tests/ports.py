"""Ports to listen at: of this test process alone, and never one that a connection is given."""

import itertools
import os
import socket
from contextlib import closing

FIRST, EACH = 20_000, 3_000
"""Below what systems give to outgoing connections (Linux: from 32768)."""

_next = itertools.count(7 * os.getpid())


def free_port(address="127.0.0.1"):
    """Return a port that nobody listens at."""
    return free_ports(1, address)


def free_ports(count, address="127.0.0.1"):
    """Return the first of some ports in a row that nobody listens at now."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
    for _ in range(EACH // count):
        ports = [FIRST + worker * EACH + next(_next) % EACH for _ in range(count)]
        if ports[-1] - ports[0] == count - 1 and all(_is_free(address, each) for each in ports):
            return ports[0]
    raise AssertionError("no free ports")


def _is_free(address, port):
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
