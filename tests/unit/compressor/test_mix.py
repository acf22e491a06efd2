"""Loudness and fades: which gain, which filters, what is refused."""

import pytest

from orchestrator_compressor import mix
from orchestrator_compressor.audio import Fades, Loudness
from orchestrator_compressor.mix import Measured

QUIET = Measured(integrated=-30, range=5, peak=-12)
SUMMARY = """
[Parsed_ebur128_1 @ 0x55] [info] Summary:

  Integrated loudness:
    I:         {i} LUFS
    Threshold: -27.3 LUFS

  Loudness range:
    LRA:         {lra} LU
    Threshold: -37.3 LUFS
    LRA low:    -18.6 LUFS

  True peak:
    Peak:       {peak} dBFS
"""


def test_one_gain_for_all_is_taken_where_peak_and_range_allow_it():
    assert mix.gain(Loudness(integrated=-23), QUIET) == "volume=precision=double:volume=7.00dB"
    assert mix.gain(Loudness(integrated=-18), QUIET) is None  # its peak would be at 0
    assert mix.gain(Loudness(integrated=-23, range=4), QUIET) is None


def test_a_changing_gain_is_corrected_as_far_as_its_peak_allows():
    wanted = Loudness(integrated=-16, peak=-1)
    made = Measured(integrated=-17, range=5, peak=-3)
    assert mix.trimmed(wanted, made).endswith("=1.00dB")
    made = Measured(integrated=-20, range=5, peak=-3)
    assert mix.trimmed(wanted, made).endswith("=2.00dB")


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (Measured(integrated=-16.4, range=5, peak=-3), None),
        (Measured(integrated=-17, range=5, peak=-3), "is -17 LUFS instead of -16"),
        (Measured(integrated=-15, range=5, peak=-3), "is -15 LUFS instead of -16"),
        (Measured(integrated=-17, range=5, peak=-1), "cannot be reached with peaks of -1 dBTP"),
        (Measured(integrated=-16, range=5, peak=0), "its peak is 0 dBTP instead of -1"),
    ],
)
def test_what_was_made_is_judged(made, said):
    found = mix.astray(Loudness(integrated=-16), made, is_lossless=True)
    assert (found is None) if said is None else said in found


def test_what_ffmpeg_says_is_read_and_silence_is_known():
    found = mix.read_summary(SUMMARY.format(i="-17.2", lra="1.6", peak="-10.5"))
    assert found == Measured(integrated=-17.2, range=1.6, peak=-10.5)
    silent = mix.read_summary(SUMMARY.format(i="-70.0", lra="0.0", peak="-inf"))
    assert silent
    assert silent.is_silent
    assert mix.read_summary("nothing") is None
    assert mix.read_count("[Parsed_astats_1 @ 0x5] [info] Number of samples: 264600") == 264600


def test_a_fade_is_never_longer_than_its_sound():
    found = mix.faded(Fades(start_s=0, end_s=2), 48000, 48000)
    assert found == "asetpts=N/SR/TB,afade=t=out:ss=0:ns=48000"
    found = mix.faded(Fades(start_s=0.5, end_s=0.25), 48000, 48000)
    assert "t=in:ss=0:ns=24000,afade=t=out:ss=36000:ns=12000" in found


def test_marks_are_replaced_in_filters_and_nowhere_else():
    marks = {"LEVEL0": "", "FADES0": "afade=t=in", "LEVEL1": "volume=2"}
    words = ["-i", "file:/a,,LEVEL1,b.wav", "-af", "asetpts=PTS-STARTPTS,LEVEL0,FADES0", "-vn"]
    assert mix.filled(words, marks) == [*words[:3], "asetpts=PTS-STARTPTS,afade=t=in", "-vn"]
