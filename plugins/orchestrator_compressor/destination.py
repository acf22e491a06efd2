"""Destinations: templates with tokens, filled as far as is known (F-SUB-15)."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from fractions import Fraction
from pathlib import PurePosixPath

from orchestrator_compressor.codecs import ENDINGS
from orchestrator_compressor.sequences import CONTAINER
from orchestrator_compressor.sequences import pattern as pattern_of
from orchestrator_compressor.settings import Setting

TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
OF_SOURCE = frozenset({"source.stem", "source.name", "source.ext", "source.parent"})
EARLY = OF_SOURCE | {"setting", "batch", "job", "codec", "counter"}
"""What the manifest alone tells."""
OF_PICTURES = frozenset({"width", "height", "fps", "segments"})
"""What the probe and the plan tell, of outputs with pictures."""
KNOWN = EARLY | OF_PICTURES | {"date", "storage"}
ROOTED = frozenset({"source.parent", "storage"})
"""Those that stand for an absolute path and can only begin one."""
NO_NAMES = frozenset({"", ".", ".."})
RATE_DIGITS = 3


def tokens(template: str) -> tuple[str, ...]:
    """Return the tokens that a template names, in order, known or not."""
    return tuple(hit[1] for hit in TOKEN.finditer(template) if hit[1] is not None)


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return `template` with every token that `values` has filled in; others stay.

    ``{{`` and ``}}`` stand for a brace of the name itself.
    """

    def value(hit: re.Match[str]) -> str:
        if hit[1] is None:
            return hit[0][0]
        return values.get(hit[1], hit[0])

    return TOKEN.sub(value, template)


def astray(template: str, values: Mapping[str, str]) -> str | None:
    """Say which name of a template its tokens leave empty, or make ``.`` or ``..``; None: none.

    The file would stand in another folder than the one that is written.
    """
    for part in template.split("/"):
        found = fill(part, values)
        if found in NO_NAMES and tokens(part):
            return f"{part} becomes {found or 'nothing'} here; add to it, or leave it out"
    return None


def early(job: str, source: str, setting: Setting, counter: int) -> dict[str, str]:
    """Return the tokens that the manifest alone tells.

    :param job: the job's id, ``batch/job``
    :param counter: which output of the job it is, from 1
    """
    path = PurePosixPath(source)
    batch, _, name = job.partition("/")
    made = setting.video or setting.audio
    return {
        "source.stem": path.stem,
        "source.name": path.name,
        "source.ext": path.suffix.removeprefix("."),
        "source.parent": str(path.parent),
        "setting": setting.name,
        "batch": batch,
        "job": name,
        "codec": made.name if made else "copy",
        "counter": str(counter),
    }


def rate_text(rate: Fraction | None) -> str:
    """Return frames a second as people write them: 25, 23.976."""
    if rate is None:
        return "vfr"
    return f"{float(rate):.{RATE_DIGITS}f}".rstrip("0").rstrip(".")


def faults(template: str, setting: Setting) -> Iterator[str]:
    """Yield what is wrong with a template before anything is known of the source."""
    for hit in TOKEN.finditer(template):
        if hit[1] is None and hit[0] in "{}":
            yield f"a single {hit[0]} means nothing; write {hit[0] * 2} for one in a name"
    for token in tokens(template):
        if token not in KNOWN:
            yield f"unknown token {{{token}}}; {_meant(token)}"
        elif token in OF_PICTURES and setting.video is None:
            yield f"{{{token}}}: setting {setting.name} has no pictures; remove the token"
        elif token in ROOTED and not template.startswith(f"{{{token}}}"):
            yield f"{{{token}}} is a whole folder; put it first"
    yield from _ending_faults(template, setting)


def place(path: str, setting: Setting) -> str:
    """Return what is made or replaced as a whole: the file, or the folder of a sequence."""
    return posixpath.dirname(path) if setting.container == CONTAINER else path


def _image_faults(template: str, setting: Setting) -> Iterator[str]:
    """Yield what is wrong with the place of a sequence: it needs a number, and a folder."""
    fitting = setting.video.codec.suffix if setting.video else ""
    pattern = pattern_of(template)
    if pattern is None:
        yield f"setting {setting.name} writes images; name them by number, as name.%06d{fitting}"
    elif not pattern.folder:
        yield f"images need a folder of their own; write {{source.stem}}/{template}"
    elif setting.video and pattern.kind != setting.video.name:
        yield (
            f"ends in {pattern.ending}, but setting {setting.name} writes {setting.video.name}; "
            f"let it end in {fitting}"
        )


def _ending_faults(template: str, setting: Setting) -> Iterator[str]:
    if setting.container == CONTAINER:
        yield from _image_faults(template, setting)
        return
    ending = posixpath.splitext(template)[1].lower()
    fitting = ENDINGS[setting.container]
    alien = next((name for name, those in ENDINGS.items() if ending in those), None)
    if ending and alien and ending not in fitting:
        end = sorted(fitting)[0]
        how = f"let it end in {end}" if end else "name a folder"
        yield (
            f"ends in {ending}, but setting {setting.name} writes {setting.container}; "
            f"{how}, or choose a setting for {alien}"
        )


def _meant(token: str) -> str:
    if close := get_close_matches(token, KNOWN, n=1):
        return f"did you mean {{{close[0]}}}?"
    return "known: " + " ".join(f"{{{name}}}" for name in sorted(KNOWN))
