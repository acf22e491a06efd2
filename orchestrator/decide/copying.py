"""Which nodes see what a job reads, and what follows: in place, a copy, or no work (F-STOR-8..12).

No I/O, no clock, no memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field

from orchestrator.model.work import Accept, Copying, Job, Kind, Outcome, Reject, Task, task_id

WEIGHT = 2e9
"""Of a copy: it goes before the probe, which goes before all that a plan may want."""

NAMED_MAX = 5
"""So many nodes of each file are named; the rest are counted."""

FILES_MAX = 64
"""So many files a job may read that its nodes are asked for."""

Sizes = Mapping[str, int]
"""What a node sees: path, as the manifest has it -> bytes; what it cannot read is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What a job reads, in order: the source, what it refers to, and other files."""

    source: tuple[str, ...] = ()
    refers: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    copied: frozenset[str] = frozenset()  #: of these what lies on cluster storage already

    @property
    def wanted(self) -> tuple[str, ...]:
        """What must be seen where it is, or be copied."""
        files = dict.fromkeys((*self.source, *self.refers, *self.others))
        return tuple(path for path in files if path not in self.copied)


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """What the nodes that would work have answered."""

    seen: Mapping[str, Sizes] = field(default_factory=dict)  #: node -> what it sees
    asked: frozenset[str] = frozenset()  #: whose answer is still to come
    silent: frozenset[str] = frozenset()  #: … and is not waited for any more

    def gone(self, media: Media) -> tuple[str, ...]:
        """Return what nobody sees of those that have answered, once that is no more to come."""
        if self.asked or not self.seen:
            return ()
        seen = {path for sizes in self.seen.values() for path in sizes}
        return tuple(path for path in media.wanted if path not in seen)


@dataclass(frozen=True, slots=True)
class InPlace:
    """It is read where it is, by the nodes that see it."""

    blind: Mapping[str, str] = field(default_factory=dict)  #: node that is given nothing -> why
    is_missing: bool = False  #: nobody sees the source: its probe will say so


@dataclass(frozen=True, slots=True)
class Copy:
    """These files are copied first, by a node that sees them all."""

    paths: tuple[str, ...]
    size: int  #: bytes
    blind: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Refused:
    """The job cannot be done under its policy; the sentence names every file and every node."""

    why: str


@dataclass(frozen=True, slots=True)
class Unsure:
    """It is not known yet; nothing of the job is given out."""

    why: str


Verdict = InPlace | Copy | Refused | Unsure


def decide(policy: Copying, media: Media, eyes: Eyes) -> Verdict:
    """Return what is done about a job that has not begun."""
    if not media.wanted:
        return InPlace()
    if eyes.asked:
        return Unsure(_asking(eyes.asked, media.wanted))
    if not eyes.seen:
        return Unsure(_asking(eyes.silent, media.wanted) if eyes.silent else "no node can be asked")
    seers = _seers(media.wanted, eyes.seen)
    if gone := eyes.gone(media):
        return Unsure(_asking(eyes.silent, gone)) if eyes.silent else _nowhere(gone, media)
    lacking = [path for path in media.wanted if len(seers[path]) < len(eyes.seen)]
    fixed = _fixed(policy, media)
    if short := [path for path in lacking if path in fixed]:
        return Refused(_refusal(policy, short, seers, eyes.seen))
    due = [p for p in media.wanted if p not in fixed] if policy is Copying.ALWAYS else lacking
    if not due:
        return InPlace(_unheard(eyes.silent, media.wanted))
    blind = _blind(due, seers, eyes)
    if eyes.seen.keys() <= blind.keys():
        if eyes.silent:
            return Unsure(_asking(eyes.silent, due))
        return Refused(
            "no node sees all that must be copied to cluster storage: "
            f"{_lists(due, seers, eyes.seen)}; let one node see them all"
        )
    size = sum(_size(path, eyes.seen) for path in due)
    return Copy(tuple(due), size, blind)


def elsewhere(gone: Sequence[str], eyes: Eyes) -> str:
    """Say who sees what no node sees that takes work now; empty: nobody does.

    `eyes`: of the nodes that are here and take none.
    """
    for path in gone:
        if seers := [node for node, sizes in eyes.seen.items() if path in sizes]:
            return f"only {_some(seers)} sees {path}, and it takes no work now"
    return _asking(eyes.asked, gone) if eyes.asked else ""


def begun(media: Media, eyes: Eyes, before: Set[str] = frozenset()) -> InPlace:
    """Return who may go on with a job that reads its media in place.

    `before`: nodes that saw all of it.  While one of them does not answer, it is waited for; what
    nobody sees any more is given to any, whose own words will say so.
    """
    seers = _seers(media.wanted, eyes.seen)
    is_waited = bool(eyes.asked or eyes.silent or before - eyes.seen.keys())
    known = _blind([path for path in media.wanted if seers[path] or is_waited], seers, eyes)
    return InPlace({**known, **_unheard(eyes.asked, media.wanted)})


def copying(job: Job, found: Copy) -> Task:
    """Return the task that copies."""
    args = {"paths": list(found.paths), "bytes": found.size}
    id = task_id(job.id, Kind.COPY)
    return Task(id=id, job=job, kind=Kind.COPY, args=args, weight=WEIGHT)


def paths_of(task: Task | None) -> tuple[str, ...]:
    """Return the files that a copy task copies."""
    paths = task.args.get("paths") if task else None
    return tuple(map(str, paths)) if isinstance(paths, list | tuple) else ()


def check(task: Task, outcome: Outcome) -> Accept | Reject:
    """Compare what was copied with what was asked."""
    if fault := outcome.exit_fault:
        return fault
    wanted, files = paths_of(task), outcome.result.get("files")
    if not isinstance(files, list | tuple) or len(files) != len(wanted):
        count = len(files) if isinstance(files, list | tuple) else 0
        return Reject(f"{count} files were copied instead of {len(wanted)}")
    return Accept()


def name_of(number: int, path: str) -> str:
    """Return what the copy of the file with that number is called: its own suffix says what it is."""
    last = path.rpartition("/")[2]
    stem, dot, suffix = last.rpartition(".")
    is_plain = stem and suffix.isascii() and suffix.isalnum() and len(suffix) <= 8
    return f"copy-{number:03d}" + (dot + suffix if is_plain else "")


def _fixed(policy: Copying, media: Media) -> frozenset[str]:
    """Return the files that the policy forbids to copy."""
    match policy:
        case Copying.NEVER:
            return frozenset(media.wanted)
        case Copying.NEVER_SOURCE:
            return frozenset((*media.source, *media.refers))
        case _:
            return frozenset()


def _seers(paths: Iterable[str], seen: Mapping[str, Sizes]) -> Mapping[str, frozenset[str]]:
    """Return who sees each file: the one that most see; of another size it is another file."""
    found = {}
    for path in paths:
        size = _size(path, seen)
        found[path] = frozenset(node for node, sizes in seen.items() if sizes.get(path) == size)
    return found


def _size(path: str, seen: Mapping[str, Sizes]) -> int:
    sizes = Counter(each[path] for each in seen.values() if path in each)
    return max(sizes, key=lambda size: (sizes[size], size)) if sizes else -1


def _nowhere(gone: Sequence[str], media: Media) -> Verdict:
    """Nobody sees a file: of a source its probe says so, as ever."""
    if any(path not in media.refers for path in gone):
        return InPlace(is_missing=True)
    source = media.source[0] if media.source else "the source"
    return Refused(
        f"{source}: it refers to other files, and no node sees {', '.join(gone)}; put them there, "
        "or save it self-contained"
    )


def _blind(
    paths: Sequence[str], seers: Mapping[str, frozenset[str]], eyes: Eyes
) -> Mapping[str, str]:
    """Return who does not see all of these, each with the first that it lacks."""
    blind = _unheard(eyes.silent, paths)
    for node, sizes in eyes.seen.items():
        for path in paths:
            if node not in seers[path]:
                blind[node] = (
                    f"it sees another file at {path}"
                    if path in sizes
                    else f"it does not see {path}"
                )
                break
    return blind


def _unheard(nodes: Iterable[str], paths: Sequence[str]) -> dict[str, str]:
    what = paths[0] if paths else "its media"
    return dict.fromkeys(nodes, f"it has not said whether it sees {what}")


def _asking(nodes: Collection[str], paths: Sequence[str]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"asks the nodes whether they see {paths[0]}{more}: {_some(nodes)}"


def _refusal(
    policy: Copying,
    paths: Sequence[str],
    seers: Mapping[str, frozenset[str]],
    seen: Mapping[str, Sizes],
) -> str:
    return (
        f"copy: {policy.value}, and not every node sees what it reads: "
        f"{_lists(paths, seers, seen)}; mount it there, or allow copying"
    )


def _lists(
    paths: Sequence[str], seers: Mapping[str, frozenset[str]], seen: Mapping[str, Sizes]
) -> str:
    """Return every file with the nodes that lack it."""
    said = []
    for path in paths:
        lacking = [node for node in seen if node not in seers[path]]
        other = [node for node in lacking if path in seen[node]]
        none = [node for node in lacking if path not in seen[node]]
        words = [f"not on {', '.join(sorted(none))}"] if none else []
        words += [f"another file on {', '.join(sorted(other))}"] if other else []
        said.append(f"{path} ({'; '.join(words)})" if words else path)
    return ", ".join(said)


def _some(nodes: Collection[str]) -> str:
    named = sorted(nodes)
    more = f" and {len(named) - NAMED_MAX} more" if len(named) > NAMED_MAX else ""
    return ", ".join(named[:NAMED_MAX]) + more
