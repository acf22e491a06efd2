"""Given rates: what a person may write, how a rate is shared out, and who needs whom for it."""

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from compressor_jobs import COMPRESSOR, ROOM, found, job, places, planned, seen, split, steady
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestrator.api import Accept, Kind, Outcome, Reject, Replan, Result, Rework
from orchestrator.model.work import Ending
from orchestrator_compressor import levels, rates, settings
from orchestrator_compressor.bucket import Bucket
from orchestrator_compressor.codecs import VIDEO
from orchestrator_compressor.facts import read
from orchestrator_compressor.product import settle
from orchestrator_compressor.rates import Weight
from orchestrator_compressor.table import Table

SCHEMA = dict(COMPRESSOR.setting_schema or {})
PROBE = "friday-0001/trailer/probe"
CODECS = {"h264": "mp4", "hevc": "mp4", "vp9": "webm"}


def spec(codec: str = "h264", audio: Any = None, **rate: Any) -> dict[str, Any]:
    video = {"codec": codec, "rate": rate}
    made = {"processor": "compressor", "container": CODECS[codec], "video": video}
    return {**made, "audio": audio} if audio else made


def asked(codec: str = "h264", **rate: Any) -> Any:
    one = {"setting": "mine", "destination": f"/out/a.{CODECS[codec]}"}
    return job(one, specs={"mine": spec(codec, **rate)}, split=split(frames=100))


# What may be written


@pytest.mark.parametrize(
    ("text", "value"), [("250k", 250_000), ("4M", 4_000_000), ("4.5M", 4_500_000), (None, None)]
)
def test_a_rate_is_a_number_of_thousands_or_millions(text, value):
    assert rates.number(text) == value


@pytest.mark.parametrize("wrong", ["4", "0k", "-4M", "4m", "4 M", "1e3k", "4.M", "", 4000])
def test_a_rate_without_a_unit_is_refused(wrong):
    assert not Draft202012Validator(SCHEMA).is_valid(spec(average=wrong))


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        ({"average": "4M", "crf": 20}, "crf and average exclude each other"),
        ({"crf": 20, "qp": 20}, "exclude each other"),
        ({"average": "4M", "size": "70M"}, "exclude each other"),
        ({"maximum": "4M", "buffer": "4M"}, "names none of"),
        ({"average": "4M", "maximum": "6M"}, "without a buffer"),
        ({"crf": 20, "buffer": "6M"}, "without a maximum"),
        ({"qp": 20, "maximum": "6M", "buffer": "6M"}, "fixed quantizer"),
        ({"average": "4M", "maximum": "3M", "buffer": "6M"}, "above maximum"),
        ({"crf": 20, "passes": 2}, "not for crf"),
        ({"codec": "vp9", "crf": 20, "maximum": "6M", "buffer": "6M"}, "vp9 keeps to none"),
        ({"size": "70M", "audio": "copy"}, "copied sound"),
    ],
)
def test_a_rate_that_means_nothing_is_refused(rate, said):
    wrong = spec(**rate)
    assert Draft202012Validator(SCHEMA).is_valid(wrong)
    assert any(said in text for text in settings.faults(wrong)), settings.faults(wrong)


def test_a_codec_without_a_choice_of_rate_has_none():
    video = {"codec": "prores", "rate": {"average": "4M"}}
    wrong = {"processor": "compressor", "container": "mov", "video": video}
    assert settings.faults(wrong) == ("video.rate: prores has no such choice; remove it",)


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_a_target_rate_needs_nothing_else(codec):
    assert settings.faults(spec(codec, average="4M")) == ()


# Sharing out

WEIGHTS = st.lists(
    st.builds(
        Weight,
        st.integers(1, 10**9),
        st.fractions(Fraction(1, 25), 300, max_denominator=90_000),
    ),
    min_size=1,
    max_size=8,
)


