"""Pitfalls of encoding in parts that no other test shows: see `tests/pitfalls.py`."""

import re
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import media
import oracle
import pytest
from compressor_jobs import COMPRESSOR
from pipeline import Pipeline, frame_hashes
from segmented import Probed
from shop import Shop

from orchestrator.api import Kind
from orchestrator.manifest.write import yaml_text
from orchestrator_compressor.steps.step import WATCH
from orchestrator_compressor.work import gate, part
from orchestrator_compressor.work.trouble import Trouble

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

VIDEO = frozenset({Kind.ENCODE, Kind.ASSEMBLE, Kind.VERIFY, Kind.AUDIO, Kind.STREAMS})
JOINED = frozenset({Kind.ENCODE, Kind.ASSEMBLE})
SOUND = JOINED | {Kind.AUDIO}
FAST = {"preset": "ultrafast", "pixelFormat": "yuv420p"}
X264 = {"codec": "h264", "rate": {"qp": 30}, **FAST}
BORDERED = {**X264, "preset": "veryfast"}  # with B-frames


def made(folder, source, *outputs, cuts, kinds=VIDEO):
    """Carry out a job with an output for each (container, video, audio).

    Return it, and the finished file of each container.
    """
    own, listed = [], []
    for n, (container, video, *audio) in enumerate(outputs):
        spec = {"processor": "compressor", "container": container, "video": video}
        own.append((f"own{n}", spec | ({"audio": audio[0]} if audio else {})))
        to = folder / f"out/{n}.{container}"
        listed.append({"setting": f"own{n}", "destination": str(to)})
    job = oracle.job(folder, source, listed, tuple(own), segments={"cuts": cuts})
    done = oracle.Line(folder / "work", job).run(kinds)
    joined = sorted(Path(each) for id, each in done.folders.items() if id.endswith("/assemble"))
    files = [next(each.glob("final.*")) for each in joined]
    return done, {file.suffix[1:]: file for file in files}


def segments(done):
    """Return the files of the segments, in order."""
    return [next(Path(done.folders[id]).glob("segment.*")) for id in done.encodes()]


