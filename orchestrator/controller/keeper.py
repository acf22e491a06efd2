"""Who keeps cluster storage tidy: on a thread of its own, so that a dead mount holds up no work."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as Late
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from orchestrator.controller.collect import Collector
from orchestrator.controller.storage import Storage, Watch
from orchestrator.errors import Busy, OrchestratorError
from orchestrator.ledger.protocol import Ledger
from orchestrator.model.talk import Cleaned, StorageView
from orchestrator.model.work import AttemptId
from orchestrator.system import now_s
from orchestrator.volume import Trouble

log = logging.getLogger(__name__)

T = TypeVar("T")

DAYS = 7
"""`storage.deleteAfterDays` where no manifest says it."""

FIRST_S = 2.0
"""After the start, before storage is cleaned for the first time: what begins goes first."""

EVERY_S = 600.0
"""Between two cleanings; and between two while space is short:"""

SHORT_EVERY_S = 30.0

TURN_S = 1.0
"""So often it is looked whether something is to be done."""

ANSWER_S = 20.0
"""So long a person waits for an answer about a storage that does not give any."""

LEAVE_S = 10.0
"""So long what was to be cleared is still cleared when it ends."""

ASKED_MAX = 8


@contextmanager
def kept(ledger: Ledger, storage: Storage) -> Iterator[tuple[Storage, Keeper]]:
    """Lend a storage that is watched and kept tidy, and its keeper, until left."""
    storage = replace(storage, owner=ledger.id)
    watch, keeper = Watch(storage), Keeper(ledger, storage)
    watch.open()
    keeper.open()
    try:
        yield replace(storage, watch=watch, tidy=keeper.tidy), keeper
    finally:
        keeper.close()
        watch.close()


@dataclass(slots=True)
class _Asked:
    """What a person asked for, and where the answer is waited for."""

    work: Callable[[Collector], object]
    answer: Future[object]


class Keeper:
    """Cleans now and then, at once when space is short, and whenever it is asked to."""

    def __init__(
        self,
        ledger: Ledger,
        storage: Storage,
        wall: Callable[[], float] = time.time,
        clock: Callable[[], float] = now_s,
    ) -> None:
        """`wall`: Unix seconds."""
        self._ledger = ledger
        self._storage = storage
        self._wall = wall
        self._clock = clock
        self._clears: deque[AttemptId] = deque()
        self._asked: deque[_Asked] = deque()
        self._next = clock() + FIRST_S
        self.cleaned = 0  #: how often it has cleaned by itself
        self._woken = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def open(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Clear what was to be cleared, unless the storage does not answer; then stop."""
        self._closed = True
        self._woken.set()
        self._thread.join(LEAVE_S)

    def tidy(self, id: AttemptId) -> None:
        """Clear the media of an attempt soon."""
        self._clears.append(id)
        self._woken.set()

    def view(self) -> StorageView:
        """Return what storage holds now; Busy where it does not answer."""
        return self._ask(lambda each: each.view(each.census(self._wall())))

    def clean(self, batch: str = "") -> Cleaned:
        """Clean now; with `batch` take away all that it left.

        Raises NotThere, Refusal for a batch that is not over, Busy where storage does not answer.
        """
        if batch:
            return self._ask(lambda each: each.clean_batch(batch, self._wall()))
        return self._ask(lambda each: each.clean(self._wall()))

    def _ask(self, work: Callable[[Collector], T]) -> T:
        if len(self._asked) >= ASKED_MAX or self._closed:
            raise Busy("cluster storage: too much is asked of it at once; ask again in a minute")
        answer: Future[object] = Future()
        self._asked.append(_Asked(work, answer))
        self._woken.set()
        try:
            return answer.result(ANSWER_S)  # type: ignore[return-value]  # it is what `work` returns
        except CancelledError as error:
            raise Busy("cluster storage: the controller ends; ask again when it runs") from error
        except Late as error:
            raise Busy(
                "cluster storage: it does not answer, or much is being deleted; ask again later"
            ) from error
        except OSError as error:
            raise Busy(f"cluster storage: {error.strerror or error}; ask again later") from error

    def _run(self) -> None:
        while not self._closed or self._clears:
            self._woken.wait(TURN_S)
            self._woken.clear()
            try:
                self._turn()
            except Trouble as error:  # the watch says it, once
                log.debug("cluster storage: not cleaned: %s", error.why)
            except OSError as error:
                why = error.strerror or error
                extra = {"action": "storage_failed"}
                log.warning("cluster storage: not cleaned: %s", why, extra=extra)
            except OrchestratorError as error:
                log.warning("cluster storage: %s", error, extra={"action": "storage_failed"})
            except Exception:  # a thread that ends would never clean again
                log.exception("cluster storage: not cleaned", extra={"action": "clean_failed"})
        for each in self._asked:
            each.answer.cancel()

    def _turn(self) -> None:
        while self._clears:
            self._storage.clear_now(self._clears.popleft())
        while self._asked:
            _answer(self._asked.popleft(), collector(self._ledger, self._storage))
        if self._is_time():
            self._next = self._clock() + EVERY_S
            done = collector(self._ledger, self._storage).clean(self._wall())
            self.cleaned += 1
            if done.attempts:
                log.info(
                    "cluster storage: %d attempts cleaned, %d MiB freed",
                    done.attempts,
                    done.freed_bytes >> 20,
                    extra={"action": "storage_cleaned"},
                )

    def _is_time(self) -> bool:
        """Whether it is time to clean; sooner while space is short: our own trash goes first."""
        if self._closed:
            return False
        left_s = self._next - self._clock()
        is_short_of_space = 0 < left_s <= EVERY_S - SHORT_EVERY_S and bool(self._storage.low())
        return left_s <= 0 or is_short_of_space


def collector(ledger: Ledger, storage: Storage) -> Collector:
    """Return who cleans as the manifest that stands now has it."""
    stands = ledger.applied()
    return Collector(ledger, storage, stands.cluster.delete_after_days if stands else DAYS)


def _answer(asked: _Asked, collector: Collector) -> None:
    if not asked.answer.set_running_or_notify_cancel():
        return
    try:
        asked.answer.set_result(asked.work(collector))
    except (OrchestratorError, OSError) as error:
        asked.answer.set_exception(error)
