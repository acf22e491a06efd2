"""The outbox: events become notices, which are kept until they went every way they should.

One thread owns it all.  It never delays work: who has something to tell leaves it here and goes on,
and each parcel travels in a thread of its own, however long its receiver takes.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from queue import SimpleQueue
from types import MappingProxyType

from orchestrator.controller.mail import NoServer
from orchestrator.decide import notices as decide
from orchestrator.decide.notices import Message, Rules
from orchestrator.errors import LedgerError, OrchestratorError
from orchestrator.ledger.protocol import Event, Ledger
from orchestrator.model.cluster import Notify
from orchestrator.model.notice import Letter, Notice, Parcel, Scene
from orchestrator.model.work import TaskId, one_line

log = logging.getLogger(__name__)

TURN_S = 1.0
"""The ledger is asked for news so often."""

TRAVELLING_MAX = 8
"""So many parcels are under way at a time, each of another way."""

LAST_WAIT_S = 2.0
"""So long a controller that ends waits for what is under way; what did not arrive is kept."""

AGAIN_FIRST_S = 5.0
AGAIN_MOST_S = 900.0
DOUBLINGS_MAX = 16

SEEN_AGAIN_S = 3600.0
"""What is seen again within this time was told already."""

Deliver = Callable[[Notify, Parcel, Message], None]


def _in_a_thread(travel: Callable[[], None]) -> None:
    threading.Thread(target=travel, name="notice", daemon=True).start()


def _nowhere() -> Scene:
    return Scene(cluster="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the outbox works with; every callable may be called from its thread."""

    ledger: Ledger
    deliver: Deliver  #: OrchestratorError, with why, if a parcel did not arrive
    rules: Callable[[], Rules]
    scene: Callable[[], Scene] = _nowhere
    clock: Callable[[], float] = time.time  #: Unix seconds, as the ledger's events have it
    spawn: Callable[[Callable[[], None]], None] = _in_a_thread
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A way that did not lead there."""

    why: str
    fails: int  #: in a row
    not_before: float


@dataclass(frozen=True, slots=True)
class _Arrival:
    """What became of a parcel."""

    parcel: Parcel
    why: str = ""  #: it did not arrive; empty: it did
    is_vain: bool = False  #: … and never will


@dataclass(slots=True)
class _Desk:
    """What the thread knows; nobody else touches it."""

    letters: dict[int, Letter]
    seen: int  #: the last event that was looked at
    under_way: set[str] = field(default_factory=set)  #: names of ways
    trouble: dict[str, _Trouble] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)  #: when a parcel arrived that way
    dropped: dict[str, int] = field(default_factory=dict)  #: why -> so many notices


class Notices:
    """Tells people, and tells them again until they know."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self._heard: deque[tuple[str, str, Mapping[str, object]]] = deque()
        self._arrived: SimpleQueue[_Arrival] = SimpleQueue()
        self._desk: _Desk | None = None
        self._alarms: tuple[str, ...] = ()
        self._told_at: dict[str, float] = {}  #: by the loop's thread alone
        self._woken = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def open(self) -> None:
        """Begin to work."""
        self._thread.start()

    def close(self) -> None:
        """End; what is under way has a moment to arrive, and what did not is kept."""
        self._closing.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()

    # -- from any thread

    def tell(self, kind: str, subject: str, why: str, services: Sequence[str] = ()) -> None:
        """Leave something here that people should hear of; returns at once.

        :param kind: of `decide.notices.EVENTS`
        """
        data: dict[str, object] = {"why": one_line(why)}
        if services:
            data["services"] = list(services)
        self._heard.append((kind, subject, data))
        self._woken.set()

    def saw(
        self,
        storage_low: str,
        alarms: Sequence[str] = (),
        unready: Mapping[TaskId, str] = MappingProxyType({}),
    ) -> None:
        """Take what a look saw: why storage is low, what somebody must look at; empty: all is well.

        What lasts is told once, and what comes again soon not again.

        :param unready: tasks that have waited for long, each with what for
        """
        now = time.monotonic()
        seen = [("storage-low", "storage", storage_low), ("alarm", "nodes", "; ".join(alarms))]
        seen += [("alarm", task, why) for task, why in unready.items()]
        for kind, subject, why in seen:
            if why and now - self._told_at.get(subject, float("-inf")) >= SEEN_AGAIN_S:
                self.tell(kind, subject, why)
            if why:
                self._told_at[subject] = now

    def alarms(self) -> tuple[str, ...]:
        """Return a sentence for what was not sent, or that nobody hears of."""
        return self._alarms

    # -- turning

    def _run(self) -> None:
        while not self._closing.is_set():
            self._woken.clear()
            self._turned()
            self._woken.wait(TURN_S)
        until = time.monotonic() + LAST_WAIT_S
        self._turned()
        while self._desk and self._desk.under_way and time.monotonic() < until:
            self._woken.wait(LAST_WAIT_S / 10)
            self._woken.clear()
            self._turned()

    def _turned(self) -> None:
        try:
            self.turn()
        except LedgerError as error:
            log.warning("notices: %s", error, extra={"action": "notices_wait"})
        except Exception:  # one turn of the loop: the next one may go well
            log.exception("a turn of the outbox failed", extra={"action": "notices_bug"})

    def turn(self) -> None:
        """Write down what was told, make notices of what happened, send what is due."""
        ledger, now = self._means.ledger, self._means.clock()
        if self._desk is None:
            found = ledger.outbox(decide.KEPT_MAX)
            self._desk = _Desk({each.number: each for each in found}, ledger.noticed())
        desk, rules = self._desk, self._means.rules()
        while self._heard:
            ledger.note(*self._heard[0])
            self._heard.popleft()
        self._take_arrived(desk)
        self._gather(desk)
        for parcel in decide.parcels(self._kept(desk), rules):
            if self._is_due(desk, parcel, rules, now):
                self._send(desk, parcel, rules)
        self._take_arrived(desk)
        self._forget(desk, rules, now)
        self._alarms = self._troubles(desk, rules)

    def _gather(self, desk: _Desk) -> None:
        """Make notices of the events since the last time."""
        seen, news = self._means.ledger.news(desk.seen, decide.EVENTS)
        is_alone = bool(news) and self._means.scene().is_alone
        fresh: list[Letter] = []
        for event in news:
            told = decide.notice(
                event.kind,
                event.subject,
                event.data,
                datetime.fromisoformat(event.wall).timestamp(),
                self._readers(event),
            )
            if told and not decide.is_repeated(told, [*desk.letters.values(), *fresh]):
                fresh.append(Letter(number=event.seq, notice=told))
                _say(told, is_alone=is_alone)
        if news:
            self._means.ledger.post(fresh, seen)
            desk.letters |= {each.number: each for each in fresh}
        desk.seen = seen

    def _readers(self, event: Event) -> tuple[str, ...]:
        """Return who asked to hear of the batch that an event is about."""
        is_batch = event.data.get("level") == "batch" or event.kind == "held"
        batch = self._means.ledger.batch(event.subject.partition("/")[0]) if is_batch else None
        to = batch.notify.get("to") if batch else None
        return tuple(map(str, to)) if isinstance(to, list | tuple) else ()

    def _kept(self, desk: _Desk) -> list[Letter]:
        return [desk.letters[number] for number in sorted(desk.letters)]

    def _is_due(self, desk: _Desk, parcel: Parcel, rules: Rules, now: float) -> bool:
        way = parcel.way.name
        if way in desk.under_way or len(desk.under_way) >= TRAVELLING_MAX:
            return False
        if trouble := desk.trouble.get(way):
            return now >= trouble.not_before
        last = desk.last.get(way, float("-inf"))
        is_last = self._closing.is_set()  # nobody gathers any more
        return is_last or now >= decide.due_at(parcel, rules, last, now)

    def _send(self, desk: _Desk, parcel: Parcel, rules: Rules) -> None:
        message = decide.message(parcel, self._means.scene())
        desk.under_way.add(parcel.way.name)

        def travel() -> None:
            came = _Arrival(parcel)
            try:
                self._means.deliver(rules.notify, parcel, message)
            except OrchestratorError as error:
                is_vain = rules.is_alone and isinstance(error, NoServer)
                came = _Arrival(parcel, str(error), is_vain)
            except Exception as error:  # a receiver's fault harms its own way alone
                log.exception(
                    "notice %s: failed", parcel.way.shown, extra={"action": "notices_bug"}
                )
                came = _Arrival(parcel, f"{parcel.way.carrier.value}: {error!r}")
            self._arrived.put(came)
            self._woken.set()

        self._means.spawn(travel)

    def _take_arrived(self, desk: _Desk) -> None:
        """Remember what arrived, and when to try again what did not."""
        while not self._arrived.empty():
            came = self._arrived.get()
            desk.under_way.discard(came.parcel.way.name)
            if came.why and not came.is_vain:
                self._try_later(desk, came)
                continue
            self._done(desk, came.parcel)
            count = len(came.parcel.letters)
            if came.is_vain:
                desk.dropped[came.why] = desk.dropped.get(came.why, 0) + count
                log.info("notices dropped: %s", came.why, extra={"action": "notice_dropped"})
                continue
            log.info(
                "notices sent: %d, %s",
                count,
                came.parcel.way.shown,
                extra={"action": "notice_sent"},
            )

    def _try_later(self, desk: _Desk, came: _Arrival) -> None:
        way = came.parcel.way.name
        fails = desk.trouble[way].fails if way in desk.trouble else 0
        pause_s = min(AGAIN_MOST_S, AGAIN_FIRST_S * 2 ** min(fails, DOUBLINGS_MAX))
        pause_s *= 0.5 + self._means.jitter() / 2
        desk.trouble[way] = _Trouble(came.why, fails + 1, self._means.clock() + pause_s)
        log.info("notice not sent: %s", came.why, extra={"action": "notice_failed"})

    def _done(self, desk: _Desk, parcel: Parcel) -> None:
        """Remember that nothing of it is to go that way any more."""
        way = parcel.way.name
        desk.trouble.pop(way, None)
        desk.last[way] = self._means.clock()
        numbers = [each.number for each in parcel.letters]
        self._means.ledger.told(numbers, way)
        for number in numbers:
            if letter := desk.letters.get(number):
                desk.letters[number] = replace(letter, told=letter.told | {way})

    def _forget(self, desk: _Desk, rules: Rules, now: float) -> None:
        if gone := decide.finished(self._kept(desk), rules, now):
            self._means.ledger.drop([each.number for each in gone])
            for each in gone:
                del desk.letters[each.number]
        waited_for = {each.way.name for each in decide.parcels(self._kept(desk), rules)}
        for way in desk.trouble.keys() - waited_for:
            del desk.trouble[way]

    def _troubles(self, desk: _Desk, rules: Rules) -> tuple[str, ...]:
        letters = self._kept(desk)
        told = []
        for parcel in decide.parcels(letters, rules):
            if trouble := desk.trouble.get(parcel.way.name):
                what = _notices(len(parcel.letters))
                told.append(f"{what} not sent: {trouble.why}; kept, and tried again")
        for why, count in desk.dropped.items():
            told.append(f"{_notices(count)} not sent, and not kept: {why}")
        unheard = decide.unheard(letters, rules)
        return (*told, *((unheard,) if unheard else ()))


def _notices(count: int) -> str:
    return f"{count} notices" if count > 1 else "1 notice"


def _say(told: Notice, *, is_alone: bool) -> None:
    level = logging.INFO if told.kind.is_of_batch else logging.WARNING
    text = decide.sentence(told, is_alone=is_alone)
    log.log(level, "notice: %s", text, extra={"action": "notice", "notice": told.kind.value})
