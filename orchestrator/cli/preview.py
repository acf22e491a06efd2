"""What `plan` and `apply` show: a cluster's changes as data, and as people like to read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from orchestrator.cli.show import plain
from orchestrator.model.codec import dump
from orchestrator.model.talk import Change, ChangeKind, Preview

SIGNS = {
    ChangeKind.CREATE: "+",
    ChangeKind.CHANGE: "~",
    ChangeKind.REMOVE: "-",
    ChangeKind.UNCHANGED: "=",
    ChangeKind.DRIFT: "!",
    ChangeKind.NOTE: "i",
}
UNCHANGED_MAX = 20  #: lines of nodes that stay as they are; more are only counted
_LAST = (ChangeKind.DRIFT, ChangeKind.NOTE)
_WORDS = {
    ChangeKind.CREATE: "to create",
    ChangeKind.CHANGE: "to change",
    ChangeKind.REMOVE: "to remove",
    ChangeKind.DRIFT: "drifted",
    ChangeKind.UNCHANGED: "unchanged",
}


def preview_data(cluster: str, preview: Preview) -> dict[str, object]:
    """Return a preview as data; `cluster` is empty for free nodes."""
    return {
        "cluster": cluster,
        "revision": preview.revision,
        "nextRevision": preview.next_revision,
        "hasChanges": has_changes(preview),
        "changes": [
            {"kind": each.kind.value, "subject": each.subject, "details": dump(each.details)}
            for each in preview.changes
        ],
    }


def has_changes(preview: Preview) -> bool:
    """Whether `apply` has something to do."""
    return any(change.is_work for change in preview.changes)


def preview_screen(cluster: str, preview: Preview) -> str:
    """Return a headline with the two revisions, the changes, and how many of each kind."""
    subject = f"cluster {cluster}" if cluster else "free nodes"
    stands = preview.revision or "nothing stands"
    headline = f"{subject}: {stands} -> {preview.next_revision}"
    if preview.revision == preview.next_revision:
        headline = f"{subject}: {preview.revision}"
    changes, hidden, remarks = _parts(preview.changes)
    wide = max((cell_len(plain(each.subject)) for each in (*changes, *remarks)), default=0)
    more = [f"  {SIGNS[ChangeKind.UNCHANGED]} {hidden} more, not listed here"] if hidden else []
    lines = [line for change in changes for line in _lines(change, wide)]
    last = [line for change in remarks for line in _lines(change, wide)]
    return "\n".join((headline, *lines, *more, *last, _summary(preview)))


def _parts(changes: Sequence[Change]) -> tuple[list[Change], int, list[Change]]:
    """Return the changes to be listed, how many unchanged ones are not, and drift and notes."""
    same = [change for change in changes if change.kind is ChangeKind.UNCHANGED]
    out = {change.subject for change in same[UNCHANGED_MAX:]}
    remarks = [change for change in changes if change.kind in _LAST]
    listed = [
        change
        for change in changes
        if change.kind not in _LAST
        and not (change.kind is ChangeKind.UNCHANGED and change.subject in out)
    ]
    return listed, len(out), remarks


def _lines(change: Change, wide: int) -> Iterator[str]:
    """Yield a line for each detail; the first beside the subject, the others below it."""
    subject = plain(change.subject)
    pad = " " * (wide - cell_len(subject))
    first, *others = [plain(detail) for detail in change.details] or [""]
    yield f"  {SIGNS[change.kind]} {subject}{pad}   {first}".rstrip()
    for other in others:
        yield f"    {' ' * wide}   {other}"


def _summary(preview: Preview) -> str:
    counts = Counter(change.kind for change in preview.changes)
    told = [f"{counts[kind]} {word}" for kind, word in _WORDS.items() if counts[kind]]
    return ", ".join(told) + "." if has_changes(preview) else "nothing to change"
