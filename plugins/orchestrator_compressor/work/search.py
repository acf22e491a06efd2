"""search: find the CRF that gives the VMAF asked for, by encoding samples of the source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import cast

from orchestrator.api import Cause
from orchestrator_compressor import quality
from orchestrator_compressor.measure import VMAF
from orchestrator_compressor.quality import Tried
from orchestrator_compressor.work import beside, child, figures, fingerprint
from orchestrator_compressor.work.attempt import ask
from orchestrator_compressor.work.trouble import Trouble

LABEL = "gate"  #: of progress lines: they are no frames of the target
DIGITS = 3


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked."""

    source: str
    fingerprint: Mapping[str, object]
    quality: Mapping[str, object]  #: as `Quality.dump` wrote it
    samples: Sequence[Mapping[str, object]]  #: file, frames, words to encode and to measure it
    logs: Mapping[str, str]  #: metric -> file that its filter writes
    codec: str = ""  #: of the source
    decode_errors: str = "fail"
    beside: Mapping[str, object] = field(default_factory=dict)  #: files that its filters read
    refers: Sequence[Mapping[str, object]] = field(default_factory=tuple)


def run(_words: list[str]) -> dict[str, object]:
    """Search, and return the CRF, the VMAF of its samples, and all that was tried.

    Raises Trouble, final, where the best CRF that may be taken is not good enough.
    """
    wanted = ask(Search)
    fingerprint.check(wanted.source, wanted.fingerprint)
    beside.bring(wanted.beside)
    sought = quality.load(wanted.quality)
    tried: list[Tried] = []
    bits: dict[float, int] = {}
    while (crf := quality.next_crf(tried, sought)) is not None:
        figure, bits[crf] = _try(wanted, crf)
        tried.append(Tried(crf, figure))
    fingerprint.check(wanted.source, wanted.fingerprint)
    try:
        found = quality.chosen(tried, sought)
    except ValueError as error:
        raise Trouble(f"{wanted.source}: {error}", final=True) from error
    note = quality.note(found, sought)
    return {
        **asdict(found),
        "wanted": sought.vmaf,
        "tried": [{**asdict(each), "bits": bits[each.crf]} for each in tried],
        "frames": sum(cast("int", each["frames"]) for each in wanted.samples),
        **({"note": note} if note else {}),
    }


def _try(wanted: Search, crf: float) -> tuple[float, int]:
    """Return the VMAF of all samples at a CRF, and how many bits they take."""
    rows: list[float] = []
    size = 0
    for sample in wanted.samples:
        path = Path(str(sample["file"]))
        words = [str(word) for word in cast("Sequence[str]", sample["encode"])]
        words[words.index("-crf") + 1] = f"{crf:g}"
        _do(wanted, words, f"a sample at CRF {crf:g}")
        found = _measure(wanted, sample, crf)
        rows += found
        size += path.stat().st_size
        path.unlink()
    return round(figures.mean(VMAF, rows), DIGITS), 8 * size


def _measure(wanted: Search, sample: Mapping[str, object], crf: float) -> list[float]:
    log = Path(wanted.logs[VMAF])
    words = [str(word) for word in cast("Sequence[str]", sample["measure"])]
    _do(wanted, words, f"the VMAF of a sample at CRF {crf:g}")
    rows = figures.read(VMAF, log)
    log.unlink()
    if len(rows) != sample["frames"]:
        raise Trouble(
            f"{wanted.source}: a sample at CRF {crf:g} has {len(rows)} frames to compare instead"
            f" of {sample['frames']}; name a crf instead of a quality"
        )
    return rows


def _do(wanted: Search, words: list[str], what: str) -> None:
    ended = child.run(words, codec=wanted.codec, label=LABEL)
    if ended.code:
        fingerprint.check(wanted.source, wanted.fingerprint)
        raise child.trouble(ended, wanted.source, what)
    if ended.reader_lines and wanted.decode_errors == "fail":
        reason = child.bare(ended.first_reader_line)
        raise Trouble(f"{wanted.source}: {what} cannot be decoded: {reason}", Cause.SOURCE)
