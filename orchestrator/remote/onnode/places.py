"""Where things are: in one folder, in which one does something at a time."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.remote.onnode.files import same_file, take
from orchestrator.remote.onnode.question import Again, No

LOCK_WAIT_S = 6.0
LOCK_LOOK_S = 0.05
NAME = re.compile(r"controller|node([+][A-Za-z0-9._+-]{1,63})?")

FOLDER = "node"
"""The node's folder: each agent on a machine has one, and each one owner."""


def be_in(folder: str) -> None:
    """Have all be done in the folder of this name; No if it is no name of one."""
    global FOLDER
    FOLDER = folder
    if not NAME.fullmatch(FOLDER):
        raise No(f"{FOLDER!r} is no name of a node's folder")


def base() -> str:
    """Return the node's folder."""
    state = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "orchestrator", FOLDER)


def at(*names: str) -> str:
    """Return a path in the node's folder."""
    return os.path.join(base(), *names)


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other controller or person does something here, and keep them out."""
    path, until = at("lock"), time.monotonic() + LOCK_WAIT_S
    while True:
        os.makedirs(base(), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            take(descriptor)
            if same_file(descriptor, path):
                break
        except (BlockingIOError, PermissionError):  # Windows says the second
            if time.monotonic() > until:
                os.close(descriptor)
                raise Again("something else is being installed or started there") from None
            time.sleep(LOCK_LOOK_S)
        os.close(descriptor)
    try:
        yield
    finally:
        os.close(descriptor)
