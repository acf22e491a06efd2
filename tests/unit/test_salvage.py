"""What counts of the work that a ledger has forgotten, and who notices that it has."""

import json
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
from agents import IDENTITY as AGENT
from agents import ScriptedLauncher, spec
from cli_ledger import NODE, Office, batch
from ledgers import Desk, check
from ledgers import batch as one_job

from orchestrator.agent.files import write_whole
from orchestrator.agent.spool import Spool
from orchestrator.agent.table import AgentTable
from orchestrator.cli.salvage import Shelf
from orchestrator.controller.act import Hands
from orchestrator.controller.testimony import Hearing, lease_key, lease_proof
from orchestrator.decide.salvage import Find, kept, proven
from orchestrator.decide.settle import Limits
from orchestrator.errors import LedgerDamaged
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.ledger.recovering import best, inspect, reckon, recover
from orchestrator.ledger.sqlite import SqliteLedger, now_utc
from orchestrator.model.codec import canonical, dump, load
from orchestrator.model.node import Identity, Label, Member, Report, Seen, work_digest
from orchestrator.model.work import (
    Accept,
    Ending,
    Job,
    Kind,
    Outcome,
    Reject,
    Result,
    State,
    Task,
)

JOB = Job(id="b-0001/j", name="j", processor="scripted", asks={})
P, Q, R, A = "b-0001/j/probe", "b-0001/j/t/0/encode", "b-0001/j/t/1/encode", "b-0001/j/t/assemble"
IDENTITY = Identity(version="1", python="", cores=1, memory_bytes=1, instances={})


def task(id, *needs, **keys):
    return Task(id=id, job=JOB, kind=Kind.ENCODE, needs=needs, **keys)


TASKS = [task(P), task(Q, P), task(R, P), task(A, Q, R)]
TASK = {each.id: each for each in TASKS}


def find(id, attempt, lease=0, of=None, **inputs):
    """Return what an attempt left of a task, made of these attempts of what it needs."""
    used = {need: inputs[need.rpartition("/")[0][-1]] for need in TASK[id].needs}
    label = Label(
        attempt=attempt,
        task=id,
        node="n1",
        incarnation="x",
        epoch=1,
        lease=lease,
        work=work_digest(of or TASK[id], used),
    )
    return Find(label, Outcome(attempt=attempt, ending=Ending.EXITED, exit_code=0))


def names(finds):
    return [each.label.attempt for each in finds]


# -- what counts


def test_chain_of_the_same_work_counts_whole():
    finds = [find(A, "a", **{"0": "q", "1": "r"}), find(R, "r", j="p"), find(Q, "q", j="p")]
    found = proven(TASKS, {P: "p"}, finds)
    assert set(names(found)) == {"q", "r", "a"}
    assert names(kept(TASKS, {P: "p"}, found, {"q", "r", "a"})) == names(found)


@pytest.mark.parametrize(
    "other",
    [
        find(Q, "q", j="another"),
        find(Q, "q", j="p", of=replace(TASK[Q], args={"crf": 1})),
        find(Q, "q", j="p", of=replace(TASK[Q], job=replace(JOB, asks={"source": "/other"}))),
    ],
    ids=["inputs", "arguments", "job"],
)
def test_other_work_counts_for_nothing(other):
    assert proven(TASKS, {P: "p"}, [other]) == ()


def test_task_that_is_accepted_or_over_takes_nothing():
    over = [replace(TASK[Q], state=State.FAILED) if t.id == Q else t for t in TASKS]
    assert proven(over, {P: "p"}, [find(Q, "q", j="p")]) == ()
    assert proven(TASKS, {P: "p", Q: "x"}, [find(Q, "q", j="p")]) == ()


def test_of_two_the_first_counts():
    finds = [find(Q, "late", lease=9, j="p"), find(Q, "early", lease=3, j="p")]
    assert names(proven(TASKS, {P: "p"}, finds)) == ["early"]


def test_files_may_be_gone_of_what_nobody_needs():
    finds = [find(A, "a", **{"0": "q", "1": "r"}), find(R, "r", j="p"), find(Q, "q", j="p")]
    found = proven(TASKS, {P: "p"}, finds)
    assert set(names(kept(TASKS, {P: "p"}, found, {"a"}))) == {"q", "r", "a"}
    assert set(names(kept(TASKS, {P: "p"}, found, {"q"}))) == {"q"}  # `a` is gone, so is `r`


