"""What goes wrong on one computer, each with its clear sentence (F11 F12 F19 F22)."""

import os
import shutil
import signal
import stat
import subprocess
import sys

import imageio_ffmpeg
import pytest
from media import generated
from shop import Shop, encoders

pytestmark = [pytest.mark.timeout(300), pytest.mark.fault("F11", "F12", "F19", "F22")]

MP4 = ("h264-1080p", "out/a.mp4")
SHELL = """\
#!/bin/sh
exec '{python}' '{script}' "$@"
"""
WRAPPER = """\
import os, sys
words = sys.argv[1:]
if any(word.endswith("segment.mov") for word in words):
    words[-1:-1] = {extra}
os.execv({ffmpeg!r}, [{ffmpeg!r}, *words])
"""


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


@pytest.fixture(scope="session")
def clip():
    return generated("sound.mp4")


def first_encoder(running, shop):
    """Wait until an encoder is at work, and return its process."""
    running.wait_for(r"000000/encode: attempt .* on")
    while not (found := encoders(shop.state)):
        assert running.process.poll() is None
    return found[0]


def test_killed_encoder_costs_a_try_and_the_next_one_succeeds(shop, clip):
    running = shop.write(MP4, source=clip, segments={"frames": 30}).start()
    first_encoder(running, shop).send_signal(signal.SIGKILL)
    assert "SIGKILL" in running.end()
    causes = [attempt.cause for attempt in shop.attempts() if not attempt.accepted]
    assert len(causes) == 1


def test_hanging_encoder_is_noticed_ended_and_done_again(shop, clip):
    shop.write(MP4, source=clip, segments={"frames": 30}, stallAfter="2s")
    running = shop.start()
    first_encoder(running, shop).send_signal(signal.SIGSTOP)
    assert "no progress for 2" in running.end()
    assert (shop.folder / "out/a.mp4").exists()
    assert encoders(shop.state) == []


def wrapped(shop, extra):
    """Return a Node whose ffmpeg does something else than it was told."""
    path, script = shop.folder / "ffmpeg", shop.folder / "wrapper.py"
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    script.write_text(WRAPPER.format(extra=extra, ffmpeg=ffmpeg))
    path.write_text(SHELL.format(python=sys.executable, script=script))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"programs": {"ffmpeg": str(path)}}


def test_encoder_that_returns_0_with_half_the_frames_is_not_believed(shop, clip):
    node = wrapped(shop, ["-frames:v", "10"])
    shop.write(MP4, source=clip, segments={"frames": 20}, node=node).run(ends=1)
    said = shop.explain()
    assert "10" in said
    assert "20" in said
    assert not (shop.folder / "out/a.mp4").exists()


def test_other_build_of_the_encoder_begins_the_job_anew(shop, clip):
    running = shop.write(MP4, source=clip, segments={"frames": 10}).start()
    running.wait_for(r"00000\d/encode: Successful")
    running.kill()
    wrapped(shop, ["-threads", "1"])
    with pytest.MonkeyPatch.context() as other:
        other.setenv("ORCHESTRATOR_FFMPEG", str(shop.folder / "ffmpeg"))
        said = shop.run()
    assert "another build" in said.stderr
    twice = [task for task, number in shop.acceptances().items() if number > 1]
    assert any(task.endswith("/encode") for task in twice)


def test_missing_source_fails_its_job_at_once_and_names_it(shop):
    said = shop.write(MP4, source="nowhere.mov").run(ends=1)
    assert "nowhere.mov" in said.stdout
    assert len(shop.attempts()) == 1


def test_source_that_is_no_film_is_named(shop):
    (shop.folder / "film.mov").write_text("just text, no film")
    said = shop.write(MP4, source="film.mov").run(ends=1)
    assert "film.mov" in said.stdout
    assert len(shop.attempts()) == 1


def test_source_replaced_during_the_run_fails_the_job(shop, clip):
    own = shop.folder / "own.mkv"
    shutil.copy(clip, own)
    running = shop.write(MP4, source=own, segments={"frames": 10}).start()
    running.wait_for(r"000000/encode: Successful")
    own.write_bytes(own.read_bytes() + b"more")
    assert "own.mkv" in running.end(ends=1)
    assert "changed" in shop.explain()
    assert not (shop.folder / "out").exists()
    shop.run()  # the job begins anew with the source as it is now
    assert (shop.folder / "out/a.mp4").exists()


def test_missing_destination_folder_is_made(shop, clip):
    shop.write(("wav", "out/deep/down/a.wav"), source=clip).run()
    assert (shop.folder / "out/deep/down/a.wav").exists()


def test_destination_that_cannot_be_written_is_refused(shop, clip):
    (shop.folder / "out").write_text("a file where a folder should be")
    said = shop.write(MP4, source=clip).run(ends=1)
    assert "out" in said.stdout
    assert len(shop.attempts()) == 1, "nothing was encoded in vain"


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


@pytest.mark.root
def test_full_cluster_storage_waits_and_goes_on_by_itself(shop, clip, small_disk):
    shop.write(("ffv1-archive", "out/a.mkv"), source=clip, segments={"frames": 30})
    running = shop.start("--storage", str(small_disk))
    line = running.wait_for(r"full")
    assert str(small_disk) in line
    subprocess.run(["mount", "-o", "remount,size=200m", small_disk], check=True)
    running.end()
    assert (shop.folder / "out/a.mkv").exists()
    assert not [a for a in shop.attempts() if a.cause in {"failed", "crashed"}]
