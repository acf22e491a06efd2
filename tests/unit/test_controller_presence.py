from dataclasses import replace

import pytest

from orchestrator.controller.presence import GAP_MAX_S, Presence
from orchestrator.engine.fake import USUAL
from orchestrator.model.node import Member, Phase, Report

N1 = Member("n1", "life-1")
REBORN = Member("n1", "life-2")


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Watched:
    """A presence, looked at once a second."""

    def __init__(self):
        self.clock = Clock()
        self.presence = Presence(self.clock)

    def look(self, *reports, after=1.0, **open_attempts):
        self.clock.now += after
        attempts = {id.replace("_", "-"): node for id, node in open_attempts.items()}
        return self.presence.look(dict(reports), attempts)


@pytest.fixture
def watched():
    return Watched()


def said(member, beat, *attempts, boot="boot-1", left=False):
    holds = {id: (Phase.RUNNING, "") for id in attempts}
    who = replace(USUAL, boot=boot)
    return member, Report(beat=beat, identity=who, attempts=holds, left=left)


def test_node_whose_beat_changes_is_not_silent(watched):
    for beat in range(4):
        sight = watched.look(said(N1, beat))["n1"]
    assert (sight.silent_s, sight.member, sight.is_listed) == (0.0, N1, True)


def test_node_whose_beat_stands_still_grows_silent(watched):
    watched.look(said(N1, 7))
    watched.look(said(N1, 7))
    assert watched.look(said(N1, 7))["n1"].silent_s == 2.0
    assert watched.look(said(N1, 8))["n1"].silent_s == 0.0


def test_node_that_is_no_longer_listed_goes_on_being_known(watched):
    watched.look(said(N1, 7))
    sight = watched.look()["n1"]
    assert (sight.silent_s, sight.member, sight.is_listed) == (1.0, N1, False)
    watched.presence.forget(["n1"])
    assert watched.look() == {}


def test_goodbye_is_remembered_until_the_next_life(watched):  # R10
    watched.look(said(N1, 7))
    assert watched.look(said(N1, 8, left=True))["n1"].has_left
    sight = watched.look(after=4.0)["n1"]
    assert (sight.has_left, sight.silent_s) == (True, 4.0)
    sight = watched.look(said(N1, 8, left=True), said(REBORN, 1))["n1"]
    assert (sight.has_left, sight.member, sight.double) == (False, REBORN, None)


def test_nodes_of_open_attempts_count_from_the_first_look(watched):  # R10
    assert watched.look(a_1="n9", after=0)["n9"].silent_s == 0.0
    assert watched.look(a_1="n9")["n9"].silent_s == 1.0


def test_while_we_slept_nobody_could_be_heard(watched):
    watched.look(said(N1, 7))
    assert watched.look(said(N1, 7), after=3600)["n1"].silent_s == GAP_MAX_S


def test_next_life_on_the_same_machine_counts_at_once(watched):
    watched.look(said(N1, 7))
    both = (said(N1, 7), said(REBORN, 1))
    assert watched.look(*both)["n1"].member == REBORN
    sight = watched.look(*both)["n1"]  # and the old one, while still listed, does not come back
    assert (sight.member, sight.double) == (REBORN, None)


@pytest.mark.fault("F33")
def test_second_machine_of_one_name_is_a_stranger(watched):  # F33
    watched.look(said(N1, 7))
    for beat in range(8, 20):
        sight = watched.look(said(N1, beat), said(REBORN, beat, boot="boot-2"))["n1"]
        assert (sight.member, sight.double) == (N1, REBORN)


def test_machine_that_booted_anew_succeeds_its_silent_past(watched):
    watched.look(said(N1, 7))
    for beat in range(7):
        sight = watched.look(said(N1, 7), said(REBORN, beat, boot="boot-2"))["n1"]
    assert (sight.member, sight.double, sight.silent_s) == (REBORN, None, 0.0)


def test_machine_that_booted_anew_succeeds_a_past_that_has_left(watched):
    watched.look(said(N1, 7))
    assert watched.look(said(REBORN, 1, boot="boot-2"))["n1"].member == REBORN


def test_what_earlier_lives_had_reported_is_remembered_while_it_is_open(watched):  # R11
    watched.look(said(N1, 7, "a-1"), a_1="n1", a_2="n1")
    assert watched.look(said(N1, 8), a_1="n1", a_2="n1")["n1"].held == frozenset()
    assert watched.look(said(REBORN, 1), a_1="n1", a_2="n1")["n1"].held == {"a-1"}
    assert watched.look(said(REBORN, 2), a_2="n1")["n1"].held == frozenset()
