"""Each oracle is seen to fail: take away the piece it watches, and a comparison goes red."""

import media
import oracle
import pipeline
import pytest
from pipeline import Pipeline
from segmented import Probed

from orchestrator.api import Kind
from orchestrator_compressor import chain, filters, handles, table, timing
from orchestrator_compressor.work import join

pytestmark = pytest.mark.timeout(300)
P4444 = ("-c:v", "prores_ks", "-profile:v", "4", "-pix_fmt", "yuva444p10le")
QP = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "30")
FFV1 = {"processor": "compressor", "container": "mkv", "video": {"codec": "ffv1"}}
X264 = {
    "processor": "compressor",
    "container": "mkv",
    "video": {"codec": "h264", "preset": "ultrafast", "rate": {"qp": 30}},
    "audio": "copy",
}
PICTURES = frozenset({Kind.ENCODE, Kind.ASSEMBLE, Kind.VERIFY})


def job(folder, name, spec, cuts):
    outputs = [{"setting": "own", "destination": str(folder / f"a.{spec['container']}")}]
    source = media.generated(name)
    return oracle.job(folder, source, outputs, (("own", spec),), segments={"cuts": cuts})


@pytest.mark.pitfall(1)
@pytest.mark.parametrize("cut", [18, 19])
def test_one_keyframe_back_is_not_enough_for_an_open_group_in_a_stream(tmp_path, monkeypatch, cut):
    oracle.Line(tmp_path / "two", job(tmp_path, "slow.ts", FFV1, [cut])).run(PICTURES)
    monkeypatch.setattr(table, "KEYFRAMES_BACK", 1)
    with pytest.raises(AssertionError, match=r"segment\.mkv"):
        oracle.Line(tmp_path / "one", job(tmp_path, "slow.ts", FFV1, [cut])).run(PICTURES)


@pytest.mark.pitfall(22)
def test_prores_4444_without_its_tag_decodes_otherwise(tmp_path, monkeypatch):
    def forgetful(self, first):
        stream = self._container.add_stream_from_template(first, opaque=True)
        stream.time_base = self._times.tb
        return stream

    line = Pipeline(tmp_path, media.generated("prores.mov"), P4444)
    line.probe()
    parts = line.segments([7], gate="sampled")
    monkeypatch.setattr(join.Writer, "_template", forgetful)
    path = tmp_path / "video.mov"
    join.join([join.piece(each) for each in parts], table.same(line.table), path)
    assert pipeline.packet_hashes(path) == pipeline.packet_hashes(line.single())
    assert pipeline.frame_hashes(path) != pipeline.frame_hashes(line.single())


def test_what_is_copied_of_a_late_source_is_moved_without_copyts(tmp_path):
    def forgetful(words):
        return [word for word in words if word != "-copyts"]

    wanted = job(tmp_path, "everything.mkv", X264, [50])
    oracle.Line(tmp_path / "right", wanted).run(PICTURES)
    with pytest.raises(AssertionError, match="times of subtitles 0 is"):
        oracle.Line(tmp_path / "wrong", wanted, finish=forgetful).run(PICTURES)


@pytest.mark.pitfall(4)
def test_frames_that_are_not_even_need_the_table(tmp_path):
    line = Pipeline(tmp_path, media.generated("vfr.mp4"), QP)
    line.probe()
    parts = line.segments([30])
    line.output = {"kind": "play", "rate": "25"}
    final = line.assemble(parts)
    line.output = {"kind": "source"}
    assert "frame times is" in line.verify(final, parts, code=1).result["error"]
    times = line.table
    wanted = [(pts - times.pts[0]) * times.tb for pts in times.pts]
    assert pipeline.times(final.folder / "final.mov") != wanted


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return Probed.of(tmp_path_factory.mktemp("probed"), media.generated("filtered.mp4"))


@pytest.mark.pitfall(5)
@pytest.mark.slow
@pytest.mark.parametrize(
    ("video", "missing"),
    [
        ({"deinterlace": "frame"}, (timing, "BWDIF_HANDLE", 0)),
        ({"filters": [{"atadenoise": "strong"}]}, (filters, "ATA_HANDLE", 0)),
        ({"filters": [{"blend": 4}, {"deflicker": 5}]}, (chain, "handle", lambda _: 0)),
        ({"frameRate": 60}, (handles, "BEFORE", -1)),
        ({"frameRate": 24}, (handles, "AFTER", -1)),
    ],
)
def test_without_its_handle_a_filter_makes_other_frames(
    tmp_path, monkeypatch, source, video, missing
):
    plan = source.plan(tmp_path, video, [23], field_order="tt")
    whole = [frame for _, frame in plan.single()]
    assert [frame for part in plan.segments() for frame in part] == whole
    monkeypatch.setattr(*missing)
    less = source.plan(tmp_path, video, [23], field_order="tt")
    assert [frame for part in less.segments() for frame in part] != whole
