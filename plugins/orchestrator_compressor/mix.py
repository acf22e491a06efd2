"""From a track of the source to the samples that are encoded: the filters, and what they need to know.

Two things only the node can tell, before it encodes: how many samples there are, for a fade that ends
with the last, and how loud they are (EBU R128, two passes).  Their filters stand in the words as marks,
which the node replaces (`filled`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator_compressor.audio import Fades, Loudness
from orchestrator_compressor.product import Sound

FILTERS = "-af"  #: the option whose value has marks in it
BEGIN = "asetpts=PTS-STARTPTS"
PRIMED = "apad=pad_len={}"  #: what an encoder holds back at the end and would never write
LEVEL = "LEVEL{}"
FADES = "FADES{}"
METER = "METER"
LISTEN = "ebur128=framelog=quiet:peak=true"
COUNT = "astats=measure_perchannel=none:measure_overall=Number_of_samples"
COUNTED = re.compile(r"Number of samples: (\d+)")
TOLD = re.compile(r'"(input_i|input_tp|input_lra|input_thresh|target_offset)" : "([^"]+)"')
KNOWN = {
    "measured_I": "input_i",
    "measured_TP": "input_tp",
    "measured_LRA": "input_lra",
    "measured_thresh": "input_thresh",
    "offset": "target_offset",
}
"""Option of the second pass -> what the first pass calls it."""
SUMMARY = re.compile(r"^\s*(I|LRA|Peak):\s+(-?[0-9.]+|-?inf|nan) (?:LUFS|LU|dBFS)", re.MULTILINE)
SILENCE = -69.5  #: LUFS: what is not louder has no loudness that could be changed
TOLERANCE_LU = 0.5  #: how far the loudness of what was made may be from what was asked
TOLERANCE_DB = 0.5  #: by how much the peak may be higher, where the codec changes no sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """How loud a sound is."""

    integrated: float  #: LUFS
    range: float  #: LU
    peak: float  #: dBTP

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to make louder."""
        return not self.integrated > SILENCE


def chain(sound: Sound, number: int) -> str:
    """Return the filters of a track; `number`: which one it is of those that are made together."""
    audio = sound.audio
    padding = audio.codec.held_back
    parts = [
        *_first(sound),
        *([LEVEL.format(number)] if audio.loudness else []),
        *([FADES.format(number)] if audio.fades else []),
        *([PRIMED.format(padding)] if padding else []),
    ]
    return ",".join(parts)


def measuring(sound: Sound) -> str:
    """Return the filters that the node measures through: what it measures with is a mark."""
    return ",".join((*_first(sound), METER))


def filled(words: Sequence[str], found: Mapping[str, str]) -> list[str]:
    """Return words with the marks in `found` replaced in their filters; what is empty is left out."""
    filters = {at for at, word in enumerate(words, 1) if word == FILTERS}
    return [_filled(word, found) if at in filters else word for at, word in enumerate(words)]


def _filled(chain: str, found: Mapping[str, str]) -> str:
    parts = (found.get(part, part) for part in chain.split(","))
    return ",".join(part for part in parts if part)


def faded(fades: Fades, samples: int, rate: int) -> str:
    """Return the filters that fade a sound of so many samples; its last sample is the last faded."""
    first, last = (min(samples, round(each * rate)) for each in (fades.start_s, fades.end_s))
    found = ["asetpts=N/SR/TB"]  # a fade goes by times, and these by the samples
    if first:
        found.append(f"afade=t=in:ss=0:ns={first}")
    if last:
        found.append(f"afade=t=out:ss={samples - last}:ns={last}")
    return ",".join(found)


def gain(wanted: Loudness, found: Measured) -> str | None:
    """Return the filter that makes all of a sound as loud as is wanted, by the same gain.

    None: its peak or its range would then be more than is wanted; the gain must change.
    """
    needed = wanted.integrated - found.integrated
    if found.peak + needed > wanted.peak or found.range > wanted.range:
        return None
    return _volume(needed)


def first_pass(wanted: Loudness) -> str:
    """Return the filter that measures what a changing gain goes by."""
    return f"{_norm(wanted)}:print_format=json"


def second_pass(wanted: Loudness, told: Mapping[str, str], rate: int) -> str:
    """Return the filters of a changing gain, by what the first pass told."""
    known = ":".join(f"{key}={float(told[name]):.2f}" for key, name in KNOWN.items())
    return f"{_norm(wanted)}:{known}:linear=false,aresample={rate}"  # it works at 192 kHz


def trimmed(wanted: Loudness, made: Measured) -> str:
    """Return the filter that corrects what a changing gain has made, as far as its peak allows."""
    return _volume(min(wanted.integrated - made.integrated, wanted.peak - made.peak))


def astray(wanted: Loudness, made: Measured, is_lossless: bool) -> str | None:
    """Return what is wrong with the loudness of what was made, as a sentence; None: nothing."""
    off = made.integrated - wanted.integrated
    if off < -TOLERANCE_LU and made.peak > wanted.peak - TOLERANCE_DB:
        return (
            f"its loudness is {made.integrated:g} LUFS, and {wanted.integrated:g} cannot be reached "
            f"with peaks of {wanted.peak:g} dBTP; allow higher ones, or ask for less"
        )
    if abs(off) > TOLERANCE_LU:
        return f"its loudness is {made.integrated:g} LUFS instead of {wanted.integrated:g}"
    if is_lossless and made.peak > wanted.peak + TOLERANCE_DB:
        return f"its peak is {made.peak:g} dBTP instead of {wanted.peak:g}"
    return None


def read_count(text: str) -> int | None:
    """Return how many samples ffmpeg counted; None: it did not say."""
    hits = COUNTED.findall(text)
    return int(hits[-1]) if hits else None


def read_first_pass(text: str) -> Mapping[str, str] | None:
    """Return what the first pass told; None: it did not."""
    told = dict(TOLD.findall(text))
    return told if len(told) == len(KNOWN) else None


def read_summary(text: str) -> Measured | None:
    """Return what ebur128 says at its end; None: it did not."""
    told: Mapping[str, str] = dict(SUMMARY.findall(text))
    if len(told) < len(Measured.__slots__):
        return None
    return Measured(integrated=float(told["I"]), range=float(told["LRA"]), peak=float(told["Peak"]))


def _first(sound: Sound) -> list[str]:
    """Return the filters that need to know nothing."""
    volume = sound.audio.volume_db
    return [
        *_lead(sound),
        BEGIN,
        # a sum of channels never clips, whatever kind of number the source has
        *([f"aresample=out_chlayout={sound.layout}:rematrix_maxval=1"] if sound.layout else []),
        *([_volume(volume)] if volume else []),
    ]


def _lead(sound: Sound) -> list[str]:
    """Return the filters that put sound beside the picture, where the container wants that."""
    if not sound.lead and not sound.is_fitted:
        return []
    words = [f"aresample={sound.rate}", BEGIN]  # samples of what will be written
    if sound.lead < 0:
        words += [f"atrim=start_sample={-sound.lead}"]
    elif sound.lead:
        words += [f"adelay=delays={sound.lead}S:all=1"]
    if sound.is_fitted:
        words += [f"apad=whole_len={sound.samples}", f"atrim=end_sample={sound.samples}"]
    return words


def _volume(decibels: float) -> str:
    return f"volume=precision=double:volume={decibels:.2f}dB"


def _norm(wanted: Loudness) -> str:
    return f"loudnorm=I={wanted.integrated:g}:TP={wanted.peak:g}:LRA={wanted.range:g}"
