"""Which nodes are set aside, as a table of what happened to them (F32)."""

from datetime import UTC, datetime

import pytest

from orchestrator.decide.blame import Blame, Now, blame, quarantine
from orchestrator.model.record import AttemptRecord

pytestmark = pytest.mark.fault("F32")

BEGIN = 1_800_000_000.0


def iso(at: float) -> str:
    return datetime.fromtimestamp(BEGIN + at, UTC).isoformat(timespec="milliseconds")


def history(text: str):
    """Return attempts from words such as ``a:failed@10``: job, end, second; each took 1 s."""
    records = []
    for number, word in enumerate(text.split()):
        job, _, rest = word.partition(":")
        how, _, at = rest.partition("@")
        records.append(
            AttemptRecord(
                id=f"x-{number:06d}",
                task=f"b-0001/{job}/t/{number:06d}/encode",
                node="n1",
                opened=iso(float(at) - 1),
                closed=iso(float(at)),
                accepted=how == "ok",
                cause="" if how == "ok" else how,
                why=f"{how} of {job}",
            )
        )
    return tuple(reversed(records))


@pytest.mark.parametrize(
    ("text", "since", "pause_s"),
    [
        ("", None, None),
        ("a:failed@1 b:failed@2", None, None),
        ("a:failed@1 a:failed@2 a:failed@3 a:failed@4", None, None),  # one job: it is to blame
        ("a:failed@1 a:failed@2 b:failed@3", 3, 300),
        ("a:failed@1 b:crashed@2 a:failed@3", 3, 300),
        ("a:failed@1 b:failed@2 a:ok@3 a:failed@4", None, None),  # not in a row
        ("a:failed@1 a:unready@2 b:cancelled@3 b:source@4 b:failed@5 b:failed@6", 6, 300),
        ("a:failed@1 b:failed@2 a:failed@3 b:failed@3", 3, 300),  # ran already: no probe
        ("a:failed@1 b:failed@2 a:failed@3 b:failed@310", 310, 900),
        ("a:failed@1 b:failed@2 a:failed@3 b:failed@310 a:lost@1300", 1300, 3600),
        ("a:failed@1 b:failed@2 a:failed@3 b:failed@310 a:lost@1300 a:failed@5000", 5000, 3600),
        ("a:failed@1 b:failed@2 a:failed@3 b:ok@310", None, None),
        ("a:lost@1 a:lost@2", None, None),
        ("a:lost@1 b:lost@1 a:lost@1", None, None),  # one death of a node with three instances
        ("a:lost@1 a:lost@2 a:lost@601", 601, 300),
        ("a:lost@1 a:lost@2 a:lost@602", None, None),
        ("a:lost@1 a:lost@2 a:ok@3 a:lost@4", None, None),
    ],
)
def test_node_is_blamed_for_what_happened_to_it(text, since, pause_s):
    found = blame(history(text))
    known = (found.since - BEGIN, found.pause_s) if found else (None, None)
    assert known == (since, pause_s)


def test_blame_says_what_happened():
    said = blame(history("a:failed@1 b:failed@2 a:crashed@3"))
    assert said.why == "3 tasks of 2 jobs in a row have failed on it: crashed of a"
    said = blame(history("a:lost@1 b:lost@2 a:lost@3"))
    assert said.why == "flaky: work was lost on it 3 times in 10 min"


@pytest.mark.parametrize(
    ("now", "is_due"),
    [(99.9, True), (100.0, False), (399.9, False), (400.0, True)],  # the clock was set back: due
)
def test_probe_is_due_when_its_pause_is_over(now, is_due):
    assert Blame(why="x", since=100.0, pause_s=300.0).is_due(now) == is_due


def bad(since=0.0):
    return Blame(why=f"since {since:g}", since=since, pause_s=300.0)


def aside(blames, *, unix=100.0, there=("n1", "n2", "n3"), busy=(), aside=()):
    now = Now(unix=unix, there=frozenset(there), busy=frozenset(busy), aside=frozenset(aside))
    return quarantine(blames, now)


def test_node_that_is_blamed_is_given_nothing_until_its_probe():
    assert aside({"n1": bad(), "n2": None, "n3": None}).closed == {"n1": "since 0"}
    due = aside({"n1": bad(), "n2": None, "n3": None}, unix=300.0)
    assert (due.closed, due.probing, due.blames.keys()) == ({}, {"n1"}, {"n1"})


def test_one_probe_at_a_time():
    found = aside({"n1": bad(), "n2": None}, unix=300.0, busy=("n1",))
    assert found.closed == {"n1": "since 0"}


def test_last_node_is_not_set_aside():
    every = {"n1": bad(1.0), "n2": bad(2.0), "n3": bad(3.0)}
    assert aside(every).closed.keys() == {"n2", "n3"}
    assert aside(every, aside=("n1",)).closed.keys() == {"n1", "n3"}  # it stays the same one
    assert aside({"n1": bad(), "n2": None}, there=("n1",)).closed == {}
    assert aside({"n1": bad(), "n2": None}, there=()).closed == {"n1": "since 0"}
