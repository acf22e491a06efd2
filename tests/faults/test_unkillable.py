"""A command in uninterruptible sleep, below a real runner (F13): on a file system that is frozen."""

import json
import os
import shutil
import subprocess

import psutil
import pytest
from runners import Attempt

from orchestrator.agent.command import UNKILLABLE_S
from orchestrator.model.codec import load
from orchestrator.model.work import Ending, Outcome

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.fault("F13")]

NEEDS = ("mkfs.ext4", "mount", "fsfreeze", "umount")


@pytest.fixture
def frozen(tmp_path, monkeypatch):
    """A file system of its own on which every write sleeps, until it thaws."""
    monkeypatch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin:/sbin")
    image, folder = tmp_path / "image", tmp_path / "frozen"
    if lacks := [name for name in NEEDS if shutil.which(name) is None]:
        pytest.skip(f"needs {', '.join(lacks)}: apt install e2fsprogs mount util-linux")
    image.write_bytes(bytes(8 << 20))
    folder.mkdir()
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    mounted = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"needs root and a loop device: {mounted.stderr.strip()}")
    subprocess.run(["fsfreeze", "-f", folder], check=True)
    yield folder
    subprocess.run(["fsfreeze", "-u", folder], check=False, capture_output=True)
    subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.timeout(120)
def test_command_that_outlives_its_kill_is_given_up_and_its_attempt_ends(frozen, tmp_path):
    attempt = Attempt(tmp_path, argv=["dd", "if=/dev/zero", f"of={frozen}/file", "count=1"])
    try:
        attempt.start()
        command = sleeping(attempt)
        attempt.kill(grace_s=0.0)
        assert attempt.runner.wait(UNKILLABLE_S + 60) == 0
        outcome = load(Outcome, json.loads((attempt.spool / "exit.json").read_text()))
        assert outcome.ending is Ending.KILLED
        assert (outcome.exit_code, outcome.signal) == (None, None)
        assert "unkillable" in outcome.why
        assert command.status() == psutil.STATUS_DISK_SLEEP
        subprocess.run(["fsfreeze", "-u", frozen], check=True)
        psutil.wait_procs([command], 10)
        assert not command.is_running()
    finally:
        attempt.close()


def sleeping(attempt):
    """Return the command of an attempt, once nothing wakes it."""
    while True:
        for child in psutil.Process(attempt.runner.pid).children():
            if child.status() == psutil.STATUS_DISK_SLEEP:
                return child
