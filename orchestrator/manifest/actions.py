"""A job's ``actions``: their paths, what is wrong between jobs, and the job file that one submits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from orchestrator.errors import Refusal
from orchestrator.manifest.accepted import manifest_text
from orchestrator.manifest.finding import Document, Finding, Path
from orchestrator.manifest.formats import ABSOLUTE, absolute
from orchestrator.manifest.text import SIZE_MAX_BYTES
from orchestrator.model.work import Batch, Job, Review

PATHS = frozenset({"copy", "move", "submit"})
"""Actions whose value is a path; of ``submit``, until the file was read."""


def rooted(actions: Sequence[Mapping[str, Any]], folder: File) -> tuple[Mapping[str, object], ...]:
    """Return actions with their paths as seen from `folder`."""
    return tuple(
        {
            key: absolute(value, folder) if _is_path(key, value) else value
            for key, value in each.items()
        }
        for each in actions
    )


def submitting(batch: Batch, read: Callable[[File], Batch]) -> Batch:
    """Return the batch with the text of each job file that it submits later in the file's place.

    :param read: what tells the Batch of such a file; what it raises is raised
    """
    return replace(batch, jobs=tuple(_submitting(job, read) for job in batch.jobs))


def unread(document: Document, root: Path) -> Iterator[Finding]:
    """Yield what the ``actions`` at `root`, sent by a client, may not have: what only it can read."""
    listed = document.get(*root)
    for index, each in enumerate(listed if isinstance(listed, list) else ()):
        for key, value in each.items() if isinstance(each, dict) else ():
            where = (*root, index, key)
            if key == "submit" and isinstance(value, str):
                what = "a file of the client; send its text (`submit` does that)"
                yield document.fault(where, what)
            elif _is_path(key, value) and not value.startswith(("/", *ABSOLUTE)):
                what = f"{value!r} is relative; write it from / on (`submit` does that)"
                yield document.fault(where, what)


def moved_away(
    document: Document, jobs: Sequence[Job], reviews: Mapping[str, Review]
) -> Iterator[Finding]:
    """Yield what is wrong with copying and moving sources: in a job, and with others that read them.

    A source is moved away only by a job that comes after all others that read it.
    """
    for number, job in enumerate(jobs):
        for index, key, what in _astray(job, source_of(reviews[job.name])):
            yield document.fault(("spec", "jobs", number, "actions", index, key), what)
    after = {job.name: job.after for job in jobs}
    for number, job in enumerate(jobs):
        moves = [n for n, each in enumerate(job.actions) if "move" in each]
        mine = {source_of(reviews[job.name])}
        for other in jobs if moves else ():
            theirs = {file for _, file in reviews[other.name].media}
            if other is job or not mine & theirs or other.name in _before(job.name, after):
                continue
            what = f"job {other.name!r} reads this source too; add it to after, or copy instead"
            yield document.fault(("spec", "jobs", number, "actions", moves[0], "move"), what)
            break


def source_of(review: Review) -> str:
    """Return the one file that a job is about; empty: there is none, as for an image sequence."""
    return next((file for path, file in review.media if tuple(path) == ("source",)), "")


def _astray(job: Job, source: str) -> Iterator[tuple[int, str, str]]:
    """Yield each action that cannot be done with the job's source: its number, key and why."""
    is_moved = False
    for number, action in enumerate(job.actions):
        for key in ("copy", "move"):
            if key not in action:
                continue
            folder = str(action[key])
            own = {os.path.dirname(os.path.normpath(source)), "{source.parent}"}
            if not source:
                yield number, key, f"no single file is this job's source to {key}; use a command"
            elif is_moved:
                yield number, key, "an action before it has moved the source away; move it last"
            elif os.path.normpath(folder) in own:
                yield number, key, "the source's own folder; name another"
            is_moved |= key == "move"


def _before(name: str, after: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    due = list(after[name])
    while due:
        if (each := due.pop()) not in found:
            found.add(each)
            due += after.get(each, ())
    return found


def _submitting(job: Job, read: Callable[[File], Batch]) -> Job:
    def whole(action: Mapping[str, object]) -> Mapping[str, object]:
        named = action.get("submit")
        if not isinstance(named, str):
            return action
        text = manifest_text(read(File(named)))
        if len(text.encode("utf-8", "surrogatepass")) > SIZE_MAX_BYTES:
            why = f"larger than {SIZE_MAX_BYTES} bytes with all that it names; split it"
            raise Refusal(f"{named}: {why}")
        return {"submit": {"name": File(named).name, "text": text}}

    return replace(job, actions=tuple(whole(each) for each in job.actions))


def _is_path(key: str, value: object) -> bool:
    return key in PATHS and isinstance(value, str)
