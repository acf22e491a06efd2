"""What cluster storage holds, batch by batch, and taking away what nobody needs any more."""

from __future__ import annotations

import logging
import os
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from orchestrator.controller import trash
from orchestrator.controller.storage import INPUTS, KEPT, TRASH, Storage, kept_free
from orchestrator.decide.collect import DAY_S, Fate, Lot, is_due, lot
from orchestrator.errors import NotThere, Refusal
from orchestrator.ledger.history import history
from orchestrator.ledger.protocol import Ledger, Standing
from orchestrator.model.talk import Cleaned, Share, StorageView
from orchestrator.model.work import AttemptId
from orchestrator.system import HAS_FOLDERS
from orchestrator.volume import ATTEMPTS

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Found:
    """One attempt's folder on storage."""

    size_bytes: int
    touched_at: float  #: Unix seconds
    is_bulky: bool  #: there is more than the evidence in it
    fate: Fate | None = None


@dataclass(slots=True)
class Census:
    """All that lies on storage, as it was counted."""

    at: float  #: Unix seconds
    attempts: dict[AttemptId, Found] = field(default_factory=dict)
    inputs: dict[str, int] = field(default_factory=dict)  #: batch -> bytes
    trash_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Collector:
    """Counts and cleans; whoever calls it has a thread for it, since a storage may never answer."""

    ledger: Ledger
    storage: Storage
    days: int = 7  #: `storage.deleteAfterDays`

    @property
    def keep_s(self) -> float:
        """How long files of a batch that is over stay."""
        return self.days * DAY_S

    # -- counting

    def census(self, now: float) -> Census:
        """Count what is there.  Raises OSError where the storage cannot be read."""
        found = Census(at=now)
        if not HAS_FOLDERS:
            return found
        with suppress(FileNotFoundError), self.storage.folder(ATTEMPTS) as attempts:
            found.attempts = dict(_attempts(attempts))
        with suppress(FileNotFoundError), self.storage.folder(INPUTS) as inputs:
            ours = self.storage.inputs_of("")
            found.inputs = {
                name.removeprefix(ours): _size(inputs, name)
                for name in os.listdir(inputs)
                if name.startswith(ours)
            }
        with suppress(FileNotFoundError), self.storage.folder(TRASH) as top:
            found.trash_bytes = trash.used_bytes(top)
        for id, fate in self.ledger.fates(list(found.attempts)).items():
            found.attempts[id].fate = fate
        return found

    def view(self, census: Census) -> StorageView:
        """Return for people what was counted, and how the disk stands."""
        whole = free = 0
        with suppress(OSError), self.storage.volume() as volume:
            free, whole = volume.room()
        return StorageView(
            path=str(self.storage.root),
            why=self.storage.low(),
            at=_iso(census.at),
            whole_bytes=whole,
            free_bytes=free,
            kept_free_bytes=kept_free(whole),
            trash_bytes=census.trash_bytes,
            other_bytes=sum(each.size_bytes for each in census.attempts.values() if not each.fate),
            delete_after_days=self.days,
            batches=self._shares(census),
        )

    def _shares(self, census: Census) -> tuple[Share, ...]:
        sizes: defaultdict[str, int] = defaultdict(int)
        counts: defaultdict[str, int] = defaultdict(int)
        for each in census.attempts.values():
            if each.fate:
                sizes[each.fate.batch] += each.size_bytes
                counts[each.fate.batch] += 1
        return tuple(
            Share(
                batch=batch.id,
                state=batch.state.value,
                size_bytes=sizes[batch.id],
                input_bytes=census.inputs.get(batch.id, 0),
                attempts=counts[batch.id],
                goes=self._goes(batch),
            )
            for batch in self.ledger.standings()
            if batch.id in counts or batch.id in census.inputs
        )

    def _goes(self, batch: Standing) -> str:
        ended = _ended(batch)
        return "" if ended is None else _iso(ended + self.keep_s)

    # -- cleaning

    def clean(self, now: float) -> Cleaned:
        """Take away what is due: old batches, leftovers, trash.  Raises OSError."""
        self.empty_trash()
        census = self.census(now)
        batches = {batch.id: batch for batch in self.ledger.standings()}
        due = [
            id
            for id in dict.fromkeys((*_batches(census), *census.inputs))
            if id in batches and is_due(_ended(batches[id]), now, self.keep_s)
        ]
        done = [self._collect(id, census) for id in due]
        cleared, freed = self._clear_leftovers(census, now)
        forgotten = self._collect_forgotten(census, now)
        return Cleaned(
            batches=tuple(id for id, was in zip(due, done, strict=True) if was is not None),
            attempts=cleared + forgotten + sum(filter(None, done)),
            freed_bytes=freed + self.empty_trash(),
        )

    def clean_batch(self, batch: str, now: float) -> Cleaned:
        """Take away all that a batch left, whatever its age.

        Raises NotThere for no such batch, Refusal for one that is not over, OSError.
        """
        self._check_over(batch)
        census = self.census(now)
        attempts = self._collect(batch, census)
        if attempts is None:
            self._check_over(batch)
        freed = self.empty_trash()
        return Cleaned(batches=(batch,), attempts=attempts or 0, freed_bytes=freed)

    def empty_trash(self) -> int:
        """Delete what was taken away; return how many bytes that freed.  Raises OSError."""
        if not HAS_FOLDERS:
            return 0

        def empty(removal: trash.Removal) -> None:
            names: list[str] = []
            while (left := os.listdir(removal.top)) and left != names:
                names = left  # what was nested too deep has come up
                for name in names:
                    removal.remove(name)

        return self.storage.removing("trash", empty).freed_bytes

    def _check_over(self, batch: str) -> None:
        state = self.ledger.state(batch)
        if state is None:
            raise NotThere(f"{batch!r}: no such batch; `storage show` lists those that left files")
        if not state.is_final:
            raise Refusal(f"batch {batch}: it is not over, and needs its files; cancel it first")

    def _collect(self, batch: str, census: Census) -> int | None:
        """Take away all of a batch; return how many attempts, or None: it was begun again, or stays.

        The event comes first, then all goes out of the way at once; whoever makes a batch need its
        files again waits meanwhile, and finds them whole or gone (F39).  What cannot be moved is
        tried again another time, without another event.
        """
        is_noted = self._is_noted(batch)
        with self.storage.lock:
            state = self.ledger.state(batch)
            if state is None or not state.is_final:
                return None
            ids = [id for id, each in census.attempts.items() if _is_of(each, batch)]
            size = sum(census.attempts[id].size_bytes for id in ids)
            told = {"attempts": len(ids), "bytes": size + census.inputs.get(batch, 0)}
            if not is_noted:
                self.ledger.note("collected", batch, told)
            gone = self._throw(ATTEMPTS, ids)
            inputs = self._throw(INPUTS, [self.storage.inputs_of(batch)])
        if ids and not gone + inputs:
            return None
        log.info("batch %s: its files are gone", batch, extra={"action": "batch_collected"})
        return gone

    def _is_noted(self, batch: str) -> bool:
        """Whether the last that happened to a batch is that its files were taken away."""
        own = (each.kind for each in history(self.ledger, batch) if each.subject == batch)
        return next(iter(deque(own, maxlen=1)), "") == "collected"

    def _clear_leftovers(self, census: Census, now: float) -> tuple[int, int]:
        """Clear the media of attempts that nobody needs any more (F-STOR-5); how many, and bytes."""
        attempts = freed = 0
        for id, each in census.attempts.items():
            due = each.is_bulky and each.fate is not None
            if due and lot(each.fate, each.touched_at, now, self.keep_s) is Lot.CLEAR:
                freed += self.storage.clear_now(id)
                attempts += 1
        return attempts, freed

    def _collect_forgotten(self, census: Census, now: float) -> int:
        """Take away what is old and bears our ledger's name, though the ledger knows it no more."""
        ours = [
            id
            for id, each in census.attempts.items()
            if each.fate is None
            and id.startswith(f"{self.ledger.id}-")
            and lot(None, each.touched_at, now, self.keep_s) is Lot.GO
        ]
        gone = self._throw(ATTEMPTS, ours) if ours else 0
        if gone:
            self.ledger.note("collected", self.ledger.id, {"attempts": gone})
        return gone

    def _throw(self, folder: str, names: Sequence[str]) -> int:
        """Move things out of one of our folders into the trash, a link as a link; how many went."""
        gone = 0

        def move(removal: trash.Removal) -> None:
            nonlocal gone
            with self.storage.folder(folder) as place:
                for name in names:
                    try:
                        _move(place, name, removal.top)
                        gone += 1
                    except FileNotFoundError:
                        continue
                    except OSError as error:
                        removal.failed(name, error)

        self.storage.removing(folder, move)
        return gone


def _move(place: int, name: str, top: int) -> None:
    for number in count():
        target = f"{name}.{number}"
        try:
            os.stat(target, dir_fd=top, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(name, target, src_dir_fd=place, dst_dir_fd=top)
            return


def _attempts(folder: int) -> Iterator[tuple[AttemptId, Found]]:
    for name in os.listdir(folder):
        if name.startswith("."):
            continue
        with suppress(OSError), trash.opened(name, folder) as attempt:
            yield (
                name,
                Found(
                    size_bytes=trash.used_bytes(attempt),
                    touched_at=os.fstat(attempt).st_mtime,
                    is_bulky=not KEPT.issuperset(os.listdir(attempt)),
                ),
            )


def _size(folder: int, name: str) -> int:
    with suppress(OSError), trash.opened(name, folder) as inner:
        return trash.used_bytes(inner)
    return 0


def _batches(census: Census) -> list[str]:
    return sorted({each.fate.batch for each in census.attempts.values() if each.fate})


def _is_of(found: Found, batch: str) -> bool:
    return found.fate is not None and found.fate.batch == batch


def _ended(batch: Standing) -> float | None:
    if not batch.state.is_final or not batch.ended:
        return None
    return datetime.fromisoformat(batch.ended).timestamp()


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
