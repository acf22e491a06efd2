"""The verbs that look, while a real run works and after it; and the dry run."""

import json
import os
import subprocess

import pytest
from media import generated
from shop import Shop

from orchestrator.manifest.write import yaml_text

pytestmark = pytest.mark.timeout(300)

TARGETS = [("h264-1080p", "out/{source.stem}.mp4"), ("wav", "out/{source.stem}.wav")]


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


@pytest.fixture(scope="session")
def clip():
    return generated("sound.mp4")


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def test_dry_run_shows_targets_segments_and_every_command(shop, clip, temporary):
    shop.write(*TARGETS, source=clip, segments={"frames": 20})
    (job,) = shop.json("run", shop.job, "--dry-run")["jobs"]
    video, sound = job["targets"]
    assert video["destination"] == str(shop.folder / "out" / f"{clip.stem}.mp4")
    assert sum(part["frames"] for part in video["segments"]) == video["frames"]
    assert len(video["segments"]) > 1
    assert sound["segments"] == []
    words = [task["command"] for target in job["targets"] for task in target["tasks"]]
    assert all(words)
    assert sum("libx264" in each for each in words) == len(video["segments"])


def test_dry_run_leaves_nothing_behind(shop, clip, temporary):
    shop.write(*TARGETS, source=clip)
    assert "libx264" in shop.run("--dry-run").stdout
    assert not list(temporary.iterdir())
    assert not (shop.folder / "out").exists()
    assert shop.json("status") == []


def test_dry_run_of_a_missing_source_ends_with_its_reason(shop, temporary):
    shop.write(*TARGETS, source="nowhere.mov")
    assert "nowhere.mov" in shop.run("--dry-run", ends=1).stdout
    assert not list(temporary.iterdir())


def test_dry_run_does_not_blame_a_job_for_the_source_it_will_be_given(shop, clip, temporary):
    shop.write(TARGETS[1], source=clip)
    text = shop.job.read_text()
    second = {
        "name": "next",
        "processor": "compressor",
        "after": ["clip"],
        "with": {"source": f"out/{clip.stem}.wav", "outputs": [{"setting": "aac"}]},
    }
    second["with"]["outputs"][0]["destination"] = "out/b.m4a"
    indented = "".join(f"  {line}\n" for line in yaml_text([second]).splitlines())
    shop.job.write_text(text + indented)
    said = shop.run("--dry-run").stdout
    assert "is missing" in said


def test_verbs_that_look_work_while_a_run_holds_the_lock(shop):
    os.mkfifo(shop.folder / "go")
    shop.shells(("wait", ["sh", "-c", "echo begun; read line < go; echo $line"], here(shop)))
    running = shop.start()
    try:
        running.wait_for(r"render: attempt \S+ on")
        assert shop.json("status", "shop-0001")["status"] == "Processing"
        assert "it runs on" in shop.call("explain", "shop-0001").stdout
        with following(shop) as follow:
            while "begun" not in (line := follow.stdout.readline()):
                assert line
            (shop.folder / "go").write_text("and on\n")
            assert "and on" in follow.stdout.read()
        assert follow.returncode == 0
        running.end()
    finally:
        running.kill()


def following(shop):
    words, env = shop.command("logs", "-f", "shop-0001"), shop.environment()
    return subprocess.Popen(words, env=env, stdout=subprocess.PIPE, text=True)


def here(shop):
    return {"workingDirectory": str(shop.folder)}


def test_failed_batch_is_explained_and_its_logs_are_found(shop):
    shop.shells(("bad", ["sh", "-c", "echo oops >&2; exit 3"], {}), ("good", ["true"], {}))
    shop.run(ends=1)
    said = shop.call("explain", "shop-0001").stdout
    assert "Failed: 3x exit code 3: oops" in said
    logs = shop.call("logs", "shop-0001/bad").stdout
    assert (logs.count("==> "), logs.count("\noops\n")) == (3, 3)
    log = shop.json("status", "shop-0001/bad")["log"]
    assert os.path.exists(log)


def test_every_ends_with_the_batch_and_its_last_line_is_the_end(shop):
    shop.shells(("quick", ["true"], {}))
    shop.run()
    lines = shop.call("status", "shop-0001", "--every", "0.2", "-o", "json").stdout.splitlines()
    assert [json.loads(line)["percentComplete"] for line in lines] == [100]


def test_manifest_that_is_given_back_is_the_same_batch_to_run(shop):
    shop.shells(("bad", ["sh", "-c", "exit 1"], {}))
    shop.run(ends=1)
    back = shop.folder / "back.yaml"
    back.write_text(shop.call("status", "shop-0001", "--manifest").stdout)
    shop.call("run", back, ends=1)
    assert [row["batchid"] for row in shop.json("status")] == ["shop-0001"]
