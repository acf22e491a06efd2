"""Cluster storage: where attempts write, what is read back, what is cleared away."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator import volume
from orchestrator.controller import trash
from orchestrator.controller.mark import mark, note_down, noted
from orchestrator.errors import Busy, Refusal
from orchestrator.model.codec import canonical
from orchestrator.model.work import AttemptId, Facts, Result
from orchestrator.system import HAS_FOLDERS, now_s
from orchestrator.volume import ATTEMPTS, Trouble, Volume

log = logging.getLogger(__name__)

INPUTS = "inputs"
TRASH = "trash"
INLINE_MAX_BYTES = 8 << 10
KEEP_FREE_PART = 0.05
KEEP_FREE_MAX_BYTES = 2 << 30
KEPT = frozenset(
    {"log", "exit.json", "result.json", "report.json", "input.json", "label.json", "published.json"}
)
"""What stays of an attempt when its media are cleared away: all of it small, all of it evidence."""

UNTOUCHED_WAIT_S = 10.0
"""So long is waited for who takes files away."""

LOOK_EVERY_S = 1.0
LOOK_FIRST_S = 2.0
"""So long the first answer is waited for."""

ANSWER_S = 15.0
"""A look that takes longer means that the storage does not answer."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The directory every node of the cluster sees."""

    root: Path
    token: str = ""  #: what it is known by (R16); empty: any directory will do
    watch: Watch | None = field(default=None, compare=False)  #: None: whoever asks looks himself
    tidy: Callable[[AttemptId], None] | None = field(default=None, compare=False)
    #: takes what is to be cleared, and clears it soon; None: whoever asks clears himself
    lock: threading.RLock = field(default_factory=threading.RLock, compare=False, repr=False)
    #: held by who takes files away, and by who makes a batch need files again
    note: Path | None = field(default=None, compare=False)  #: where `token` is kept
    owner: str = field(default="", compare=False)
    #: id of the ledger whose inputs are stored: others may use the same storage, and count batches

    @classmethod
    def at(cls, root: Path) -> Storage:
        """Make the directory where it is missing; Refusal where it cannot be used."""
        try:
            for part in (ATTEMPTS, INPUTS):
                (root / part).mkdir(parents=True, exist_ok=True, mode=volume.FOLDER_MODE)
            if not os.access(root / ATTEMPTS, os.W_OK | os.X_OK):
                raise PermissionError(13, "no permission to write")
        except OSError as error:
            raise Refusal(
                f"cluster storage {root}: {error.strerror}; name another with --storage"
            ) from error
        return cls(root.resolve())

    @classmethod
    def shared(cls, root: Path) -> Storage:
        """Make the directory that all nodes see, called as manifests call it: links stay.

        Refusal where it cannot be used.
        """
        cls.at(root)
        return cls(root.absolute())

    @classmethod
    def known(cls, root: Path, note: Path) -> Storage:
        """Return the storage at `root`, which the file `note` knows, or make and note it.

        One that is known is not touched: it may not be mounted, and then another directory stands
        there (R16); but one in the folder of the note comes and goes with that.  Refusal where it
        is new and cannot be used.
        """
        root = root.absolute()
        is_ours = root.is_relative_to(note.parent.resolve())
        if not is_ours and (token := noted(note, root)):
            return cls(root, token, note=note)
        made = cls.shared(root)
        token = made.mark()
        if is_ours:
            return replace(made, token=token)
        note_down(note, root, token)
        return replace(made, token=token, note=note)

    def mark(self) -> str:
        """Return what tells this storage from any other (R16).  Raises as `mark.mark`."""
        return mark(self.root)

    def attempt(self, id: AttemptId) -> Path:
        """Return the folder of an attempt."""
        return self.root / ATTEMPTS / id

    def inputs_of(self, batch: str) -> str:
        """Return what the folder of a batch's inputs is called."""
        return f"{self.owner}-{batch}" if self.owner else batch

    def volume(self) -> Volume:
        """Open it, as long as it is the right one; raises `volume.Trouble`."""
        return Volume(str(self.root), self.token)

    @contextmanager
    def untouched(self) -> Iterator[None]:
        """Let nobody take files away until left; Busy where who does that gets no answer (F20)."""
        is_silent = self.watch is not None and self.watch.is_silent()
        if is_silent or not self.lock.acquire(timeout=UNTOUCHED_WAIT_S):
            raise Busy(
                f"cluster storage {self.root}: it does not answer, or much is being taken away; "
                "see its mount, and try again in a minute"
            )
        try:
            yield
        finally:
            self.lock.release()

    # -- how it is

    def trouble(self) -> str:
        """Return why it cannot be used at all, in one sentence; empty: it is there."""
        try:
            self.volume().close()
        except Trouble as error:
            return f"cluster storage {self.root}: {self._way_out(error)}"
        return ""

    def low(self) -> str:
        """Return why no new work should start here, in one sentence; empty: it may (F19, F20)."""
        return self.watch.why() if self.watch else self.look()

    def look(self) -> str:
        """Say the same from a look at it, which may take for ever."""
        where = f"cluster storage {self.root}"
        try:
            with self.volume() as opened:
                (free, whole), fixed = opened.room(), opened.is_read_only()
        except Trouble as error:
            return f"{where}: {self._way_out(error)}"
        except OSError as error:
            return f"{where}: {error.strerror}; it goes on by itself"
        if fixed:
            return (
                f"{where} is mounted for reading alone; mount it for writing, it goes on by itself"
            )
        keep = kept_free(whole)
        if free >= keep:
            return ""
        return (
            f"{where} is full: {free >> 20} MiB free, {keep >> 20} MiB are "
            "kept; free some space, it goes on by itself"
        )

    def _way_out(self, trouble: Trouble) -> str:
        says = f"{trouble.why}; {trouble.todo}, it goes on by itself"
        if self.note is None:
            return says
        return f"{says} (if what was there is gone for good: remove {self.note} and start again)"

    def space(self) -> tuple[int, int] | None:
        """Return how many bytes may be written there, and how many there are; None: not known."""
        if self.watch:
            return self.watch.space
        try:
            with self.volume() as opened:
                return opened.room()
        except OSError:
            return None

    # -- what is stored

    def put(self, batch: str, data: Mapping[str, object]) -> tuple[str | None, str | None]:
        """Store an input that is too large for a spec; return its path and SHA-256.

        Small ones are not stored: (None, None).  The name is the hash: twice is once.
        """
        text = canonical(data).encode()
        if len(text) <= INLINE_MAX_BYTES:
            return None, None
        digest = hashlib.sha256(text).hexdigest()
        folder = f"{INPUTS}/{self.inputs_of(batch)}"
        name = f"{folder}/{digest}.json"
        with self.volume() as opened:
            if not opened.has(name):
                with suppress(FileExistsError):
                    opened.make_folder(folder)
                opened.write(name, text)
        return str(self.root / name), digest

    def facts(self, result: Result) -> Facts:
        """Return a probe's result with the files it names, as ``{"file": …, "sha256": …}``.

        Raises OSError for a file that cannot be read, ValueError for one that is not as told.
        """
        files = {}
        for value in result.values.values():
            if isinstance(value, Mapping) and "file" in value and "sha256" in value:
                name = str(value["file"])
                data = (self.attempt(result.attempt) / Path(name).name).read_bytes()
                if hashlib.sha256(data).hexdigest() != value["sha256"]:
                    raise ValueError(f"{name} of attempt {result.attempt} is not what was reported")
                files[name] = data
        return Facts(values=result.values, files=files, attempt=result.attempt)

    # -- what goes

    def clear_inputs(self, batch: str) -> None:
        """Remove the inputs that were stored for a batch, once it is over.

        A storage that does not answer is left alone: they go with the batch, and who asks goes on.
        """
        if self.watch and self.watch.is_silent():
            return
        if not HAS_FOLDERS:
            shutil.rmtree(self.root / INPUTS / self.inputs_of(batch), ignore_errors=True)
            return

        def remove(removal: trash.Removal) -> None:
            with self.folder(INPUTS) as inputs:
                removal.remove(self.inputs_of(batch), inputs)

        self.removing(f"inputs of {batch}", remove)

    def clear(self, id: AttemptId) -> None:
        """Remove an attempt's media, at once or soon; log, report and results stay."""
        if self.tidy:
            self.tidy(id)
        else:
            self.clear_now(id)

    def clear_now(self, id: AttemptId) -> int:
        """Remove an attempt's media; return how many bytes that freed.  Links are never followed."""
        if not HAS_FOLDERS:
            _clear_by_path(self.attempt(id))
            return 0

        def clear(removal: trash.Removal) -> None:
            with self.folder(ATTEMPTS) as attempts, trash.opened(id, attempts) as folder:
                removal.clear(folder, KEPT)

        return self.removing(f"attempt {id}", clear).freed_bytes

    @contextmanager
    def folder(self, name: str) -> Iterator[int]:
        """Lend one of its folders, opened.  Raises OSError."""
        with self.volume() as opened:
            if opened.folder is not None:
                with trash.opened(name, opened.folder) as folder:
                    yield folder

    def removing(self, what: str, work: Callable[[trash.Removal], None]) -> trash.Removal:
        """Let `work` remove; what it could not is said once, and done another time.

        What is not there is removed already.
        """
        removal = trash.Removal(top=-1)
        try:
            with self.volume() as opened, suppress(FileExistsError):
                opened.make_folder(TRASH)
            with self.folder(TRASH) as top:
                removal.top = top
                work(removal)
        except FileNotFoundError:
            return removal
        except Trouble as error:  # whoever starts work says so already
            removal.failed(self.root.name, error)
            return removal
        except OSError as error:
            removal.failed(self.root.name, error)
        if removal.trouble:
            extra = {"action": "clear_failed"}
            log.warning("%s: not cleared: %s", what, removal.trouble, extra=extra)
        return removal


