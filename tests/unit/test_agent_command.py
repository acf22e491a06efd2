"""When a command is ended, on a virtual clock (F12, F13)."""

import os
import signal

import pytest

from orchestrator.agent import command as module
from orchestrator.agent.command import GRACE_S, UNKILLABLE_S, Limits
from orchestrator.agent.spawned import found

pytestmark = pytest.mark.fault("F12", "F13")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Group:
    def __init__(self, clock):
        self._clock, self.signals = clock, []

    def ask_end(self):
        self.signals.append((self._clock.now - 1000.0, signal.SIGTERM))

    def kill(self):
        self.signals.append((self._clock.now - 1000.0, signal.SIGKILL))


class Part:
    """The least of watch and bell that a keeper needs."""

    def __init__(self):
        self.moved_at = 1000.0
        self.grace_s = None

    def request(self):
        grace_s, self.grace_s = self.grace_s, None
        return grace_s


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(module, "now_s", clock)
    return clock


@pytest.fixture
def part():
    return Part()


@pytest.fixture
def keeper(clock, part):
    """Return a function that runs a keeper with these limits until it rests, or for a day."""

    def run(limits, events=()):
        group = Group(clock)
        one = module._Keeper(group, part, part, limits)
        waiting = list(events)
        while (wait_s := one.wait_s(None)) is not None or waiting:
            at = clock.now + wait_s if wait_s is not None else float("inf")
            if waiting and 1000.0 + waiting[0][0] <= at:
                when, act = waiting.pop(0)
                clock.now = 1000.0 + when
                act()
            else:
                clock.now = at
            one.enforce()
            if one.is_hopeless:
                break
        return one, group.signals

    return run


def test_without_limits_it_may_take_for_ever(keeper):
    one, signals = keeper(Limits())
    assert (one.ending, signals) == ("exited", [])


def test_limit_ends_it_gently_then_hard_then_gives_up(keeper):
    one, signals = keeper(Limits(60, 60))
    assert signals == [(60, signal.SIGTERM), (60 + GRACE_S, signal.SIGKILL)]
    assert one.ending == "limit"
    assert one.is_hopeless
    assert one.why.endswith(f"unkillable: still there {UNKILLABLE_S:g} s after SIGKILL")


def test_preflight_takes_its_time_from_the_limit(keeper):
    one, signals = keeper(Limits(60, 20))
    assert signals[0] == (20, signal.SIGTERM)
    assert one.why.startswith("ran longer than its limit of 60 s")


def test_stall_counts_from_the_last_progress(keeper, part):
    moved = [(t, lambda t=t: setattr(part, "moved_at", 1000.0 + t)) for t in (50, 100)]
    one, signals = keeper(Limits(stall_s=60), moved)
    assert signals[0] == (160, signal.SIGTERM)
    assert one.ending == "stall"


def test_request_has_its_own_grace(keeper, part):
    one, signals = keeper(Limits(), [(5, lambda: setattr(part, "grace_s", 2.0))])
    assert signals == [(5, signal.SIGTERM), (7, signal.SIGKILL)]
    assert one.ending == "killed"


def test_first_reason_stays(keeper, part):
    one, signals = keeper(Limits(60, 60), [(62, lambda: setattr(part, "grace_s", 1.0))])
    assert signals == [(60, signal.SIGTERM), (63, signal.SIGKILL)]
    assert one.ending == "limit"


def test_program_is_found_as_a_shell_would(tmp_path):
    (tmp_path / "tool").write_text("")
    (tmp_path / "tool").chmod(0o755)
    (tmp_path / "data").write_text("")
    path = f"/nowhere{os.pathsep}{tmp_path}"
    assert found("tool", path) == str(tmp_path / "tool")
    assert found("./tool", path) == "./tool"
    for word in ("data", "missing"):
        with pytest.raises(FileNotFoundError):
            found(word, path)