@pytest.mark.pitfall(1)
@pytest.mark.parametrize("name", ["open-gop.mp4", "open-gop-hevc.mp4", "slow.ts"])
def test_segments_of_open_groups_are_slices_of_the_whole_decode(tmp_path, name):
    source = media.generated(name)
    whole = oracle.decoded(source)
    probed = Probed.of(tmp_path, source)
    (key, *_) = [key for key in probed.line.table().keys if key > len(whole) // 2]
    cuts = [key - 2, key - 1, key, key + 1, len(whole) - 1]
    parts = probed.plan(tmp_path, {}, cuts).segments()
    assert parts == [whole[a:b] for a, b in pairwise([0, *cuts, len(whole)])]


@pytest.mark.pitfall(2)
def test_segments_of_long_groups_begin_with_a_keyframe_shown_first(tmp_path):
    common = {"size": {"fit": [64, 64]}, "rate": {"crf": 40}, "pixelFormat": "yuv420p"}
    outputs = [("mp4", {"codec": each, "preset": "fast", **common}) for each in ("h264", "hevc")]
    outputs.append(("webm", {"codec": "vp9", **common}))
    source = media.generated("filtered.mp4")
    done, _ = made(tmp_path, source, *outputs, cuts=[13], kinds=frozenset({Kind.ENCODE}))
    assert [part.read(each).starts_clean for each in segments(done)] == [True] * 6


@pytest.mark.pitfall(2)
def test_segment_that_begins_in_an_open_group_is_refused(tmp_path):
    source, begun = media.generated("slow.ts"), tmp_path / "segment.mkv"
    with av.open(str(source)) as opened:
        keys = [n for n, packet in enumerate(opened.demux(video=0)) if packet.is_keyframe]
    less = ("-c", "copy", "-bsf:v", rf"noise=drop=lt(n\,{keys[2]})")
    media.ffmpeg("-i", str(source), *less, str(begun))
    with pytest.raises(Trouble, match="does not start with a keyframe that is shown first"):
        gate.check_headers(begun.name, part.read(begun), {})


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Return a job at a film's rate, with B-frames and a one-frame segment, and its files."""
    outputs = [(container, BORDERED) for container in ("mov", "mp4", "mkv")]
    folder = tmp_path_factory.mktemp("film")
    return made(folder, media.generated("ntsc.mov"), *outputs, cuts=[71], kinds=JOINED)


@pytest.mark.pitfall(3)
@pytest.mark.parametrize("container", ["mov", "mp4"])
def test_decode_times_rise_and_are_never_late_with_one_frame_segments(film, container):
    with av.open(str(film[1][container])) as opened:
        found = [(p.dts, p.pts) for p in opened.demux(video=0) if p.size]
    assert len(found) == 72
    assert all(a < b for (a, _), (b, _) in pairwise(found))
    assert all(dts <= pts for dts, pts in found)
    assert any(dts < pts for dts, pts in found), "no B-frames: it shows nothing"


@pytest.mark.pitfall(6)
@pytest.mark.parametrize("container", ["mov", "mp4", "mkv"])
def test_rate_and_length_are_exact(film, container):
    with av.open(str(film[1][container])) as opened:
        stream = opened.streams.video[0]
        length = Fraction(72 * 1001, 24000)
        if container == "mkv":
            assert abs(stream.average_rate / Fraction(24000, 1001) - 1) < Fraction(1, 100_000)
        else:
            assert stream.average_rate == Fraction(24000, 1001)
            assert stream.duration * stream.time_base == length
        assert abs(Fraction(opened.duration, 10**6) - length) <= Fraction(1, 1000)


@pytest.mark.pitfall(21)
def test_encoder_has_the_threads_that_the_plan_says(film):
    found = [re.search(rb" threads=\d+ ", each.read_bytes())[0] for each in segments(film[0])]
    assert found == [b" threads=1 "] * 6  # two cores, two segments at a time


@pytest.mark.pitfall(16)
def test_all_segments_agree_on_what_a_picture_is(tmp_path):
    done, _ = made(
        tmp_path,
        media.generated("turned.mov"),
        ("mp4", X264),
        cuts=[3, 9],
        kinds=frozenset({Kind.ENCODE}),
    )
    seen = [part.read(each).picture for each in segments(done)]
    assert seen == [seen[0]] * 3
    assert (seen[0]["width"], seen[0]["height"]) == (90, 160)


@pytest.mark.pitfall(7)
def test_joined_file_decodes_as_its_segments_do(tmp_path):
    line = Pipeline(tmp_path, media.generated("filtered.mp4"), ("-c:v", "libx264", "-crf", "30"))
    line.probe()
    parts = line.segments([13, 14])
    joined = line.assemble(parts).folder / "final.mov"
    alone = [frame for each in parts for frame in frame_hashes(Path(each["path"]))]
    assert frame_hashes(joined) == alone


def sounds(path):
    """Return the samples that are heard of the first sound, as the decoder hands them over."""
    words = ("-i", str(path), "-map", "0:a:0", "-f", "md5", "-c:a", "pcm_s32le", "-")
    return media.ffmpeg(*words)


@pytest.mark.pitfall(11, 24)
def test_lossless_sound_is_that_of_the_source_sample_for_sample(tmp_path):
    source = media.generated("filtered-sound.mov")
    outputs = [("mov", {"codec": "pcm", "depth": 16}), ("mkv", {"codec": "flac", "depth": 16})]
    _, files = made(
        tmp_path, source, *((c, X264, audio) for c, audio in outputs), cuts=[7], kinds=SOUND
    )
    assert sounds(files["mov"]) == sounds(files["mkv"]) == sounds(source)
    with av.open(str(files["mov"])) as opened:
        stream = opened.streams.audio[0]
        declared = stream.duration * stream.time_base * stream.rate
        assert sum(frame.samples for frame in opened.decode(stream)) == declared == 48000


@pytest.mark.pitfall(11)
def test_encoder_of_the_sound_that_is_killed_fails_the_output(tmp_path):
    shop = Shop(tmp_path)
    deadly = tmp_path / "ffmpeg"
    deadly.write_text(f'#!/bin/sh\ncase "$*" in *" -c:a aac "*) kill -9 $$;; esac\n{EXEC}\n')
    deadly.chmod(0o755)
    node = {"programs": {"ffmpeg": str(deadly)}}
    source = media.generated("sound.mp4")
    shop.write(("h264-1080p", "out/a.mp4"), source=source, node=node).run(ends=1)
    with shop.ledger() as ledger:
        (reason,) = {each.reason for each in ledger.standings("shop-0001") if each.level == "job"}
    assert "ffmpeg was ended by SIGKILL" in reason
    assert "the sound" in reason
    assert not (tmp_path / "out/a.mp4").exists()


EXEC = f'exec "{oracle.FFMPEG}" "$@"'


@pytest.mark.pitfall(17)
def test_alpha_arrives_plane_for_plane_or_is_named(tmp_path):
    source = media.generated("alpha.mov")
    done, files = made(tmp_path, source, ("mkv", {"codec": "ffv1"}), ("mp4", X264), cuts=[5, 6])
    assert planes(files["mkv"]) == planes(source)
    assert len(set(planes(source))) > 1, "all alike: it shows nothing"
    notes = [note for target in done.targets for note in target.notes]
    assert any("transparen" in note or "alpha" in note for note in notes), notes


def planes(path):
    """Return the hash of each frame's alpha."""
    words = ("-i", str(path), "-vf", "alphaextract", "-fps_mode", "passthrough")
    rows = media.ffmpeg(*words, "-f", "framemd5", "-").splitlines()
    return [row.split(",")[-1] for row in rows if not row.startswith("#")]


@pytest.mark.pitfall(21)
def test_progress_never_goes_back_nor_over_the_plan(tmp_path):
    line = Pipeline(tmp_path, media.generated("sound.mp4"), ("-c:v", "libx264", "-qp", "30"))
    line.probe()
    said = [row for row in line.encode(0, 100).out.splitlines() if re.search(WATCH, row)]
    task = None  # its lines are alike for all
    frames = [told.frames if (told := COMPRESSOR.progress(task, row)) else -1 for row in said]
    assert frames == sorted(frames)
    assert frames[-1] == 100
    assert any("gate=" in row for row in said), "the gate's decode moves, too"


@pytest.mark.pitfall(21)
def test_every_new_number_of_frames_is_a_move():
    rows = ["frame=10 fps=3", "frame=11 fps=3", "frame=11 gate=4 fps=9", "frame=11 gate=41 fps=9"]
    rows += ["time=1.250", "time=1.260"]
    assert len({re.search(WATCH, row).group() for row in rows}) == len(rows)


@pytest.mark.pitfall(23)
def test_cover_picture_is_not_taken_for_the_film(tmp_path):
    covered = media.generated("covered.mkv")
    with av.open(str(covered)) as opened:
        assert sorted(each.codec_context.name for each in opened.streams.video) == ["h264", "mjpeg"]
    done, files = made(tmp_path, covered, ("mkv", {"codec": "ffv1"}), cuts=[7])
    assert len(oracle.times(files["mkv"])) == len(done.table().pts) == 12


@pytest.mark.pitfall(20)
def test_killed_and_asked_for_otherwise_no_part_of_the_first_is_in_it(tmp_path):
    def ask(crf):
        shop = Shop(tmp_path)
        source = media.generated("filtered.mp4")
        shop.write(("own", f"out/{crf}.mp4"), source=source, segments={"frames": 10})
        spec = {"processor": "compressor", "container": "mp4"}
        spec["video"] = {"codec": "h264", "rate": {"crf": crf}, **FAST}
        setting = {"apiVersion": "orchestrator/v1", "kind": "Setting"}
        setting |= {"metadata": {"name": "own", "description": "a test's"}, "spec": spec}
        shop.job.write_text(f"{shop.job.read_text()}---\n{yaml_text(setting)}")
        return shop

    running = ask(20).start()
    running.wait_for(r"00000\d/encode: Successful")
    running.kill()
    ask(35).run()
    for crf in (20, 35):  # the first, too, was asked for, and went on
        found = set(re.findall(rb"crf=([\d.]+)", (tmp_path / f"out/{crf}.mp4").read_bytes()))
        assert found == {b"%d.0" % crf}