@given(parts=WEIGHTS, average=st.integers(10**4, 10**8), above=st.none() | st.integers(0, 10**8))
def test_all_that_is_given_is_shared_out_and_no_part_is_above_the_maximum(parts, average, above):
    maximum = None if above is None else average + above
    scale = rates.share(parts, average, maximum)
    rate = [scale * part.density for part in parts]
    if maximum is not None:
        rate = [min(each, maximum) for each in rate]
    given_out = sum(each * part.seconds for each, part in zip(rate, parts, strict=True))
    assert given_out == average * sum(part.seconds for part in parts)


def test_what_a_busy_part_may_not_have_is_given_to_the_others():
    parts = [Weight(10, Fraction(1)), Weight(10, Fraction(1)), Weight(80, Fraction(1))]
    assert rates.share(parts, 300_000) == 9000
    scale = rates.share(parts, 300_000, 500_000)
    assert [rates.shared(part, scale, 500_000) for part in parts] == [200_000, 200_000, 500_000]


def test_a_still_part_never_gets_a_rate_of_nothing():  # which encoders take for another control
    assert rates.shared(Weight(1, Fraction(60)), Fraction(1)) == 1000


# A size


def size(text: str, **more: Any) -> int | None:
    rate = rates.read({"size": text, **more})
    return rates.average(rate, Fraction(100), 2500, 100 * 192_000)


def test_a_size_is_what_remains_beside_sound_and_tables():
    bits = size("50M")
    assert bits is not None
    assert 0.995 < (bits * 100 + 19_200_000) / 400_000_000 < 1
    assert size("50M", maximum="2M", buffer="2M") == 2_000_000


def test_a_size_too_small_for_the_sound_is_refused_when_the_length_is_known():
    with pytest.raises(ValueError, match="leave 0 bits a second"):
        size("2M")
    one = {"setting": "mine", "destination": "/out/a.mp4"}
    small = job(one, specs={"mine": spec(size="5k")})
    with pytest.raises(ValueError, match=r"setting mine: video.rate.size: 5000 bytes leave"):
        planned(small)


# The buffer of a player


def test_a_buffer_runs_empty_where_a_frame_comes_too_early():
    bucket = Bucket(1000, 1000)
    late = []
    for n, bits in enumerate([800, 40, 40, 400, 10]):
        bucket.wait(Fraction(n, 25))
        late.append(bucket.take(bits))
    assert late == [0, 0, 0, 260, 0]  # 900 - 800, and 40 more each time


def test_a_buffer_never_holds_more_than_it_can():
    bucket = Bucket(1000, 1000)
    bucket.wait(Fraction(0))
    bucket.wait(Fraction(60))
    assert bucket.share == 1
    assert bucket.take(1001) == 1


# Levels


@pytest.mark.parametrize(
    ("codec", "peak", "level"),
    [
        ("h264", 4_000_000, "4"),
        ("h264", 21_000_000, "4.1"),
        ("h264", 10**10, "6.2"),
        ("hevc", 4_000_000, "4"),
        ("hevc", 13_000_000, "4.1"),
        ("vp9", 10**6, None),
    ],
)
def test_the_level_is_the_lowest_that_the_busiest_part_fits_in(codec, peak, level):
    setting = settings.read("mine", spec(codec, average="4M"))
    picture = settle(setting, read(seen(steady(250)))).picture
    assert picture is not None
    assert levels.level(picture, peak) == level


# The plan


def test_each_encode_needs_its_own_analysis_and_what_is_shared_out():
    (target,) = planned(asked(average="4M"))
    tasks = {task.id.partition("/mine/")[2]: task for task in target.tasks}
    assert set(tasks) == {
        *(f"00000{n}/{kind}" for n in range(3) for kind in ("analyse", "encode")),
        *("analyse", "assemble", "verify", "publish"),
    }
    parts = [tasks[f"00000{n}/analyse"] for n in range(3)]
    assert tasks["analyse"].needs == (PROBE, *(part.id for part in parts))
    for n, part in enumerate(parts):
        assert tasks[f"00000{n}/encode"].needs == (PROBE, part.id, tasks["analyse"].id)
    assert not any("analyse" in need for need in tasks["assemble"].needs)


