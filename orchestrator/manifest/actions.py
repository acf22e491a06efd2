"""A job's ``actions``: their paths, what is wrong between jobs, and the job file that one submits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as File
from typing import Any

from orchestrator.manifest.accepted import manifest_text
from orchestrator.manifest.finding import Document, Finding, Path
from orchestrator.manifest.formats import ABSOLUTE, absolute
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
    """Yield the sources that one job moves away while another, which it does not come after, reads."""
    after = {job.name: job.after for job in jobs}
    for number, job in enumerate(jobs):
        moves = [n for n, each in enumerate(job.actions) if "move" in each]
        mine = {file for _, file in reviews[job.name].media[:1]}
        for other in jobs if moves else ():
            theirs = {file for _, file in reviews[other.name].media}
            if other is job or not mine & theirs or other.name in _before(job.name, after):
                continue
            what = f"job {other.name!r} reads this source too; add it to after, or copy instead"
            yield document.fault(("spec", "jobs", number, "actions", moves[0], "move"), what)
            break


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
        return {"submit": {"name": File(named).name, "text": manifest_text(read(File(named)))}}

    return replace(job, actions=tuple(whole(each) for each in job.actions))


def _is_path(key: str, value: object) -> bool:
    return key in PATHS and isinstance(value, str)
