"""What an extended node is told, by a real shell without SSH: words, signals, logs, lost sight."""

import json
import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest
from agents import until
from extended import LocalShell, processes_of, tools

from orchestrator.errors import Rejected, Unreachable
from orchestrator.remote import extended, posix
from orchestrator.remote.posix import Errand
from orchestrator.remote.visit import Visit
from orchestrator.remote.wrap import Way

pytestmark = pytest.mark.slow

NODE = {"name": "gate+old-01", "address": "old-01"}
UGLY = ("a b", "", "'", '"', "\n\nline\n", "$HOME `id`", "-n", "\\", "é 漢字", "\x1b[1m", "*")


class Old:
    """An extended node in a folder."""

    def __init__(self, root, without=()):
        self.home = root / "home"
        self.work = root / "work"
        self.home.mkdir()
        self.work.mkdir()
        self.path = tools(root / "bin", without)
        self.said = bytearray()
        self.lines = []
        self.cut = False

    def dial(self):
        if self.cut:
            raise Unreachable("old-01", "cut")
        self.lines.append(LocalShell(self.home, self.path, "welcome\nto this machine\n"))
        return self.lines[-1]

    def visit(self, *words, env=None, name="a-1", cwd=None, **way):
        errand = Errand(
            name=name, words=words, env=env or {}, cwd=str(cwd or self.work), silence_s=3600
        )
        return Visit(Way(**NODE, **way), errand, self.dial, self.said.extend)

    @property
    def left(self):
        return [each.name for each in self.home.iterdir()]


@pytest.fixture(params=["setsid", "nohup"])
def old(request, tmp_path):
    old = Old(tmp_path, without=() if request.param == "setsid" else ("setsid",))
    yield old
    until(lambda: not processes_of(old.home))


def test_words_arrive_byte_for_byte_and_nothing_stays(old):
    assert old.visit("printf", "[%s]", *UGLY).run() == 0
    assert old.said.decode() == "".join(f"[{word}]" for word in UGLY)
    assert old.left == []


def test_environment_arrives_but_is_in_no_argument_list(old):
    env = {"SECRET": "s'e c\nr$t", "not a name": "x"}
    words = ("sh", "-c", 'printf %s "$SECRET"; cat /proc/$$/cmdline /proc/$PPID/cmdline')
    assert old.visit(*words, env=env).run() == 0
    assert old.said.startswith(b"s'e c\nr$t")
    assert old.said.count(b"s'e c") == 1


@pytest.mark.parametrize("code", [0, 1, 3, 126, 255])
def test_the_exit_code_comes_back(old, code):
    assert old.visit("sh", "-c", f"exit {code}").run() == code


def test_a_signal_comes_back_as_a_shell_tells_it(old):
    assert old.visit("sh", "-c", "kill -SEGV $$").run() == 139


def test_a_program_that_is_not_there_is_127_and_said(old):
    assert old.visit("no-such-program").run() == 127
    assert b"no-such-program" in old.said


def test_a_missing_working_directory_is_said(old):
    assert old.visit("true", cwd=old.work / "none").run() == posix.NO_FOLDER_CODE
    assert b"there is no such folder here" in old.said


def test_words_see_their_working_directory_and_the_usual_umask(old):
    assert old.visit("sh", "-c", "umask; : > made").run() == 0
    assert (old.work / "made").exists()
    assert b"077" not in old.said


@pytest.mark.parametrize("stubborn", [False, True])
def test_asked_to_end_it_ends_the_whole_group(old, stubborn):
    trap = "trap '' TERM;" if stubborn else ""
    visit = old.visit("sh", "-c", f"{trap} sleep 600 & echo up; wait; sleep 600", grace_s=0.5)
    assert ended(visit, old, b"up") == (137 if stubborn else 143)
    assert old.left == []


def ended(visit, old, word):
    """Ask `visit` to end when `word` was printed, and return how it ended."""
    took = old.said.extend

    def out(data):
        took(data)
        if word in old.said:
            visit.ask_end()

    visit._out = out
    return visit.run()


def test_a_runner_that_is_gone_ends_the_words(old):
    visit = old.visit("sh", "-c", "echo up; sleep 600")
    visit._out = broken_pipe
    assert visit.run() == 141
    assert old.left == []


def broken_pipe(data):
    raise BrokenPipeError(32, "nobody listens")


def test_a_lost_connection_is_dialled_again_and_the_words_are_found(old):
    visit = old.visit("sh", "-c", "echo one; while [ ! -e go ]; do sleep 1; done; echo two")
    took = old.said.extend

    def out(data):
        took(data)
        if data == b"one\n":
            old.lines[-1].is_cut = True
            (old.work / "go").touch()

    visit._out = out
    assert visit.run() == 0
    assert old.said == b"one\ntwo\n"
    assert len(old.lines) == 2


def test_an_answer_cut_off_half_way_is_asked_for_again(old):
    visit = old.visit("sh", "-c", "seq 1 200; sleep 1; seq 201 400")
    dial = old.dial
    cuts = iter([40, 60, 90, 300])

    def dial_badly():
        line = dial()
        say = line.say
        line.say = lambda script, limit_s: say(script, limit_s)[: next(cuts, None)]
        return line

    visit._dial = dial_badly
    assert visit.run() == 0
    assert old.said.decode() == "".join(f"{number}\n" for number in range(1, 401))