class Watch:
    """Looks at a storage again and again, on a thread of its own: a dead mount never answers."""

    def __init__(self, storage: Storage, clock: Callable[[], float] = now_s) -> None:
        self._storage = storage
        self._clock = clock
        self._since: float | None = None  #: a look is under way
        self._why = f"cluster storage {storage.root}: it is being looked at"
        self.space: tuple[int, int] | None = None  #: bytes that are free, and all; as seen last
        self._first = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storage", daemon=True)

    def open(self, first_s: float = LOOK_FIRST_S) -> None:
        """Begin, and wait for the first answer, at most so long."""
        self._since = self._clock()
        self._thread.start()
        self._first.wait(first_s)

    def close(self) -> None:
        """Stop, without waiting for a look that hangs."""
        self._closed.set()

    def is_silent(self) -> bool:
        """Whether a look takes so long that the storage does not answer; from memory."""
        since = self._since
        return since is not None and self._clock() - since > ANSWER_S

    def why(self) -> str:
        """Return what was seen last, as `Storage.low`; from memory."""
        if self.is_silent():
            root = self._storage.root
            return f"cluster storage {root} does not answer; see its mount, it goes on by itself"
        return self._why

    def _run(self) -> None:
        while not self._closed.is_set():
            self._since = self._clock()
            self._why = self._storage.look()
            self.space = replace(self._storage, watch=None).space()
            self._since = None
            self._first.set()
            self._closed.wait(LOOK_EVERY_S)


def kept_free(whole: int) -> int:
    """Return how many bytes of a disk of that size are kept free."""
    return min(int(whole * KEEP_FREE_PART), KEEP_FREE_MAX_BYTES)


def _clear_by_path(folder: Path) -> None:
    """Remove media where a folder cannot be opened."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name in KEPT:
                continue
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