# -- the ledger takes it


@pytest.mark.parametrize("was", ["forgotten", "open", "closed"])
def test_ledger_takes_a_result_as_a_late_one(was, tmp_path):
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        desk = Desk(ledger)
        job = desk.accept(one_job()).jobs[0]
        desk.do("b-0001/j/probe")
        desk.plan(job)
        id = "b-0001/j/t/000000/encode"
        number = 77
        if was != "forgotten":
            (attempt,) = desk.lease(id)
            number = int(attempt.id.rpartition("-")[2])
            if was == "closed":
                desk.end(attempt, State.WAITING, reason="lost")
        name = f"{ledger.id}-{number:06d}"
        label = replace(find(P, name).label, task=id, lease=900)
        outcome = Outcome(attempt=name, ending=Ending.EXITED, exit_code=0, result={"a": 1})
        assert ledger.salvage([(label, outcome)], {"epoch": 1}) == 1
        assert ledger.salvage([(label, outcome)], {"epoch": 1}) == 0  # it is over
        assert ledger.results([id])[id].values == {"a": 1}
        check(ledger)
        desk.finish()
        check(ledger)
        assert ledger.state("b-0001") is State.SUCCESSFUL
        numbers = [int(r.id.rpartition("-")[2]) for r in ledger.attempts("b-0001")]
        assert len(set(numbers)) == len(numbers)
    assert inspect(tmp_path / "ledger.db") == ()


def test_forged_and_half_folders_count_for_nothing(tmp_path, monkeypatch, capsys):
    office = Office(tmp_path / "state", monkeypatch, capsys)
    office.planned(batch(), segments=1)
    attempts = office.where.storage / "attempts"
    id, probe = "dailies-0001/clip/web/000000/encode", "dailies-0001/clip/probe"
    inputs = {probe: office.ledger.results([probe])[probe].attempt}
    work = work_digest(office.ledger.task(id), inputs)

    def leave(number, label=None, outcome=None):
        name = f"{office.ledger.id}-{number:06d}"
        (attempts / name).mkdir(parents=True)
        told = replace(find(P, name).label, task=id, work=work)
        write_whole(attempts / name / "label.json", (label or canonical(told)).encode())
        came = Outcome(attempt=name, ending=Ending.EXITED, exit_code=0)
        if outcome is not None:
            came = outcome if isinstance(outcome, str) else canonical(replace(came, **outcome))
            write_whole(attempts / name / "exit.json", came.encode())

    leave(900)  # no end
    leave(901, outcome="{")
    leave(902, label="[]", outcome={})
    leave(903, outcome={"attempt": "other"})
    leave(904, outcome={"exit_code": None, "signal": 9})
    leave(905, outcome={"result": {"error": "no such frame"}})
    (attempts / "x" / "label.json").mkdir(parents=True)
    office.ledger.close()
    assert "nothing to recover" in office.call("controller", "recover", "--yes").out


@pytest.mark.parametrize(
    "false", [{"lease": 10**30}, {"epoch": 10**30}, {"epoch": -1}, {"node": "\ud800"}], ids=str
)
def test_label_that_no_ledger_could_store_is_none(tmp_path, false):
    label = replace(find(P, "p").label, **false)
    (tmp_path / "attempts" / "p").mkdir(parents=True)
    (tmp_path / "attempts" / "p" / "label.json").write_text(json.dumps(dump(label)))
    assert Shelf.at(tmp_path).labels == ()


@pytest.mark.parametrize("name", ["a\0b", "\ud800", "..", "a" * 300], ids=repr)
def test_file_that_no_path_can_name_is_not_there(tmp_path, name):
    told = find(P, "p")
    result = {"file": name, "sha256": "0"}
    told = Find(told.label, replace(told.outcome, result=result))
    assert not Shelf(tmp_path)._is_whole(told, Kind.PROBE)


# -- agents as witnesses


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request, tmp_path):
    if request.param == "memory":
        yield MemoryLedger()
    else:
        with SqliteLedger(tmp_path / "ledger.db") as made:
            yield made


