"""What a started program is to its runner, by either way of starting one (R15)."""

import os
import signal
import sys
import time

import psutil
import pytest

from orchestrator.agent.piped import Piped
from orchestrator.agent.spawned import Spawned


@pytest.fixture(params=[Spawned, Piped])
def start(request, tmp_path):
    """Return a function that starts Python code, with an environment of its own."""
    begun = []

    def begin(code, cwd=tmp_path, **env):
        words = [sys.executable, "-c", code]
        begun.append(request.param(words, {"PATH": os.defpath, **env}, str(cwd)))
        return begun[-1]

    begin.kind = request.param
    yield begin
    for each in begun:
        each.kill()


def heard(program, until=b""):
    """Return what it says until its end, or until it has said that."""
    data = b""
    while not program.is_silent and (not until or until not in data):
        data += program.hear(5.0, None)
    return data


def is_running(pid):
    """Whether it still runs, a moment after it was killed."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return False
    return True


def test_it_says_all_and_ends(start, tmp_path):
    program = start("import os, sys; print(os.getcwd(), os.environ['A']); sys.exit(3)", A="b")
    assert heard(program) == f"{tmp_path} b\n".encode()
    assert program.reap() == 3
    program.close()


def test_much_output_comes_whole_and_in_order(start):
    program = start("import sys\nfor n in range(200_000): print(n)")
    assert heard(program) == b"".join(b"%d\n" % n for n in range(200_000))
    assert program.reap() == 0
    program.close()


def test_it_is_over_once_it_has_ended_though_a_child_holds_its_output(start):
    code = "import os, sys, time\nif os.fork(): print('x', flush=True); os._exit(0)\ntime.sleep(60)"
    program = start(code)
    assert heard(program, b"x") == b"x\n"
    until = time.monotonic() + 10
    while not program.is_over() and time.monotonic() < until:
        program.hear(0.05, None)
    assert program.is_over()
    assert not program.is_silent
    program.kill()
    assert heard(program) == b""
    assert program.reap() == 0


def test_its_group_is_asked_and_then_ended(start):
    code = (
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'asked\\n'))\n"
        "child = os.fork()\n"
        "if child: os.write(1, b'%d\\n' % child)\n"
        "while True: time.sleep(60)\n"
    )
    program = start(code)
    child = int(heard(program, b"\n").split()[0])
    program.ask_end()
    assert heard(program, b"asked\n").count(b"asked") >= 1
    program.kill()
    assert program.reap() == -signal.SIGKILL
    heard(program)  # to the end: nobody has the output any more
    assert not is_running(child)


@pytest.mark.parametrize("word", ["no-such-program", "./no-such-file", "/no/such/file"])
def test_what_is_not_there_cannot_be_started(start, tmp_path, word):
    with pytest.raises(FileNotFoundError):
        start.kind([word], {"PATH": str(tmp_path)}, str(tmp_path))


def test_it_is_found_on_its_own_path_and_not_on_ours(start, tmp_path):
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\necho found\n")
    tool.chmod(0o755)
    program = start.kind(["tool"], {"PATH": str(tmp_path)}, "/")
    assert heard(program) == b"found\n"
    assert program.reap() == 0
