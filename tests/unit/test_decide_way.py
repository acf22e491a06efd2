from dataclasses import replace

import pytest

from orchestrator.decide.fleet import Gate, Ours, Sight
from orchestrator.decide.way import JOIN_LIMIT_S, Deed, Machine, Way, next_step
from orchestrator.engine.fake import USUAL
from orchestrator.model.node import Member, Report
from orchestrator.model.talk import NodePhase

OURS = Ours(version="1", python_minor="3.11")
GATE = Gate(ours=OURS, lost_after_s=60.0)
IDENTITY = replace(USUAL, version="1", python_minor="3.11")
FRESH = Machine(python="3.11")
INSTALLED = Machine(python="3.11", runtime="r")
RUNNING = Machine(
    python="3.11", owner="studio", owner_id="id", runtime="r", settings="s", has_agent=True
)


def sight(silent_s=0.0, *, listed=True, unfit="", left=False, **identity):
    report = Report(beat=1, identity=replace(IDENTITY, **identity), unfit=unfit, left=left)
    return Sight(member=Member("n1", "1"), report=report, silent_s=silent_s, is_listed=listed)


def way(machine=RUNNING, **wanted):
    usual = {"name": "n1", "cluster_id": "id", "gate": GATE, "settings": "s", "runtime": "r"}
    return Way(machine=machine, **{**usual, **wanted})