def says(ledger, lease, epoch=1, of=None):
    """Return what is heard of a node that was given this lease."""
    of = of or ledger.id
    seen = Seen(ledger=of, epoch=epoch, lease=lease, proof=lease_proof(b"", of, epoch, lease))
    return {Member("n1", "x"): Report(beat=1, identity=IDENTITY, seen=seen)}


def test_ledger_that_lacks_a_lease_is_refused_until_a_person_knows(ledger):
    hearing = Hearing()
    ledger.note("leased", "x", {})
    last = ledger.events()[-1].seq
    hearing.hear(ledger, says(ledger, last))
    hearing.hear(ledger, says(ledger, 900, of="ffffff"))  # another ledger's
    with pytest.raises(LedgerDamaged, match=r"'n1' was given work by event 900 .*recover"):
        hearing.hear(ledger, says(ledger, 900))
    assert ledger.events()[-1].kind == "behind"
    ledger.note("recovered", ledger.id, {"epoch": 1})
    hearing.hear(ledger, says(ledger, 900))
    with pytest.raises(LedgerDamaged):
        hearing.hear(ledger, says(ledger, 900, epoch=2))  # since then


def test_refused_ledger_is_refused_however_often_it_is_opened(ledger):  # I11
    """Each start is an event, too; they fill the place of those that it lacks."""
    with pytest.raises(LedgerDamaged):
        Hearing().hear(ledger, says(ledger, 9))
    for _ in range(12):
        ledger.note("epoch-taken", ledger.id, {})
        with pytest.raises(LedgerDamaged, match=r"event 9 of epoch 1"):
            Hearing().hear(ledger, {})
    assert [each.kind for each in ledger.events()].count("behind") == 1


@pytest.mark.parametrize("kind", ["leased", "epoch-taken"])
def test_older_copy_that_went_on_has_other_events(ledger, kind):  # I11
    for _ in range(12):
        ledger.note("leased", "x", {})
    ledger.note(kind, "x", {})
    last = ledger.events()[-1].seq
    hearing, is_it = Hearing(), kind == "leased"
    hearing.hear(ledger, says(ledger, last - 1))
    with nullcontext() if is_it else pytest.raises(LedgerDamaged):
        hearing.hear(ledger, says(ledger, last))
    with pytest.raises(LedgerDamaged):  # what it has there is younger
        hearing.hear(ledger, says(ledger, last - 2, epoch=0))


def test_node_that_only_says_so_stops_nobody(ledger, tmp_path):  # T13
    key = lease_key(tmp_path / "lease.json")
    assert lease_key(tmp_path / "lease.json") == key
    hearing, told = Hearing(key), says(ledger, 900)
    hearing.hear(ledger, told)
    ((member, report),) = told.items()
    proof = lease_proof(key, ledger.id, 1, 901)
    proven = replace(report.seen, lease=901, proof=proof)
    for false in ({"lease": 10**30}, {"proof": "\ud800"}, {"epoch": 10**30}):
        hearing.hear(ledger, {member: replace(report, seen=replace(proven, **false))})
    with pytest.raises(LedgerDamaged):
        hearing.hear(ledger, {member: replace(report, seen=proven)})


def test_agent_tells_what_it_was_given_last(tmp_path):
    launcher = ScriptedLauncher()
    table = AgentTable("n1", AGENT, tmp_path, launcher)
    table.take(canonical(spec("abc123-000004", lease=17, proof="ab")))
    told = table.report()
    assert told.seen == Seen(ledger="abc123", epoch=1, lease=17, proof="ab")
    assert load(Report, json.loads(canonical(told))) == told
    launcher.finish("abc123-000004")
    table.close()
    again = AgentTable("n1", AGENT, tmp_path, launcher)
    assert again.report().seen == told.seen
    again.close()