@pytest.mark.parametrize(
    ("codec", "rate", "why"),
    [
        ("vp9", {"average": "4M"}, "the first pass of vp9"),
        ("h264", {"average": "4M", "passes": 1}, "passes: 1"),
        ("h264", {"average": "4M", "maximum": "4M", "buffer": "4M"}, "a constant rate"),
    ],
)
def test_what_cannot_be_shared_out_is_one_segment_with_a_note(codec, rate, why):
    (target,) = planned(asked(codec, **rate))
    assert len(target.segments) == 1
    assert target.notes[0].startswith("mine: encoded as one segment: ")
    assert why in target.notes[0]
    passes = [task.kind for task in target.tasks].count(Kind.ANALYSE)
    assert passes == (0 if rate.get("passes") == 1 else 2)


def test_a_codec_without_statistics_has_one_pass():
    rate = rates.read({"average": "4M"})
    other = replace(VIDEO["vp9"], statistics="")
    assert not rates.has_two_passes(rate, other)
    assert "one pass only" in (rates.why_whole(rate, "other", other) or "")


def test_quality_with_a_maximum_is_cut_and_has_no_analysis():
    (target,) = planned(asked(crf=20, maximum="6M", buffer="6M"))
    assert len(target.segments) == 3
    assert Kind.ANALYSE not in {task.kind for task in target.tasks}


def test_lengths_follow_the_times_of_the_source():
    times = Table(tb=Fraction(1, 100), pts=(0, 4, 50, 54), keys=(0,), last_duration=4)
    one = {"setting": "mine", "destination": "/out/a.mp4"}
    two = job(one, specs={"mine": spec(average="4M")}, split=split(frames=2))
    (target,) = planned(two, times)
    share = next(task for task in target.tasks if "lengths" in task.args)
    assert share.args["lengths"] == ["1/2", "2/25"]


# Commands


def words(codec: str, changes: Any = None, **rate: Any) -> dict[str, list[str]]:
    """Return the words of ffmpeg in every command, with analyses of 100, 100 and 800 kbit."""
    times = steady(250)
    (target,) = planned(asked(codec, **rate), times)
    share = {"scale": "5", "peak": 3_000_000}
    done = {PROBE: Result(attempt="a", values=seen(times))}
    for task in target.tasks:
        bits = 800_000 if task.segment and task.segment.index == 2 else 100_000
        stats = [{"file": "stats-0.log", "sha256": "5a"}]
        values = {"bits": bits, "stats": stats} if task.segment else share
        done[task.id] = Result(attempt="a", values=values)
    made = {}
    for each in target.tasks:
        task = replace(each, args={**each.args, **(changes or {})})
        command = COMPRESSOR.command(task, places(target.tasks), done)
        made[task.id.partition("/mine/")[2]] = command.words()
    return made


def after(words: list[str], word: str) -> str:
    return words[words.index(word) + 1]


def test_a_part_gets_its_share():
    made = words("h264", average="1M")
    assert after(made["000000/encode"], "-b:v") == "125000"  # 5 * 100 kbit in 4 s
    assert after(made["000002/encode"], "-b:v") == "2000000"
    assert after(made["000000/encode"], "-pass") == "2"
    first = made["000000/analyse"]
    assert (after(first, "-crf"), after(first, "-pass")) == ("20", "1")
    assert "-b:v" not in first


def test_parts_of_different_rates_have_one_header():
    for codec, params in (("h264", "-x264-params"), ("hevc", "-x265-params")):
        made = words(codec, average="1M")
        told = {after(made[f"00000{n}/encode"], params) for n in range(3)}
        assert len(told) == 1
        assert "level" in told.pop()


def test_hevc_is_told_of_its_passes_in_its_own_words():
    made = words("hevc", average="1M")
    assert "pass=1:crf=26:stats=stats.log" in after(made["000000/analyse"], "-x265-params")
    assert "pass=2:stats=stats.log" in after(made["000000/encode"], "-x265-params")
    assert "-crf" not in made["000000/analyse"]