HERE = {"sight": sight()}
LEFT = {"sight": sight(99.0, listed=False, left=True)}
SHUT = replace(GATE, shut={"n1": "closed until Mon 18:00 (UTC)"})
TABLE = [
    # what is found, what is known, phase, deed
    ("unknown", way(None), "connecting", Deed.ASK),
    ("works, not yet asked", way(None, **HERE), "ready", Deed.ASK),
    ("wheels on their way", way(FRESH, runtime=""), "installing", None),
    ("fresh", way(FRESH), "installing", Deed.INSTALL),
    ("other runtime", way(replace(INSTALLED, runtime="old")), "installing", Deed.INSTALL),
    ("installed", way(INSTALLED), "starting", Deed.START),
    ("stopped too often", way(INSTALLED, may_start=False), "unfit", None),
    ("started", way(), "joining", None),
    ("not heard of", way(started_s=JOIN_LIMIT_S + 1), "unreachable", None),
    ("started, asked again", way(None, started_s=9.0), "joining", Deed.ASK),
    ("not heard of, asked again", way(None, started_s=99.0), "unreachable", Deed.ASK),
    ("works", way(**HERE), "ready", None),
    ("other python", way(replace(FRESH, python="3.9")), "unfit", None),
    ("of another cluster", way(replace(RUNNING, owner_id="x")), "refused", None),
    # who is heard of and does not work
    ("paused", way(**HERE, gate=replace(GATE, paused=frozenset({"n1"}))), "paused", None),
    ("inactive", way(**HERE, gate=replace(GATE, inactive=frozenset({"n1"}))), "paused", None),
    ("closed", way(**HERE, gate=SHUT), "closed", None),
    ("closed, asked again", way(None, **HERE, gate=SHUT), "closed", Deed.ASK),
    ("closed, and busy", way(**HERE, gate=SHUT, busy=1), "closed", None),
    ("unfit", way(sight=sight(unfit="no storage")), "unfit", None),
    ("changed there by hand", way(sight=sight(version="0"), is_closed=True), "unfit", None),
    (
        "quarantined",
        way(sight=replace(sight(), set_aside="3 tasks have failed on it")),
        "quarantined",
        None,
    ),
    # who is not heard of any more
    ("suspect", way(sight=sight(9.0)), "suspect", None),
    ("has left", way(None, sight=sight(0.5, listed=False)), "suspect", Deed.ASK),
    ("closed and switched off", way(sight=sight(99.0), gate=SHUT), "closed", None),
    ("closed, and its work is missed", way(sight=sight(99.0), gate=SHUT, busy=1), "lost", None),
    ("lost", way(sight=sight(60.0)), "lost", None),
    ("with most others", way(sight=replace(sight(599.0), together=True)), "suspect", None),
    ("with most others, too long", way(sight=replace(sight(600.0), together=True)), "lost", None),
    ("said lost", way(sight=sight(9.0), gate=replace(GATE, given_up={"n1": ""})), "lost", None),
    # who said goodbye
    ("stopped there", way(None, sight=sight(left=True), started_s=99.0), "left", Deed.ASK),
    ("stopped by us", way(None, sight=sight(left=True)), "starting", Deed.ASK),
    ("started by us", way(None, sight=sight(left=True), started_s=9.0), "joining", Deed.ASK),
    ("stopped there, long ago", way(None, **LEFT, trouble="no", is_waiting=True), "left", None),
    ("stopped there, and asked", way(INSTALLED, **LEFT), "starting", Deed.START),
    ("stopped there, still ends", way(**LEFT, started_s=JOIN_LIMIT_S + 1), "left", None),
    ("started anew", way(**LEFT, started_s=3.0), "joining", None),
    ("closed, and stopped there", way(None, **LEFT, gate=SHUT, is_waiting=True), "closed", None),
    # changes
    ("new settings, busy", way(**HERE, settings="s2", busy=1, is_closed=True), "draining", None),
    ("new settings, still open", way(**HERE, settings="s2"), "draining", None),
    ("new settings, drained", way(**HERE, settings="s2", is_closed=True), "starting", Deed.STOP),
    ("new settings, not here", way(settings="s2", busy=1), "starting", Deed.STOP),
    ("new runtime, drained", way(**HERE, runtime="r2", is_closed=True), "starting", Deed.STOP),
    ("forced, drained", way(**HERE, is_forced=True, is_closed=True), "starting", Deed.STOP),
    (
        "hurried",
        way(**HERE, settings="s2", busy=1, is_closed=True, hurry=True),
        "starting",
        Deed.STOP,
    ),
    # trouble
    ("no answer", way(None, trouble="no", is_waiting=True), "unreachable", None),
    ("time is over", way(None, trouble="no"), "unreachable", Deed.ASK),
    ("works, SSH does not", way(None, **HERE, trouble="no", is_waiting=True), "ready", None),
    ("refused", way(None, trouble="no", is_refused=True), "refused", None),
    # leaving
    ("leaves, busy", way(is_wanted=False, busy=1, **HERE), "draining", None),
    ("leaves, not asked", way(None, is_wanted=False), "draining", Deed.ASK),
    ("leaves", way(is_wanted=False, **HERE), "draining", Deed.STOP),
    ("leaves, hurried", way(is_wanted=False, busy=1, hurry=True), "draining", Deed.STOP),
    (
        "leaves, stopped",
        way(replace(RUNNING, has_agent=False), is_wanted=False),
        "draining",
        Deed.REMOVE,
    ),
    ("never ours", way(replace(RUNNING, owner_id="x"), is_wanted=False), "removed", None),
    (
        "leaves, and commands run",
        way(replace(RUNNING, has_agent=False, commands=2), is_wanted=False),
        "draining",
        None,
    ),
    ("installed, never started", way(INSTALLED, is_wanted=False), "draining", Deed.REMOVE),
    ("never installed", way(FRESH, is_wanted=False), "removed", None),
    ("cleaned", way(None, is_wanted=False, is_removed=True), "removed", None),
    ("dead", way(None, is_wanted=False, trouble="no", is_waiting=True), "unreachable", None),
    ("key changed", way(None, is_wanted=False, trouble="no", is_refused=True), "refused", None),
]


@pytest.mark.parametrize(("name", "given", "phase", "deed"), TABLE, ids=[row[0] for row in TABLE])
def test_next_step_is_that_of_the_table(name, given, phase, deed):
    step = next_step(given)
    assert (step.phase, step.deed) == (NodePhase(phase), deed)


@pytest.mark.parametrize(("name", "given", "phase", "deed"), TABLE, ids=[row[0] for row in TABLE])
def test_what_holds_a_node_up_is_said(name, given, phase, deed):
    if phase in {"refused", "unreachable", "unfit", "lost", "suspect", "closed"} and deed is None:
        assert next_step(given).why


def test_what_ran_on_a_node_that_left_is_given_to_others_when_it_stays_away():
    away = {"trouble": "no", "is_waiting": True}
    for silent_s in (0.0, 59.0, 60.0, 600.0):
        step = next_step(way(None, sight=sight(silent_s, listed=False, left=True), **away))
        assert step.is_lost is (silent_s >= GATE.lost_s)
        assert step.why == "its agent was stopped there; no"


def test_every_phase_but_the_first_is_reached():
    assert {next_step(given).phase for _, given, _, _ in TABLE} == set(NodePhase) - {
        NodePhase.WAITING
    }
