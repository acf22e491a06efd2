"""Commands that crash, hang, flood and lie, below a real runner (F11, F12, F19, F29)."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from runners import WATCH, Attempt

from orchestrator.agent.logs import HEAD_BYTES, TAIL_BYTES
from orchestrator.model.work import Cause, Ending

pytestmark = pytest.mark.fault("F11", "F12", "F19", "F29")


@pytest.fixture
def attempt(tmp_path):
    """Return a function that starts an attempt with this spec."""
    made = []

    def start(**more):
        made.append(Attempt(tmp_path, **more))
        return made[-1].start()

    yield start
    for each in made:
        each.close()


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGINT", "SIGSEGV", "SIGABRT"])
def test_outcome_names_the_signal(attempt, name):
    outcome = attempt().play("partial", f"signal {name}").outcome()
    assert outcome.ending is Ending.EXITED
    assert outcome.signal == getattr(signal, name)
    assert outcome.exit_code is None
    assert outcome.cause is None


def test_command_without_memory_fails_with_its_own_words(attempt):
    words = [sys.executable, "-S", "-c", "bytearray(1 << 33)"]
    outcome = attempt(argv=["prlimit", f"--as={1 << 30}", *words]).outcome()
    assert outcome.exit_code == 1
    assert "MemoryError" in outcome.log_tail


def test_crash_leaves_no_core(attempt):
    said = "import resource; print(resource.getrlimit(resource.RLIMIT_CORE))"
    assert attempt(argv=[sys.executable, "-c", said]).outcome().log_tail == "(0, 0)\n"
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0


def test_silent_encoder_is_stalled(attempt):
    outcome = attempt(watch=WATCH, stall_s=0.5).play("frames 3", "stall").outcome()
    assert outcome.ending is Ending.STALL
    assert outcome.why == "made no progress for 0.5 s"


def test_encoder_that_chats_without_moving_is_stalled(attempt):
    one = attempt(watch=WATCH, stall_s=0.5).play("frames 1", "repeat 1000", "say busy", "stall")
    assert one.outcome().ending is Ending.STALL


def test_stopped_encoder_is_stalled_and_ended(attempt):
    one = attempt(watch=WATCH, stall_s=0.5).play("frames 1", "stall")
    one.line()
    one.encoder().send_signal(signal.SIGSTOP)
    assert one.outcome().ending is Ending.STALL


def test_encoder_that_moves_is_not_stalled(attempt):
    one = attempt(watch=WATCH, stall_s=1.0)
    with open(one.fifo, "w", buffering=1) as script:
        for number in range(8):
            script.write("frames 1\n")
            assert one.line() == f"frame={number + 1}"  # told every 0.2 s at most
        script.write("exit 0\n")
    assert one.outcome().ending is Ending.EXITED


def test_silent_command_without_stall_limit_goes_on(attempt):
    one = attempt(limit_s=1.0).play("say begun", "stall")
    outcome = one.outcome()
    assert outcome.ending is Ending.LIMIT
    assert outcome.why == "ran longer than its limit of 1 s"


def test_grandchild_that_holds_the_pipe_holds_up_nobody(attempt):
    one = attempt()
    with open(one.fifo, "w", buffering=1) as script:
        script.write("grandchild\n")
        script.write("say begun\n")
        family = _family(one)
        script.write("exit 0\n")
    outcome = one.outcome()
    assert outcome.exit_code == 0
    assert outcome.seconds < 5
    psutil.wait_procs(family, timeout=10)
    assert not any(each.is_running() for each in family)


def _family(one):
    """Return encoder and grandchild, once there are both."""
    runner = psutil.Process(one.runner.pid)
    while len(family := runner.children(recursive=True)) < 2:
        os.sched_yield()
    return family


def test_encoder_that_ignores_sigterm_is_killed_after_the_grace(attempt):
    one = attempt(watch=WATCH).play("ignore-term", "frames 1", "stall")
    one.line()
    one.kill(grace_s=0.3)
    outcome = one.outcome()
    assert outcome.ending is Ending.KILLED
    assert outcome.signal == signal.SIGKILL


def test_second_request_shortens_the_grace(attempt):
    one = attempt(watch=WATCH).play("ignore-term", "frames 1", "stall")
    one.line()
    one.kill(grace_s=600)
    one.kill(grace_s=0.1)
    assert one.outcome().signal == signal.SIGKILL


def test_request_to_end_is_told_as_such(attempt):
    one = attempt(watch=WATCH).play("frames 1", "stall")
    one.line()
    one.kill()
    outcome = one.outcome()
    assert (outcome.ending, outcome.why) == (Ending.KILLED, "ended on request")


def test_ctrl_c_and_a_closed_terminal_do_not_reach_the_command(attempt):
    one = attempt(watch=WATCH)
    with open(one.fifo, "w", buffering=1) as script:
        script.write("frames 1\n")
        one.line()
        for number in (signal.SIGINT, signal.SIGHUP):
            one.runner.send_signal(number)
        script.write("exit 0\n")
    assert one.outcome().exit_code == 0
    assert os.getsid(0) != one.runner.pid


def test_flood_keeps_head_and_end_and_counts_the_rest(attempt):
    one = attempt().play("say first", "flood 30000000", "say last")
    outcome = one.outcome()
    log = one.log()
    assert log.startswith(b"first\n")
    assert log.endswith(b"last\n")
    assert HEAD_BYTES + TAIL_BYTES <= len(log) < HEAD_BYTES + TAIL_BYTES + 100
    assert b"bytes of output were dropped here]" in log
    assert outcome.log_tail.endswith("last\n")
    assert len(outcome.log_tail) <= 4096


def test_line_without_end_fills_neither_memory_nor_disk(attempt):
    one = attempt(watch=WATCH)
    with open(one.fifo, "w", buffering=1) as script:
        script.write(f"line {100 << 20}\nsay\nframes 1\n")
        one.line()
        peak_kib = int(_status(one.runner.pid)["VmHWM"].split()[0])
        script.write("exit 0\n")
    assert one.outcome().exit_code == 0
    assert peak_kib < 50 << 10
    assert len(one.log()) < HEAD_BYTES + TAIL_BYTES + 100


def _status(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def test_junk_reaches_the_log_as_it_is_and_people_without_it(attempt):
    one = attempt().play("junk")
    assert one.outcome().log_tail == "abred \ufffd\ufffd end\n"
    assert one.log() == b"a\0b\x1b[31mred\x1b[0m \xff\xfe\x1b]0;title\x07 end\n"


def test_progress_is_no_log(attempt):
    one = attempt(watch=WATCH).play("say a", "frames 2", "say b")
    assert one.line() == "frame=1"
    assert one.line() == "frame=2"
    assert one.outcome().log_tail == "a\nb\n"


def test_removed_folder_does_not_lose_the_outcome(attempt):
    one = attempt().play("say gone", "remove", "exit 3")
    outcome = one.outcome()
    assert outcome.exit_code == 3
    assert outcome.log_tail == "gone\n"


def test_second_runner_on_one_spool_starts_nothing(attempt):
    one = attempt(watch=WATCH).play("frames 1", "stall")
    one.line()
    assert one.another().wait(10) == 0
    assert not (one.spool / "exit.json").exists()
    assert one.encoder().is_running()


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_full_storage_is_no_fault_of_the_command(attempt, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
    try:
        one = attempt(folder=disk / "a1").play("say filling", "fill")
        outcome = one.outcome()
        assert outcome.cause is Cause.UNREADY
        assert outcome.why == f"storage is full: {disk}/a1; free some space, it goes on by itself"
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_read_only_storage_starts_nothing(attempt, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", disk], check=True)
    try:
        outcome = attempt(folder=disk / "a1").outcome()
        assert (outcome.ending, outcome.cause) == (Ending.UNSTARTED, Cause.UNREADY)
    finally:
        subprocess.run(["umount", disk], check=True)
