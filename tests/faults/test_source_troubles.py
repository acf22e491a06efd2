"""A source that is cut off, damaged, or taken away while it is read (F22)."""

import random
import re
import shutil

import av
import pytest
from media import ffmpeg, generated
from shop import Shop

pytestmark = [pytest.mark.timeout(300), pytest.mark.fault("F22")]

MP4 = ("h264-1080p", "out/a.mp4")
FLIPS = 200


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


def frames(path):
    with av.open(str(path)) as file:
        return sum(1 for packet in file.demux(video=0) if packet.size)


def why(shop):
    """Return the reason of the job."""
    with shop.ledger() as ledger:
        return next(each.reason for each in ledger.standings("shop-0001") if each.level == "job")


def cut(name, folder, part):
    """Return a copy of a source that ends too early."""
    path = folder / name
    data = generated(name).read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def flipped(name, folder):
    """Return a copy of a source with some bytes of its media turned over; its index is whole."""
    path, chance = folder / name, random.Random(22)
    data = bytearray(generated(name).read_bytes())
    start = data.index(b"mdat") + 64 + len(data) // 10
    for at in chance.sample(range(start, len(data) * 8 // 10), FLIPS):
        data[at] ^= chance.randint(1, 255)
    path.write_bytes(data)
    return path


@pytest.mark.pitfall(19)
def test_movie_without_its_index_fails_at_once_and_says_truncated(shop):
    source = cut("long-gop.mp4", shop.folder, 0.9)
    shop.write(MP4, source=source).run(ends=1)
    assert why(shop).startswith(f"{source}: is truncated: moov atom not found")
    assert [attempt.cause for attempt in shop.attempts()] == ["source"]


def test_matroska_that_is_cut_off_gives_all_frames_it_has_or_none(shop):
    """Nobody can know how long it was: what is there is encoded, whole frames only, and verified."""
    source = cut("sound.mkv", shop.folder, 0.5)
    shop.write(MP4, source=source, segments={"frames": 20}, onDecodeErrors="warn").run()
    assert 0 < frames(shop.folder / "out/a.mp4") == frames(source)


@pytest.mark.pitfall(19)
def test_damaged_source_fails_and_says_which_frame(shop):
    source = flipped("b-frames.mp4", shop.folder)
    shop.write(MP4, source=source, segments={"frames": 20}).run(ends=1)
    place = r"a frame near \d+ \(0:00:0\d\.\d{3}\) cannot be decoded: "
    assert re.match(re.escape(f"{source}: ") + place, why(shop)), why(shop)
    assert not (shop.folder / "out/a.mp4").exists()


@pytest.mark.pitfall(11)
def test_damaged_sound_fails_its_job_and_publishes_nothing(shop):
    source = shop.folder / "tone.flac"
    ffmpeg("-i", str(generated("tone.wav")), str(source))
    data = source.read_bytes()
    half = len(data) // 2
    source.write_bytes(data[:half] + bytes(300) + data[half + 300 :])
    shop.write(("mp3", "out/a.mp3"), ("wav", "out/a.wav"), source=source).run(ends=1)
    assert f"{source}: the sound cannot be decoded: " in why(shop)
    assert not list(shop.folder.glob("out/*"))


def test_damaged_source_goes_on_where_the_job_says_so_and_is_counted(shop):
    source = flipped("b-frames.mp4", shop.folder)
    shop.write(MP4, source=source, segments={"frames": 20}, onDecodeErrors="warn").run()
    assert frames(shop.folder / "out/a.mp4") == frames(source)
    encodes = [attempt for attempt in shop.attempts() if attempt.task.endswith("/encode")]
    assert sum(attempt.outcome.result["source_errors"] for attempt in encodes) > 0


def test_source_deleted_during_the_run_fails_the_job_and_is_named(shop):
    own = shop.folder / "own.mkv"
    shutil.copy(generated("sound.mkv"), own)
    running = shop.write(MP4, source=own, segments={"frames": 10}).start()
    running.wait_for(r"000000/encode: Successful")
    own.unlink()
    running.end(ends=1)
    assert why(shop).startswith(f"{own}: is missing")
    assert not (shop.folder / "out/a.mp4").exists()
