"""verify: look at the whole sequence where people want it: each frame, none changed, all alike."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.frames.names import sequence_of
from orchestrator.frames.work import movies
from orchestrator.frames.work.attempt import PUBLISHED, left, sha256
from orchestrator.frames.work.images import NotAnImage
from orchestrator.frames.work.look import SEEN
from orchestrator.frames.work.publish import notes, sweep
from orchestrator.frames.work.trouble import Trouble

SPOILED_MAX = 50
"""Of segments that are published once more at once; the rest follows."""

Facts = Mapping[str, Any]


def run(asked: Mapping[str, Any]) -> Mapping[str, object]:
    """Return what the sequence is.

    Raises Trouble where a frame is missing, changed, or another size or kind.
    """
    sequence = sequence_of(asked["sequence"])
    folder, known = Path(sequence.pattern.folder), _known(asked)
    _check_unchanged(folder, *known)
    facts, _ = known
    frames = sequence.span.frames() if sequence.pattern.digits else sequence.span.frames()[:1]
    names = {sequence.number(frame): sequence.name(frame) for frame in frames}
    single = 1 if sequence.pattern.digits else sequence.span.count
    facts |= _looked_at(folder, [name for name in names.values() if name not in facts], single)
    numbered = {number: facts[name] for number, name in names.items()}
    _check_alike(sequence.pattern.words, {str(folder / names[n]): f for n, f in numbered.items()})
    sweep([folder / name for name in facts], asked["attempt"])
    return {
        "frames": len(numbered),
        "size": sum(each["size"] for each in facts.values()),
        "notes": [*notes(numbered), *_beside(len(facts) - len(numbered))],
    }


def _check_unchanged(folder: Path, known: Mapping[str, Facts], owners: Mapping[str, str]) -> None:
    """Raise Trouble where a file is not the one that was put there: it is put there once more."""
    spoiled: dict[str, str] = {}
    for name, facts in known.items():
        if why := _changed(folder / name, facts):
            spoiled.setdefault(owners[name], f"{folder / name}: {why}")
    if "" in spoiled:  # nobody of this job made it
        raise Trouble(f"{spoiled['']}; start the batch again", final=True)
    if spoiled:
        sentence = f"{next(iter(spoiled.values()))}; it is published once more"
        raise Trouble(sentence, spoiled=list(spoiled)[:SPOILED_MAX])


def _known(asked: Mapping[str, Any]) -> tuple[dict[str, Facts], dict[str, str]]:
    """Return what is known of each file, by its name, and which attempt put it there.

    Names, not paths: each node calls the folder as it likes.
    """
    known: dict[str, Facts] = {}
    owners: dict[str, str] = {}
    for folder, digest, attempt in asked["published"]:
        listed = left(Path(folder) / PUBLISHED, digest)
        if listed is None:
            sentence = f"{folder}/{PUBLISHED}: is gone or was changed; it is published once more"
            raise Trouble(sentence, spoiled=[attempt])
        known |= listed
        owners |= dict.fromkeys(listed, attempt)
    if looked := asked.get("looked"):
        folder, digest = looked
        for facts in (left(Path(folder) / SEEN, digest) or {}).values():
            known.setdefault(facts["name"], facts)
            owners.setdefault(facts["name"], "")
    return known, owners


def _looked_at(folder: Path, names: Sequence[str], frames: int) -> dict[str, Facts]:
    """Return what is known of frames that were there before.

    Raises Trouble, final, where one is missing or broken: nobody has rendered it.
    """
    found: dict[str, Facts] = {}
    for name in names:
        try:
            found[name] = movies.look(folder / name, frames).data()
        except (NotAnImage, OSError) as error:
            why = error if isinstance(error, NotAnImage) else "is gone"
            sentence = f"{folder / name}: {why}, and was whole when the job began"
            raise Trouble(f"{sentence}; start the batch again", final=True) from error
    return found


def _changed(path: Path, facts: Facts) -> str:
    """Return why a file is not the one that was put there; empty: it is."""
    try:
        status = os.lstat(path)
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        return "is gone" if gone else f"cannot be read: {error.strerror or error}"
    if not stat.S_ISREG(status.st_mode) or status.st_size != facts["size"]:
        return "is another file than was put there"
    if status.st_mtime_ns != facts["mtime_ns"] and sha256(path) != facts["sha256"]:
        return "is another file than was put there"
    return ""


def _check_alike(words: str, frames: Mapping[str, Facts]) -> None:
    """Raise Trouble, final, where frames differ in size or kind."""
    shapes = {path: _shape(facts) for path, facts in frames.items() if facts["width"]}
    counted = Counter(shapes.values()).most_common()
    if len(counted) < 2:
        return
    common = counted[0][0]
    path, shape = next((path, shape) for path, shape in shapes.items() if shape != common)
    more = sum(count for _, count in counted[1:]) - 1
    also = f" (and {more} more)" if more else ""
    raise Trouble(
        f"{path}{also}: is {shape}, and other frames of {words} are {common}; "
        "make them alike, and run it again with ifExists: replace",
        final=True,
    )


def _shape(facts: Facts) -> str:
    return f"{facts['kind']} {facts['width']}x{facts['height']}"


def _beside(count: int) -> Iterator[str]:
    if count:
        yield f"{count} more files were published beside the frames"
