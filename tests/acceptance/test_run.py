"""`orchestrator run` with real ffmpeg: a job in, verified files out."""

import signal

import av
import pytest
from media import generated
from shop import Shop

pytestmark = pytest.mark.timeout(300)

FOUR = [
    ("ffv1-archive", "out/{source.stem}.mkv"),
    ("h264-1080p", "out/{source.stem}.mp4"),
    ("prores-422-hq", "out/{source.stem}.mov"),
    ("wav", "out/{source.stem}.wav"),
]


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


@pytest.fixture(scope="session")
def clip():
    return generated("sound.mp4")


def frames(path):
    with av.open(str(path)) as file:
        return sum(1 for packet in file.demux(video=0) if packet.size)


def test_four_outputs_stand_verified_at_their_destinations(shop, clip):
    shop.write(*FOUR, source=clip, segments={"frames": 20})
    said = shop.json("run", shop.job)
    assert said["status"] == "Successful"
    names = sorted(file.name for file in (shop.folder / "out").iterdir())
    assert names == [f"{clip.stem}.{end}" for end in ("mkv", "mov", "mp4", "wav")]
    for name in names[:3]:
        assert frames(shop.folder / "out" / name) == frames(clip)
    gates = [gate for target in said["targets"] for gate in target["verification"]["gates"]]
    assert gates
    assert all(gate["ok"] for gate in gates)


def test_same_job_again_is_refused_where_the_files_are(shop, clip):
    shop.write(FOUR[3], source=clip).run()
    again = shop.run(ends=1)
    assert "exists" in again.stdout + again.stderr


def test_a_report_stands_beside_its_output_and_is_named(shop, clip):
    output = {"setting": "wav", "destination": "out/a.wav", "report": "out/a.report"}
    said = shop.write(output, source=clip).run().stdout
    names = sorted(file.name for file in (shop.folder / "out").iterdir())
    assert names == ["a.report.html", "a.report.json", "a.wav"]
    assert f"beside it: {shop.folder / 'out' / 'a.report.html'}" in said


@pytest.mark.parametrize(
    ("if_exists", "names"), [("replace", ["a.wav"]), ("number", ["a-2.wav", "a.wav"])]
)
def test_existing_file_is_replaced_or_numbered_if_asked(shop, clip, if_exists, names):
    (shop.folder / "out").mkdir()
    (shop.folder / "out/a.wav").write_text("older")
    shop.write(("wav", "out/a.wav"), source=clip, ifExists=if_exists).run()
    assert sorted(file.name for file in (shop.folder / "out").iterdir()) == names
    kept = (shop.folder / "out/a.wav").read_bytes() == b"older"
    assert kept is (if_exists == "number")


def test_ctrl_c_finishes_what_runs_and_the_next_run_goes_on(shop, clip):
    shop.write(FOUR[1], source=clip, segments={"frames": 10})
    running = shop.start()
    running.wait_for("000000/encode: attempt .* on")
    running.process.send_signal(signal.SIGINT)
    assert "Stopping" in running.end(ends=130)
    shop.run()
    assert set(shop.acceptances().values()) == {1}
    assert len(shop.attempts()) == len(shop.acceptances())


def test_unsegmented_job_is_one_segment(shop, clip):
    setting = {
        "apiVersion": "orchestrator/v1",
        "kind": "Setting",
        "metadata": {"name": "whole", "description": "not cut"},
        "spec": {
            "processor": "compressor",
            "allowSegmenting": False,
            "container": "mp4",
            "video": {"codec": "h264", "preset": "ultrafast", "rate": {"crf": 30}},
        },
    }
    shop.write(("whole", "out/a.mp4"), source=clip, segments={"frames": 10})
    shop.job.write_text(f"{shop.job.read_text()}---\n{__import__('json').dumps(setting)}\n")
    (target,) = shop.json("run", shop.job)["targets"]
    assert target["segments"] == 1


def test_storage_that_was_named_once_is_remembered(shop, clip, tmp_path):
    shop.write(FOUR[3], source=clip).run("--storage", tmp_path / "big")
    shop.write(("wav", "out/b.wav"), source=clip).run()
    tries = [*shop.attempts("shop-0001"), *shop.attempts("shop-0002")]
    assert {each.name for each in (tmp_path / "big/attempts").iterdir()} == {a.id for a in tries}


def test_storage_cannot_change_under_unfinished_work(shop, clip, tmp_path):
    running = shop.write(FOUR[1], source=clip, segments={"frames": 10}).start()
    running.wait_for("000000/encode: attempt .* on")
    running.kill()
    said = shop.run("--storage", tmp_path / "big", ends=2)
    assert "shop-0001 is unfinished" in said.stderr
    shop.run()


def test_same_job_typed_twice_is_done_once(shop, clip):
    running = shop.write(FOUR[1], source=clip, segments={"frames": 20}).start()
    running.wait_for("000000/encode: attempt .* on")
    second = shop.run()
    running.end()
    assert "Waiting: process" in second.stderr
    assert "shop-0001: Successful" in second.stdout