def test_a_part_that_broke_the_buffer_gets_less_of_it():
    rate = {"average": "1M", "maximum": "1.2M", "buffer": "2M"}
    made = words("h264", {"tightened": 2, "fill": "0.400"}, **rate)["000002/encode"]
    assert after(made, "-maxrate") == after(made, "-b:v") == "972000"
    assert after(made, "-bufsize") == "2000000"
    assert "vbv-init=0.400" in after(made, "-x264-params")
    assert "-maxrate" not in words("h264", **rate)["000002/analyse"]


def test_one_pass_is_told_its_rate():
    made = words("h264", average="1M", passes=1)["000000/encode"]
    assert after(made, "-b:v") == "1000000"
    assert "-pass" not in made


# The last look


def verdict(kind: Kind, step: str = "", **result: Any) -> Any:
    (target,) = planned(asked(average="4M", maximum="8M", buffer="8M"))
    tasks = [each for each in target.tasks if each.kind is kind]
    (task, *_) = [each for each in tasks if each.args.get("step", "") == step]
    outcome = Outcome(attempt="a", ending=Ending.EXITED, exit_code=0, result=result)
    return COMPRESSOR.check(task, outcome)


def test_what_an_analysis_found_is_looked_at():
    good = {"bits": 1, "frames": 100, "stats": [{"file": "s"}]}
    assert verdict(Kind.ANALYSE, "part", **good) == Accept()
    assert "99 frames instead of 100" in verdict(Kind.ANALYSE, "part", **{**good, "frames": 99}).why
    assert "no number of bits" in verdict(Kind.ANALYSE, "part", **{**good, "bits": "many"}).why
    assert verdict(Kind.ANALYSE, "share", scale="5/3", peak=1) == Accept()
    for wrong in ("0", "-1", "1/0", "many", None):
        assert "no share of a rate" in verdict(Kind.ANALYSE, "share", scale=wrong, peak=1).why


def test_an_analysis_of_another_number_of_frames_has_the_job_planned_anew():
    told = {"expected": 100, "found": 99, "segment": [0, 100]}
    assert isinstance(verdict(Kind.ANALYSE, "part", mismatch=told), Replan)


def test_only_segments_that_break_the_buffer_are_encoded_again_and_twice_at_most():
    broken = {"segment": 1, "frame": 104, "bits": 90, "fill": "0.4", "tightened": 0}
    again = verdict(Kind.ASSEMBLE, underflow=[broken])
    assert isinstance(again, Rework)
    id = "friday-0001/trailer/mine/000001/encode"
    assert again.changes == {id: {"tightened": 1, "fill": "0.4"}}
    no = verdict(Kind.ASSEMBLE, underflow=[broken, {**broken, "frame": 204, "tightened": 2}])
    assert isinstance(no, Reject)
    assert no.final
    assert "frame 204 comes 90 bits too late" in no.why


def test_room_for_a_given_rate_is_known():
    for rate, bytes in (({"average": "4M"}, 5_000_000), ({"size": "3M"}, 3_000_000)):
        wanted = asked(**rate)
        facts = found(seen(steady(250)), steady(250))
        (target,) = COMPRESSOR.plan(wanted, facts, ROOM)
        assert COMPRESSOR.size(wanted, facts, {target.name: target.frames}) == 2 * bytes


def test_lengths_are_those_of_the_output():
    """At another rate of play the same frames are shown for another time."""
    mine = spec(size="3M")
    mine["video"]["frameRate"] = {"play": 50}
    one = {"setting": "mine", "destination": "/out/a.mp4"}
    (target,) = planned(job(one, specs={"mine": mine}, split=split(frames=100)))
    share = next(task for task in target.tasks if "lengths" in task.args)
    assert share.args["lengths"] == ["2", "2", "1"]
    assert 0.98 < share.args["average"] * 5 / 24_000_000 < 1
