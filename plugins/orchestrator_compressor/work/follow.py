"""Following the references of a movie: each file is looked at first, by the guards of any source."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.api import Cause
from orchestrator_compressor.work import media, reference
from orchestrator_compressor.work.trouble import Trouble


def follow(source: str, found: reference.Found) -> None:
    """Let `source` be read with the media it refers to.

    Raises Trouble, of cause ``source``, for a file that is missing or no media of a kind that is read
    here: a reference makes a reader nobody's deputy.
    """
    for path in found.files:
        if not reference.is_there(path):
            raise Trouble(f"{source}: it refers to {path}, which is not there", Cause.SOURCE)
        try:
            with media.opened(path):
                """It is media; what is in it, the index of the movie says."""
        except Trouble as trouble:
            raise Trouble(f"{source}: it refers to a file: {trouble}", Cause.SOURCE) from trouble
    reference.stand_in(source, found)


def prepare(asked: Mapping[str, object]) -> None:
    """Do so for a task whose probe found what its source refers to.

    Raises Trouble, of cause ``source``, if these are other files now, or have changed.
    """
    source, refers = str(asked["source"]), asked["refers"]
    if not isinstance(refers, list):
        return
    files = tuple(str(each["path"]) for each in refers)
    found = reference.find(source, source, files)
    if found is None or found.files != files:
        raise Trouble(f"{source}: refers to other files than it did; submit again", Cause.SOURCE)
    for path, each in zip(files, refers, strict=True):
        if reference.stamp(path) != {key: each[key] for key in ("size", "mtime_ns")}:
            raise Trouble(
                f"{path}: has changed since {source}, which refers to it, was indexed; submit the "
                "batch again",
                Cause.SOURCE,
            )
    follow(source, found)
