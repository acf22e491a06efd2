"""A quality: the search ends, takes what was asked or says why not, and looks at fair samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from compressor_jobs import COMPRESSOR, PICTURE, job, planned, steady
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestrator.api import Kind
from orchestrator_compressor import quality, settings
from orchestrator_compressor.quality import Quality, Tried

TRIES_MAX = 24
VIDEO = {"codec": "h264", "pixelFormat": "yuv420p", "quality": {"vmaf": 95}}
SPEC = {"processor": "compressor", "container": "mp4", "video": VIDEO}


def wanted(vmaf: float = 95, tolerance: float = 0.5, codec: str = "h264") -> Quality:
    least, most, step = quality.SCALES[codec]
    return Quality(vmaf=vmaf, tolerance=tolerance, least=least, most=most, step=step)


def search(sought: Quality, curve: Callable[[float], float]) -> list[Tried]:
    tried: list[Tried] = []
    while (crf := quality.next_crf(tried, sought)) is not None:
        assert sought.least <= crf <= sought.most
        assert crf % sought.step == 0
        assert crf not in [each.crf for each in tried]
        tried.append(Tried(crf, curve(crf)))
        assert len(tried) <= TRIES_MAX
    return tried


SOUGHT = st.builds(
    wanted, st.floats(20, 99), st.floats(0.1, 5), st.sampled_from(sorted(quality.SCALES))
)


@given(SOUGHT, st.floats(50, 101), st.lists(st.floats(0, 4), min_size=130, max_size=130))
def test_on_every_falling_curve_the_search_takes_what_was_asked_or_shows_that_nothing_is(
    sought, top, falls
):
    def curve(crf: float) -> float:
        return top - sum(falls[: round((crf - sought.least) / sought.step) + 1])

    tried = search(sought, curve)
    if curve(sought.least) < sought.vmaf - sought.tolerance:
        with pytest.raises(ValueError, match=rf"CRF {sought.least:g}, the best"):
            quality.chosen(tried, sought)
        return
    found = quality.chosen(tried, sought)
    if abs(found.vmaf - sought.vmaf) > sought.tolerance:
        assert found.vmaf > sought.vmaf
        after = found.crf + sought.step
        assert after > sought.most or curve(after) < sought.vmaf - sought.tolerance
        assert quality.note(found, sought)


@given(SOUGHT, st.lists(st.floats(0, 100), min_size=130, max_size=130))
def test_figures_that_are_noise_also_come_to_an_end(sought, noise):
    tried = search(sought, lambda crf: noise[round((crf - sought.least) / sought.step)])
    assert tried


def test_on_a_usual_curve_few_tries_are_enough():
    tried = search(wanted(95), lambda crf: 100 - (crf - 10) ** 2 / 60)
    assert len(tried) <= 4
    assert abs(quality.chosen(tried, wanted(95)).vmaf - 95) <= 0.5


def test_a_quality_that_cannot_be_had_is_refused_with_figures():
    tried = search(wanted(99), lambda crf: 97.25 - crf / 10)
    with pytest.raises(ValueError, match=r"VMAF 99 cannot .* CRF 10, .* 96\.25; allow a lower"):
        quality.chosen(tried, wanted(99))


def test_what_is_better_than_asked_at_the_worst_crf_is_taken_with_a_note():
    tried = search(wanted(60), lambda crf: 99 - crf / 10)
    found = quality.chosen(tried, wanted(60))
    assert found.crf == 40
    assert "instead of 60: CRF 40 is the worst" in quality.note(found, wanted(60))


@given(
    st.integers(1, 200_000),
    st.fractions(0, 20_000, max_denominator=1001),
    st.one_of(st.none(), st.integers(1, 50)),
    st.sampled_from([0.5, 2, 10.0, 60]),
)
def test_samples_are_apart_and_in_the_output(frames, duration, count, seconds):
    sought = replace(wanted(), samples=count, sample_s=seconds)
    found = quality.samples(frames, duration, sought)
    assert found[0].start >= 0
    assert found[-1].end <= frames
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert len({each.frames for each in found}) == 1
    if found[0].frames < frames:
        assert count is None or len(found) == count
        assert abs(found[0].frames / frames - seconds / duration) * frames <= 1


def test_a_long_film_has_more_samples_and_no_more_than_twelve():
    minute, film = (quality.samples(25 * each, Fraction(each), wanted()) for each in (60, 7200))
    assert [len(minute), len(film)] == [3, 12]
    assert {each.frames for each in (*minute, *film)} == {250}
    assert [each.start for each in minute] == [125, 625, 1125]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate": {"crf": 20}}, "searched for it; remove video.rate"),
        ({"quality": {"vmaf": 95, "minCrf": 30, "maxCrf": 20}}, "from CRF 30 to 20 is nothing"),
        ({"quality": {"vmaf": 95, "maxCrf": 60}}, "h264 has 0 to 51, not 60"),
        ({"quality": {"vmaf": 95, "minCrf": 10.1}}, "steps of 0.25 are tried; round 10.1"),
    ],
)
def test_a_quality_that_makes_no_sense_is_refused(changes, said):
    spec = {**SPEC, "video": {**VIDEO, **changes}}
    assert not list(Draft202012Validator(dict(COMPRESSOR.setting_schema or {})).iter_errors(spec))
    assert any(said in text for text in settings.faults(spec)), settings.faults(spec)


def test_a_codec_without_a_scale_has_no_quality():
    video = {"codec": "prores", "quality": {"vmaf": 95}}
    spec = {"processor": "compressor", "container": "mov", "video": video}
    assert settings.faults(spec) == ("video.quality: prores has no such choice; remove it",)
    assert settings.faults(SPEC) == ()


def asked(**more: Any) -> Any:
    output = {"setting": "q", "destination": "/out/a.mp4", **more}
    return job(output, specs={"q": SPEC})


def test_every_segment_waits_for_the_one_search():
    (target,) = planned(asked(), steady(750))
    search, *others = target.tasks
    assert (search.id, search.segment) == ("friday-0001/trailer/q/analyse", None)
    encodes = [task for task in others if task.kind is Kind.ENCODE]
    assert len(encodes) > 1
    assert all(search.id in task.needs for task in encodes)
    assert any(search.id in task.needs for task in others if task.kind is Kind.VERIFY)


def test_a_node_that_cannot_measure_is_no_node_for_a_quality():
    needs = COMPRESSOR.review(asked(measure=["xpsnr"])).needs["ffmpeg"]
    assert ("filter:libvmaf", "setting q") in needs
    assert ("filter:xpsnr", "setting q") in needs


def test_both_files_of_a_report_are_claimed_and_looked_for():
    claims = COMPRESSOR.review(asked(report="/out/{source.stem}.report")).claims
    assert [path for _, path in claims] == [
        "/out/a.mp4",
        "/out/trailer.report.json",
        "/out/trailer.report.html",
    ]
    probe = COMPRESSOR.probe(asked(report="/out/{source.stem}.report")) or {}
    assert "/out/trailer.report.html" in str(probe["destinations"])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"report": "/out/{nothing}"}, "unknown token {nothing}"),
        ({"report": "/out/{source.ext}/.."}, None),
        ({"report": "/out/{"}, "a single {"),
    ],
)
def test_a_report_without_a_place_is_refused(more, said):
    faults = COMPRESSOR.review(asked(**more)).faults
    assert any(said in each.text for each in faults) if said else not faults


def test_sound_alone_is_not_measured():
    wav = job({"setting": "wav", "destination": "/out/a.wav", "measure": ["vmaf"]})
    assert "wav has no pictures" in COMPRESSOR.review(wav).faults[0].text


def test_a_report_in_the_place_of_another_output_fails_the_plan():
    one = {"setting": "q", "destination": "/out/a.mp4", "report": "/out/{width}"}
    two = {"setting": "q", "destination": "/out/b.mp4", "report": f"/out/{PICTURE['width']}"}
    with pytest.raises(ValueError, match=r"/out/1920\.json: written by both q and q"):
        planned(job(one, two, specs={"q": SPEC}))