@pytest.mark.parametrize(
    ("spoiled", "found"),
    [
        (["q-1"], [Q]),
        (["r-1", "q-1", "q-1"], [R, Q]),
        (["p-1"], []),  # what is accepted was made of it
        (["a-1", "ffffff-000001", 7, None], []),  # it is no input
        ("q-1", []),
        ({"q-1": 1}, []),
    ],
)
def test_only_what_a_task_was_made_of_is_spoiled(spoiled, found):  # T21
    done = {each: Result(attempt=f"{name}-1") for each, name in zip((P, Q, R), "pqr", strict=True)}
    tasks = {t.id: replace(t, state=State.SUCCESSFUL) if t.id in done else t for t in TASKS}
    ledger = SimpleNamespace(
        results=lambda needs: {need: done[need] for need in needs},
        tasks=lambda job: tuple(tasks.values()),
        task=tasks.get,
    )
    hands = object.__new__(Hands)  # of all that it has, two things are asked for
    hands.ledger, hands.limits = ledger, Limits()
    asked = replace(tasks[A], needs=(P, Q, R), state=State.PROCESSING)
    told = Outcome(attempt="a-1", ending=Ending.EXITED, exit_code=1, result={"spoiled": spoiled})
    back = hands._spoiled(asked, told, Reject("it was changed"))
    assert [each.task.id for each in back] == found
    assert all((b.task.state, b.task.tries) == (State.WAITING, 1) for b in back)
    assert hands._spoiled(asked, told, Accept()) == []


def test_ledger_that_was_refused_is_recovered_above_what_was_seen(tmp_path, monkeypatch, capsys):
    office = Office(tmp_path / "state", monkeypatch, capsys)
    office.planned(batch(), segments=1)
    heard = says(office.ledger, 900, epoch=40)
    with pytest.raises(LedgerDamaged):
        Hearing().hear(office.ledger, heard)
    office.ledger.close()
    said = office.call("controller", "check", ends=1).out
    assert "node 'mac-01'" not in said
    assert "node 'n1' was given work by event 900, which it does not have" in said
    office.call("controller", "recover", "--yes")
    assert "it is right" in office.call("controller", "check").out
    with SqliteLedger(office.where.ledger) as ledger:
        assert ledger.epoch > 40
        Hearing().hear(ledger, heard)
        (made,) = ledger.lease([(ledger.task("dailies-0001/clip/web/000000/encode"), NODE)])
        assert int(made.id.rpartition("-")[2]) > 800


def test_kill_between_leaves_the_copy_for_the_next_recovery(tmp_path, monkeypatch):
    path = tmp_path / "ledger.db"
    with SqliteLedger(path) as ledger:
        ledger.note("x", "x", {})
    path.with_name("ledger.witness").unlink()
    found = reckon(path, best(path), [])

    def stop(self, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", stop)
        with pytest.raises(KeyboardInterrupt):
            recover(path, found, now_utc())
    path.write_bytes(b"")  # what there was stood in the log that is put aside
    again = reckon(path, best(path), [])
    assert again.copy.mark.seq == found.copy.mark.seq
    recover(path, again, now_utc())
    assert inspect(path) == ()
    with SqliteLedger(path) as ledger:
        assert "x" in {event.kind for event in ledger.events()}


def test_folder_of_any_name_does_not_use_the_numbers_up(tmp_path):
    path = tmp_path / "ledger.db"
    with SqliteLedger(path) as ledger:
        id = ledger.id
    copy = best(path)
    assert reckon(path, copy, [f"{id}-{'9' * 17}", f"{id}-000041"]).next_attempt == 42


def test_no_number_comes_back_however_often_an_older_copy_was_opened(tmp_path):  # R1
    path = tmp_path / "ledger.db"
    with SqliteLedger(path) as ledger, pytest.raises(LedgerDamaged):
        Hearing().hear(ledger, says(ledger, 12))
    for _ in range(12):
        SqliteLedger(path).close()
    found = reckon(path, best(path), [])
    assert found.copy.mark.seq > 12
    assert found.next_attempt > 12
    assert found.lost is None  # nobody can say


def test_agent_remembers_the_newest_lease_of_the_newest_epoch(tmp_path):
    given = spec("abc123-000004", task=P)
    spool = Spool(tmp_path)
    assert spool.seen is None
    for epoch, lease in [(3, 50), (3, 40), (2, 99), (4, 7)]:
        spool.raise_seen(replace(given, epoch=epoch, lease=lease))
    assert Spool(tmp_path).seen == Seen(ledger="abc123", epoch=4, lease=7)
