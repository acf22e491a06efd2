from dataclasses import replace

from orchestrator.decide.blame import NOBODY, Blame, Quarantine
from orchestrator.decide.crew import Crew, current, set_aside
from orchestrator.decide.fleet import Gate, Sight
from orchestrator.engine.fake import USUAL
from orchestrator.model.node import Member, Report

MEMBER = Member("n1", "2")
REPORT = Report(beat=1, identity=USUAL)
SEEN = Sight(member=MEMBER, report=REPORT, is_listed=True, held=frozenset({"a-000001"}))
SILENT = replace(SEEN, is_listed=False, silent_s=20.0)
GATE = Gate(lost_after_s=60.0)


def crew(sight=SEEN):
    sights = {"n1": sight}
    return Crew(
        members=current(sights), sights=sights, gate=GATE, closed={}, quarantine=NOBODY, aside={}
    )


def test_who_is_listed_takes_part():
    assert crew().members == {MEMBER: REPORT}
    assert crew(SILENT).members == {}
    assert crew(Sight()).members == {}


def test_what_an_earlier_life_had_is_gone_once_the_present_one_is_here():
    assert crew().gone == {"a-000001"}
    assert crew(SILENT).gone == frozenset()


def test_silent_node_is_unheard_and_later_lost_too():
    assert (crew().unheard, crew(SILENT).unheard) == (frozenset(), {"n1"})
    assert crew(SILENT).lost == {}
    assert crew(replace(SILENT, silent_s=60.0)).lost.keys() == {"n1"}


def test_who_is_set_aside_bears_the_reason():
    found = Quarantine(blames={"n1": Blame(why="it fails all", since=0.0, pause_s=1.0)})
    sights = set_aside({"n1": SEEN, "n2": SEEN}, found)
    assert {name: sight.set_aside for name, sight in sights.items()} == {
        "n1": "it fails all",
        "n2": "",
    }