def test_out_of_reach_for_too_long_is_lost(old):
    visit = old.visit("sh", "-c", "echo up; exec sleep 600", name="a-2", give_up_s=0.2)
    took = old.said.extend

    def out(data):
        took(data)
        old.cut = old.lines[-1].is_cut = True

    visit._out = out
    with pytest.raises(Unreachable, match="lost sight of its command: no connection for 0"):
        visit.run()
    old.cut = False
    old.dial().say(posix.clean("a-2", "mark"), 20)
    assert old.left == []


def test_a_keeper_that_was_killed_is_lost(old):
    visit = old.visit("sh", "-c", "echo up; exec sleep 600")
    took = old.said.extend

    def out(data):
        took(data)
        for file in old.home.glob(".orchestrator-extended/*/pids"):
            keeper, _, command, *_ = file.read_text().split()
            os.kill(int(keeper), 9)
            os.kill(int(command), 9)

    visit._out = out
    with pytest.raises(Unreachable, match="what kept it there was killed"):
        visit.run()
    assert old.left == []


def test_words_whose_home_cannot_be_written_are_rejected(old):
    old.home.rmdir()
    old.home.touch()
    with pytest.raises(Rejected, match="can be made there"):
        old.visit("true").run()


def test_a_flood_is_bounded_there_and_ends(old):
    visit = old.visit("sh", "-c", "yes | head -c 100000000; echo; echo end")
    sizes = []
    visit._sleep = lambda s: (sizes.append(held(old.home)), time.sleep(s))
    assert visit.run() == 0
    assert old.said.endswith(b"\nend\n")
    assert max(sizes) <= posix.KEPT_BYTES + (2 << 20)


def held(home):
    sizes = []
    for file in home.glob(".orchestrator-extended/*/log.*"):
        with suppress(FileNotFoundError):  # it was read and removed
            sizes.append(file.stat().st_size)
    return sum(sizes)


def test_what_is_dropped_is_said(old, monkeypatch):
    monkeypatch.setattr(posix, "KEPT_BYTES", 2 << 20)
    visit = old.visit("sh", "-c", "yes 123 | head -c 20000000; echo end; touch written; sleep 1")
    start = visit._start

    def slowly():
        start()
        while not (old.work / "written").exists():
            time.sleep(0.05)

    visit._start = slowly
    assert visit.run() == 0
    assert b"bytes of output were dropped here]" in old.said
    assert len(old.said) < 5_000_000
    assert b"end\n" in old.said


def test_a_script_cut_off_half_way_does_nothing(old):
    errand = Errand(name="a-3", words=("true",), env={}, cwd="/", silence_s=60)
    script = posix.start(errand, "mark")
    for part in (len(script) // 3, len(script) // 2, len(script) - 3):
        LocalShell(old.home, old.path).say(script[:part], 10)
    assert old.left == []


def test_starting_twice_is_starting_once(old):
    visit = old.visit("sh", "-c", "echo once >> starts")
    start = visit._start

    def twice():
        start()
        start()

    visit._start = twice
    assert visit.run() == 0
    assert (old.work / "starts").read_text() == "once\n"


@pytest.mark.timeout(60)
def test_nobody_heard_of_for_long_it_ends_itself_and_leaves_nothing(old):
    errand = Errand(name="a-4", words=("sleep", "600"), env={}, cwd="/", silence_s=5)
    LocalShell(old.home, old.path).say(posix.start(errand, "mark"), 10)
    assert old.left == [posix.ROOT]
    deadline = time.monotonic() + 50
    while old.left and time.monotonic() < deadline:
        time.sleep(0.2)
    assert old.left == []


@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("t-1", ""),
        ("t-2", "sees another storage"),
        (None, "cannot see cluster storage"),
    ],
)
def test_storage_is_seen_by_its_token(old, token, why):
    storage = old.work / "it's here"
    storage.mkdir()
    if token:
        (storage / ".orchestrator-storage").write_text(f"{token}\n")
    answer = extended.check(old.dial, str(storage), "t-1")
    assert answer.startswith(why)
    assert bool(answer) == bool(why)


def test_an_errand_is_made_of_the_runners_spec(tmp_path):
    spec = tmp_path / "spec.json"
    spec.write_text(
        json.dumps({"attempt": "x-7", "folder": "/s/x-7", "env": {"A": "1"}, "cwd": "/media"})
    )
    made, folder = extended.errand(["render"], spec, 60)
    assert made == Errand(name="x-7", words=("render",), env={"A": "1"}, cwd="/media", silence_s=60)
    assert str(folder) == "/s/x-7"


def test_keeper_leaves_where_its_folder_has_gone_and_never_spins(old):
    assert old.visit("true")._start() is None
    until(lambda: (old.home / ".orchestrator-extended/a-1/status").exists())
    shutil.rmtree(old.home / ".orchestrator-extended")
    for pid in children(processes_of(old.home), b"sleep"):
        os.kill(pid, signal.SIGTERM)
    until(lambda: not processes_of(old.home), limit_s=5)


def test_keeper_leaves_where_its_tools_have_gone(tmp_path):
    old = Old(tmp_path)
    assert old.visit("sh", "-c", "until [ -e go ]; do :; done")._start() is None
    until(lambda: (old.home / ".orchestrator-extended/a-1/pids").exists())
    shutil.rmtree(old.path)
    shutil.rmtree(old.home / ".orchestrator-extended")
    for pid in children(processes_of(old.home), b"sleep"):
        os.kill(pid, signal.SIGKILL)
    until(lambda: not processes_of(old.home), limit_s=5)
    until(lambda: not processes_of(old.work), limit_s=5)


def children(pids, name):
    return [pid for pid in pids if Path(f"/proc/{pid}/comm").read_bytes().strip() == name]
