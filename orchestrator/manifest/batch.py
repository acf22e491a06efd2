"""Job files: a Batch, the Settings it names, and if need be the Node it runs on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from orchestrator.errors import Refusal
from orchestrator.manifest import files, jobs, node
from orchestrator.manifest.actions import submitting
from orchestrator.manifest.finding import Document, Finding, Place, refuse
from orchestrator.manifest.laid import laid
from orchestrator.manifest.schema import Processor
from orchestrator.model.cluster import Node
from orchestrator.model.codec import canonical
from orchestrator.model.default import NO_EXTRAS, Extras
from orchestrator.model.work import Batch, Review


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFile:
    """What a job file says."""

    batch: Batch  #: not yet numbered: its id is its name
    node: Node | None = None  #: what it says of this computer
    reviews: Mapping[str, Review] = field(default_factory=dict)  #: of the processors, by job name


def read_batch(
    path: Path,
    processors: Mapping[str, Processor],
    folders: Iterable[Path] = (),
    node_file: Path | None = None,
    extras: Extras = NO_EXTRAS,
) -> BatchFile:
    """Return the one Batch of a job file, its paths absolute and its settings filled in.

    A setting is looked for in the file, then in ``settings.d`` beside it, then among the built-in
    ones.  Raises ManifestError naming every fault as ``file:line:column: path: what; what to do``.

    :param processors: by name
    :param folders: of the built-in Settings
    :param node_file: a file with the Node document, if the job file has none
    :param extras: what else plugins say of jobs
    """
    return _read_batch(path, _Offers(processors, tuple(folders), extras), node_file, ())


@dataclass(frozen=True, slots=True)
class _Offers:
    """What plugins bring."""

    processors: Mapping[str, Processor]
    folders: tuple[Path, ...]
    extras: Extras


def _read_batch(
    path: Path, offers: _Offers, node_file: Path | None, above: tuple[Path, ...]
) -> BatchFile:
    """Return the Batch of a job file; `above`: those that submit it when they are done."""
    found, faults = files.read(path)
    apart, node_faults = files.read(node_file) if node_file else ((), [])
    whole = [*found, *apart]
    batch_file, more = parse(path, whole, offers.processors, offers.folders, offers.extras)
    refuse([*faults, *node_faults, *(more if found or not faults else ())])
    if batch_file is None:  # cannot be: without a fault there is a batch
        raise AssertionError(path)

    def later(file: Path) -> Batch:
        ring = [*above, path, file]
        if file.resolve() in {each.resolve() for each in ring[:-1]}:
            names = " -> ".join(map(str, ring))
            raise Refusal(
                f"{path}: it would be submitted again and again: {names}; remove a submit"
            )
        return _read_batch(file, offers, None, (*above, path)).batch

    return replace(batch_file, batch=submitting(batch_file.batch, later))


def parse(
    path: Path,
    found: Sequence[Document],
    processors: Mapping[str, Processor],
    folders: Iterable[Path],
    extras: Extras = NO_EXTRAS,
) -> tuple[BatchFile | None, list[Finding]]:
    """Return what the documents of a job file say, or None and every fault of them.

    :param extras: what else plugins say of jobs
    """
    kinds: dict[object, list[Document]] = {}
    for document in found:
        kinds.setdefault(document.get("kind"), []).append(document)
    faults = _misplaced(path, kinds)
    settings, more = files.gather(path, kinds.get("Setting", ()), processors, folders)
    settings = replace(settings, means=extras.means)
    nodes = [node.parse(each, Path(each.file).parent) for each in kinds.get("Node", ())]
    batches = [
        jobs.parse(laid(document, extras.defaults), settings) for document in kinds.get("Batch", ())
    ]
    faults += [fault for _, told in nodes for fault in told]
    faults += [fault for each in batches for fault in each.faults]
    faults += more
    batch = next((each.batch for each in batches if each.batch), None)
    if faults or batch is None:
        return None, faults
    who = next((each for each, _ in nodes if each), None)
    return BatchFile(batch=batch, node=who, reviews=batches[0].reviews), []


def _misplaced(path: Path, kinds: Mapping[object, list[Document]]) -> list[Finding]:
    """Return the documents that a job file has too many or too few of."""
    faults = []
    if "Batch" not in kinds:
        what = "no document of kind Batch; a job file holds exactly one"
        faults.append(Finding(str(path), Place(), f"document: {what}"))
    for kind in ("Batch", "Node"):
        for other in kinds.get(kind, ())[1:]:
            first = kinds[kind][0]
            where = "" if first.file == other.file else f"{first.file}, "
            line = f"{where}line {first.places[()].line}"
            what = f"a second {kind}, the first is in {line}; put it into a file of its own"
            faults.append(other.fault(("kind",), what))
    for other in kinds.get("Cluster", ()):
        what = "a Cluster is applied, not run; put it into a file of its own"
        faults.append(other.fault(("kind",), what))
    return faults


def numbered(batch: Batch, id: str) -> Batch:
    """Return the batch under the id ``name-NNNN``, and its jobs as ``name-NNNN/job``."""
    whole = tuple(replace(job, id=f"{id}/{job.name}") for job in batch.jobs)
    return replace(batch, id=id, jobs=whole)


def digest(batch: Batch) -> str:
    """Return the sha256 of the canonical batch; its number makes no difference."""
    return hashlib.sha256(canonical(numbered(batch, batch.name)).encode()).hexdigest()
