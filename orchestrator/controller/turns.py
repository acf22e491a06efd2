"""Who of a fleet is worked on now: a bounded pool, so that a host that hangs delays nobody else."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from orchestrator.controller.fleetstate import FleetState
from orchestrator.controller.post import Post
from orchestrator.controller.steps import Steps

log = logging.getLogger(__name__)

AT_ONCE = 10
"""Connections at a time: more of them, and an sshd that guards itself drops some."""

AT_ONCE_DOUBTFUL = AT_ONCE // 2
"""Of these for nodes whose last step failed; the others must not wait for them."""

DEEDS_IN_A_ROW = 8
"""So many steps one connection serves before others get their turn."""

TURN_S = 0.5


class Turns:
    """Takes every node's next step, a thread for each node at work."""

    def __init__(self, state: FleetState, steps: Steps) -> None:
        self._state = state
        self._steps = steps
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._pool = ThreadPoolExecutor(AT_ONCE, "fleet")
        self._thread = threading.Thread(target=self._run, name="fleet", daemon=True)

    def open(self) -> None:
        """Take a turn now, and again and again."""
        self._thread.start()

    def close(self) -> None:
        """Begin nothing more.  A step that hangs is left to its watchdog."""
        self._closing.set()
        self._woken.set()
        with self._state.changed:
            hanging = [post.remote for post in self._state.posts.values() if post.at_work]
        for remote in hanging:
            remote.close()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def wake(self) -> None:
        """Take the next turn at once; from any thread."""
        self._woken.set()

    def turn(self) -> None:
        """Decide every node's next step once, and have the pool begin those there is room for."""
        with self._state.changed:
            due = self._steps.due()
            for post in chosen(due, self._state.posts.values()):
                post.at_work = True
                self._pool.submit(self._work, post)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._woken.clear()
            try:
                self.turn()
            except Exception:  # one turn of the loop: the next one may go well
                log.exception("a turn of the fleet failed", extra={"action": "fleet_bug"})
            self._woken.wait(TURN_S)

    def _work(self, post: Post) -> None:
        """Carry out a node's steps, one after the other, while there are any."""
        try:
            for _ in range(DEEDS_IN_A_ROW):
                if self._closing.is_set() or not self._steps.advance(post):
                    break
        except Exception:  # one pass of the loop: a fault of ours harms one node alone
            log.exception("node %s: a step failed", post.node.name, extra={"action": "fleet_bug"})
            with self._state.changed:
                why = "a fault of the controller's own; see its log"
                self._steps.fail(post, why, final=False)
        finally:
            post.remote.close()
            with self._state.changed:
                post.remote, post.successor = post.successor or post.remote, None
                post.at_work, post.telling = False, ""
                self._steps.retire(post)
            self.wake()


def chosen(due: Sequence[Post], posts: Iterable[Post]) -> list[Post]:
    """Return those of the nodes due that begin now: the ones without trouble first."""
    busy = [post for post in posts if post.at_work]
    room = AT_ONCE - len(busy)
    doubtful = AT_ONCE_DOUBTFUL - sum(post.fails > 0 for post in busy)
    sound = [post for post in due if not post.fails]
    unsound = sorted((post for post in due if post.fails), key=lambda post: post.not_before)
    return [*sound, *unsound[: max(0, doubtful)]][: max(0, room)]
