"""The controller's counter: who may do what, what is stored, and what is refused with which words."""

import threading
import types
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from farm_processor import Parts, plugin
from ledgers import Desk
from offices import ADMIN, ANN, BEN, CLUSTER, LOCAL, NOBODY, FakeNodes, bureau, sheets, wanted

from orchestrator.api import ProgramCheck, hookimpl
from orchestrator.controller.vault import Vault
from orchestrator.engine.fake import USUAL, FakeEngine
from orchestrator.errors import Conflict, Forbidden, ManifestError, NotThere, Refusal
from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.model.node import Program
from orchestrator.model.talk import ChangeKind, Leaving, NodePhase, NodeView, Role, Verb
from orchestrator.model.work import Priority, State
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins


@pytest.fixture
def ledger(tmp_path):
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        yield ledger


@pytest.fixture
def desk(ledger, tmp_path):
    return bureau(ledger, tmp_path)


@pytest.fixture
def office(desk):
    return desk.office


# -- the cluster


def test_what_is_applied_stands_and_the_fleet_wants_it(desk):
    applied = desk.office.apply(LOCAL, wanted(commit="c0ffee"))
    assert [(each.kind, each.subject) for each in applied.changes if each.is_work] == [
        (ChangeKind.CREATE, "cluster studio"),
        (ChangeKind.CREATE, "node mac-01"),
    ]
    info = desk.office.info(ADMIN)
    assert (info.revision, info.commit, info.applied) == (applied.revision, "c0ffee", applied.at)
    assert [cluster.name for cluster in desk.fleet.wanted] == ["studio"]
    assert desk.woken == ["wake"]


def test_the_same_again_is_unchanged_and_mends_drift(desk):
    first = desk.office.apply(LOCAL, wanted())
    again = desk.office.apply(ADMIN, wanted(CLUSTER + "\n# a comment\n"))
    assert (again.revision, again.at) == (first.revision, first.at)
    assert not [each for each in again.changes if each.is_work]
    assert len(desk.fleet.wanted) == 2
    kinds = [event.kind for event in desk.ledger.events()]
    assert kinds.count("applied") == 1


def test_secrets_of_notices_are_kept_and_neither_shown_nor_stored(desk, ledger, tmp_path):
    smtp = "  notify: {smtp: {host: mail.lan, user: farm, password: {env: MAIL}}}\n  nodes:"
    text = CLUSTER.replace("  nodes:", smtp)
    with pytest.raises(Refusal, match=r"notify\.smtp\.password: its value is empty"):
        desk.office.apply(LOCAL, wanted(text))
    given = {"notify.smtp.password": "canary"}
    applied = desk.office.apply(LOCAL, wanted(text, secrets=given))
    assert Vault(tmp_path / "notify.json").get("notify.smtp.password") == "canary"
    (change,) = [each for each in applied.changes if each.subject == "notify"]
    assert change.details == ("notify.smtp.password: changed",)
    assert "canary" not in repr((applied, ledger.events(), ledger.applied()))
    desk.office.apply(LOCAL, wanted())
    assert Vault(tmp_path / "notify.json").get("notify.smtp.password") == ""


def test_new_commit_of_the_same_manifest_is_told(office):
    office.apply(LOCAL, wanted(commit="a"))
    office.apply(LOCAL, wanted(commit="b"))
    assert office.info(ADMIN).commit == "b"


def test_preview_changes_nothing(desk):
    preview = desk.office.preview(ADMIN, wanted())
    assert (preview.revision, desk.ledger.applied()) == ("", None)
    applied = desk.office.apply(LOCAL, wanted())
    assert applied.revision == preview.next_revision
    assert desk.office.preview(ADMIN, wanted()).revision == applied.revision


@pytest.mark.parametrize(("expect", "says"), [("123456789abc", "stands, not 123"), ("", "")])
def test_stale_plan_is_refused(office, expect, says):
    first = office.apply(LOCAL, wanted())
    office.apply(LOCAL, wanted(expect=first.revision))
    if says:
        with pytest.raises(Conflict, match=says):
            office.apply(LOCAL, wanted(queued=7, expect=expect))
        assert office.info(ADMIN).revision == first.revision


def test_manifest_of_another_cluster_is_refused_by_name(office):
    text = CLUSTER.replace("name: studio", "name: other")
    with pytest.raises(Conflict, match="that of 'studio'"):
        office.apply(LOCAL, wanted(text, cluster="other"))


def test_faults_of_a_manifest_come_back_whole(office):
    with pytest.raises(ManifestError, match=r"studio\.yaml:5"):
        office.apply(LOCAL, wanted(CLUSTER.replace("managed", "borrowed")))


def test_another_controller_is_refused_while_a_batch_is_unfinished(desk, office):
    office.apply(LOCAL, wanted())
    office.submit(ANN, sheets(), "k")
    moved = wanted(CLUSTER.replace("kind: managed", "kind: managed\n  controller: {host: x.lan}"))
    with pytest.raises(Refusal, match="1 batch is not over"):
        office.apply(LOCAL, moved)
    office.act(ANN, Verb.CANCEL, "b-0001")
    desk.close_what_is_over()
    with pytest.raises(Refusal, match="orchestrator delete studio"):
        office.apply(LOCAL, moved)


def test_passwords_come_with_the_manifest_and_are_not_kept(desk, tmp_path):
    access = "  access: {adminPassword: {env: SECRET}, userPassword: {env: OTHER}}\n"
    text = CLUSTER.replace("  limits", access + "  limits")
    with pytest.raises(Refusal, match=r"access.adminPassword: its value"):
        desk.office.apply(LOCAL, wanted(text, secrets={"access.userPassword": "u"}))
    secrets = {"access.userPassword": "canary-one", "access.adminPassword": "canary-two"}
    applied = desk.office.apply(LOCAL, wanted(text, secrets=secrets))
    assert applied.changes[-1].subject == "access"
    assert desk.access.who(desk.access.login(Role.USER, "canary-one", "x", "")).role is Role.USER
    assert "canary" not in repr(desk.ledger.events())
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or b"canary" not in file.read_bytes(), file


def test_nobody_learns_only_that_there_is_a_cluster(office):
    office.apply(LOCAL, wanted(commit="c0ffee"))
    info = office.info(NOBODY)
    assert (info.name, info.id, info.version, info.role) == ("studio", "c1", "1", Role.NOBODY)
    assert (info.revision, info.storage, info.nodes) == ("", "", 0)


def test_leaving_waits_for_batches_unless_it_is_said(desk):
    desk.office.submit(ANN, sheets(), "k")
    with pytest.raises(Refusal, match="1 of its batches"):
        desk.office.leave(ADMIN, Leaving())
    desk.office.leave(ADMIN, Leaving(now=True))
    assert desk.fleet.asked == [("leave", Leaving(now=True))]


def test_stop_ends_the_controller(desk):
    desk.office.stop(ADMIN)
    assert desk.woken == ["end"]


# -- submissions


def test_batch_belongs_to_its_client_and_says_who_sent_it(office):
    came = office.submit(ANN, sheets(priority="high"), "k")
    assert (came.batch, came.arrival, came.notes) == ("b-0001", "new", ())
    (standing,) = office.batches(ANN)
    assert (standing.owner, standing.sent_by) == ("u1", "Ann")
    assert standing.priority.value == "high"


@pytest.mark.fault("F38")
def test_hundred_equal_submissions_are_one_batch(office):
    start = threading.Barrier(20)

    def send(number):
        if number < 20:
            start.wait(10)
        return office.submit(ANN, sheets(), "k")

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(100)))
    assert {answer.batch for answer in answers} == {"b-0001"}
    assert [answer.arrival for answer in answers].count("new") == 1
    assert len(office.batches(ADMIN)) == 1


@pytest.mark.fault("F38")
def test_other_text_under_the_same_key_is_a_conflict(office):
    office.submit(ANN, sheets(), "k")
    with pytest.raises(Conflict, match="b-0001: it was submitted under this key"):
        office.submit(ANN, sheets("c"), "k")
    assert office.submit(BEN, sheets("c"), "k").batch == "c-0001"


def test_key_is_known_after_the_batch_is_over(desk, office):
    office.submit(ANN, sheets(), "k")
    office.act(ANN, Verb.CANCEL, "b-0001")
    desk.close_what_is_over()
    assert office.submit(ANN, sheets(), "k").arrival == "resumed"
    assert office.batch(ANN, "b-0001").standings[0].state is State.CANCELLED


def test_same_manifest_under_another_key_goes_on_with_its_batch(desk, office):
    office.submit(ANN, sheets(), "k")
    assert office.submit(ANN, sheets(), "l").arrival == "resumed"
    office.act(ANN, Verb.CANCEL, "b-0001")
    desk.close_what_is_over()
    again = office.submit(ANN, sheets(), "m")
    assert (again.batch, again.arrival) == ("b-0001", "retried")


def test_same_manifest_of_another_client_is_another_batch(office):
    office.submit(ANN, sheets(), "k")
    assert office.submit(BEN, sheets(), "k").batch == "b-0002"


def test_full_queue_refuses(desk, office):
    office.apply(LOCAL, wanted(queued=1))
    office.submit(ANN, sheets(), "k")
    with pytest.raises(Refusal, match=r"queue is full \(1 batches") as refused:
        office.submit(BEN, sheets("c"), "l")
    assert refused.value.exit_code == 2
    assert office.submit(ANN, sheets(), "k").batch == "b-0001"
    office.act(ANN, Verb.CANCEL, "b-0001")
    desk.close_what_is_over()
    assert office.submit(BEN, sheets("c"), "l").batch == "c-0001"


def test_batch_for_another_cluster_is_refused(office):
    with pytest.raises(Refusal, match="for cluster 'other'"):
        office.submit(ANN, sheets(cluster="other"), "k")
    assert office.submit(ANN, sheets(cluster="studio"), "k").arrival == "new"


def test_relative_path_is_refused(office):
    job = "{name: j, processor: parts, workingDirectory: here, with: {}}"
    with pytest.raises(ManifestError, match=r"b.yaml:6:.*'here' is relative"):
        office.submit(ANN, sheets(job=job), "k")


def test_submission_without_a_batch_is_refused_by_the_name_of_its_sheet(office):
    with pytest.raises(ManifestError, match=r"studio\.yaml:1:1: document: no document of"):
        office.submit(ANN, wanted().sheets[:0] + setting(), "k")


def setting():
    (sheet,) = wanted().sheets
    text = (
        "apiVersion: orchestrator/v1\nkind: Setting\nmetadata: {name: s}\nspec: {processor: parts}"
    )
    return (type(sheet)(name=sheet.name, text=text),)


def looking():
    """Return a caller whose plugins look for blender."""
    more = types.ModuleType("more")
    more.orchestrator_programs = hookimpl(lambda: [ProgramCheck("blender", ("true",))])
    return Caller(Plugins.given(farm=plugin(Parts()), more=more))


def test_batch_nobody_can_do_now_is_accepted_with_a_note(ledger, tmp_path):
    connecting = NodeView(name="mac-01", phase=NodePhase.CONNECTING)
    desk = bureau(ledger, tmp_path, engine=FakeEngine([]), fleet=FakeNodes(connecting))
    came = desk.office.submit(ANN, sheets(), "k")
    assert came.notes == ("no node is ready: mac-01: connecting",)
    job = '{name: j, processor: parts, requires: {blender: ">=4"}, with: {}}'
    able = bureau(ledger, tmp_path, caller=looking()).office.submit(ANN, sheets("c", job), "l")
    assert able.notes[0].startswith("no node can do job 'j': it has no blender")


def test_licence_that_the_cluster_does_not_count_is_told(office):
    counting = CLUSTER.replace("QUEUED", "QUEUED, licences: {arnold: {cluster: 1}}")
    office.apply(LOCAL, wanted(counting))
    job = "{name: j, processor: parts, licences: [arnold, arnld], with: {}}"
    assert office.submit(ANN, sheets(job=job), "k").notes == (
        "job 'j': licence 'arnld' is not counted; limits.licences of the cluster has arnold",
    )


def test_batch_says_which_nodes_are_not_given_what_waits(ledger, tmp_path):
    able = replace(USUAL, programs=(Program(name="blender", path="/b", version="4.1"),))
    engine = FakeEngine([])
    engine.join("able", able)
    engine.join("other", USUAL)
    office = bureau(ledger, tmp_path, engine=engine, caller=looking()).office
    job = "{name: j, processor: parts, with: {}, requires: {blender: '>=4'}}"
    came = office.submit(ANN, sheets(job=job), "")
    said = office.batch(ANN, came.batch).refused
    assert list(said) == [f"{came.batch}/j/probe"]
    assert list(said[f"{came.batch}/j/probe"]) == ["other"]
    assert "blender" in said[f"{came.batch}/j/probe"]["other"]


def test_program_that_the_cluster_does_not_list_is_refused(office):
    listed = CLUSTER.replace("  limits", "  access: {executables: [/usr/bin/true]}\n  limits")
    office.apply(LOCAL, wanted(listed))
    job = "{name: j, processor: parts, preflight: [PROGRAM], with: {}}"
    with pytest.raises(Refusal, match=r"'/bin/rm' is not among access\.executables"):
        office.submit(ANN, sheets(job=job.replace("PROGRAM", "/bin/rm")), "k")
    office.submit(ANN, sheets(job=job.replace("PROGRAM", "/usr/bin/true")), "k")


# -- whose batch


def asks(office, attempt):
    """Return every question about a batch."""
    return {
        "batch": lambda who: office.batch(who, "b-0001"),
        "timeline": lambda who: office.timeline(who, "b-0001"),
        "log": lambda who: office.log(who, attempt, 0),
        **{
            verb.value: lambda who, verb=verb: office.act(who, verb, "b-0001")
            for verb in (Verb.PAUSE, Verb.RESUME, Verb.RETRY, Verb.CANCEL)
        },
    }


@pytest.mark.parametrize("what", ["batch", "timeline", "log", "pause", "resume", "retry", "cancel"])
@pytest.mark.parametrize(
    ("who", "may"), [(ANN, True), (BEN, False), (ADMIN, True), (LOCAL, True), (NOBODY, False)]
)
def test_batch_is_its_owners_and_the_administrators(desk, what, who, may):
    desk.office.submit(ANN, sheets(), "k")
    (task,) = desk.ledger.tasks("b-0001")
    (member,) = desk.engine.look()
    (attempt,) = desk.ledger.lease([(task, member)])
    ask = asks(desk.office, attempt.id)[what]
    if may:
        ask(who)
    else:
        before = desk.ledger.events()
        with pytest.raises(Forbidden):
            ask(who)
        assert desk.ledger.events() == before


def test_list_shows_ones_own_and_the_administrator_all(office):
    office.submit(ANN, sheets(), "k")
    office.submit(ADMIN, sheets(), "k")

    def seen(who, **how):
        return [each.id for each in office.batches(who, **how)]

    assert (seen(ANN), seen(BEN)) == (["b-0001"], [])
    assert (seen(ADMIN), seen(ADMIN, mine=True)) == (["b-0001", "b-0002"], ["b-0002"])
    with pytest.raises(Forbidden, match="role nobody: this takes user"):
        office.batches(NOBODY)


@pytest.mark.parametrize(
    "ask",
    [
        lambda office, who: office.apply(who, wanted()),
        lambda office, who: office.preview(who, wanted()),
        lambda office, who: office.leave(who, Leaving()),
        lambda office, who: office.stop(who),
        lambda office, who: office.node_act(who, Verb.PAUSE, "mac-01", Leaving()),
        lambda office, who: office.node_trust(who, "mac-01", "SHA256:x"),
        lambda office, who: office.node_lost(who, "mac-01"),
        lambda office, who: office.node_log(who, "mac-01"),
    ],
)
def test_what_changes_the_cluster_takes_an_administrator(desk, ask):
    for who in (NOBODY, ANN):
        with pytest.raises(Forbidden, match="this takes admin"):
            ask(desk.office, who)
    assert (desk.fleet.asked, desk.woken) == ([], [])
    ask(desk.office, ADMIN)


# -- parts


def test_id_that_is_nowhere_is_answered_with_what_is_near(office):
    office.submit(ANN, sheets(), "k")
    with pytest.raises(NotThere, match="no such batch; did you mean b-0001"):
        office.batch(ANN, "b-001")
    with pytest.raises(NotThere, match="there is none yet"):
        office.batch(BEN, "b-001")
    with pytest.raises(NotThere, match="did you mean b-0001/j"):
        office.act(ANN, Verb.CANCEL, "b-0001/x")


def test_part_of_a_paused_batch_names_what_to_resume(office):
    office.submit(ANN, sheets(), "k")
    office.act(ANN, Verb.PAUSE, "b-0001")
    assert office.batch(ANN, "b-0001").paused == ("b-0001",)
    with pytest.raises(Refusal, match="orchestrator resume b-0001"):
        office.act(ANN, Verb.RESUME, "b-0001/j")
    office.act(ANN, Verb.RESUME, "b-0001")
    office.act(ANN, Verb.RESUME, "b-0001")
    assert office.batch(ANN, "b-0001").standings[0].state is State.WAITING


@pytest.mark.parametrize("part", ["", "/j", "/j/probe"])
def test_batch_job_and_task_are_retried(desk, office, part):
    office.submit(ANN, sheets(), "k")
    office.act(ANN, Verb.CANCEL, "b-0001/j")
    desk.close_what_is_over()
    assert office.batch(ANN, "b-0001").standings[0].state is State.CANCELLED
    office.act(ANN, Verb.RETRY, f"b-0001{part}")
    assert office.batch(ANN, "b-0001").standings[0].state is State.WAITING


def test_priority_is_changed_by_whose_batch_it_is(desk, office):
    office.submit(ANN, sheets(), "k")
    with pytest.raises(Forbidden):
        office.prioritize(BEN, "b-0001", Priority.HIGH)
    desk.woken.clear()
    office.prioritize(ANN, "b-0001", Priority.HIGH)
    office.prioritize(ADMIN, "b-0001", Priority.HIGH)
    assert office.batches(ANN)[0].priority is Priority.HIGH
    assert desk.woken == ["wake"] * 2


def test_limit_that_is_reached_is_told_with_the_batch(desk, office):
    office.apply(LOCAL, wanted(CLUSTER.replace("QUEUED", "QUEUED, activeSegments: 1")))
    office.submit(ANN, sheets(job="{name: j, processor: parts, with: {probe: false}}"), "k")
    works = Desk(desk.ledger)
    works.plan(desk.ledger.batch("b-0001").jobs[0])
    assert office.batch(ANN, "b-0001").full == {}
    works.lease("b-0001/j/t/000000/encode")
    full = office.batch(ANN, "b-0001").full
    assert list(full) == ["segments"]
    assert full["segments"].startswith("1 segments are worked on, as many as limits.activeSegments")


def test_what_is_over_is_not_paused(desk, office):
    office.submit(ANN, sheets(), "k")
    office.act(ANN, Verb.CANCEL, "b-0001")
    desk.close_what_is_over()
    office.act(ANN, Verb.CANCEL, "b-0001")
    desk.close_what_is_over()
    with pytest.raises(Refusal, match="b-0001: it is over"):
        office.act(ANN, Verb.PAUSE, "b-0001")


# -- logs


def test_log_is_read_from_storage_then_from_its_node(desk, tmp_path):
    desk.office.submit(ANN, sheets(), "k")
    (task,) = desk.ledger.tasks("b-0001")
    (member,) = desk.engine.look()
    (attempt,) = desk.ledger.lease([(task, member)])
    desk.engine.read = lambda to, id, offset: b"live"[offset:]
    part = desk.office.log(ANN, attempt.id, 1)
    assert (part.data, part.next) == (b"ive", 4)
    assert desk.office.log(ANN, attempt.id, 4).data == b""
    folder = tmp_path / "storage" / "attempts" / attempt.id
    folder.mkdir()
    (folder / "log").write_bytes(b"whole log")
    assert desk.office.log(ANN, attempt.id, 6).data == b"log"
    with pytest.raises(NotThere, match="attempt 'x'"):
        desk.office.log(ANN, "x", 0)


# -- nodes


def test_paused_node_stays_so_in_the_ledger(desk):
    view = desk.office.node_act(ADMIN, Verb.PAUSE, "mac-01", Leaving(deadline_s=5))
    assert (view.phase, desk.ledger.paused_nodes()) == (NodePhase.PAUSED, frozenset({"mac-01"}))
    desk.office.node_act(ADMIN, Verb.RESUME, "mac-01", Leaving())
    assert desk.ledger.paused_nodes() == frozenset()
    assert [what for what, *_ in desk.fleet.asked] == ["pause", "resume"]
    with pytest.raises(Refusal, match="paused and resumed; nothing else"):
        desk.office.node_act(ADMIN, Verb.CANCEL, "mac-01", Leaving())


def test_unknown_node_is_answered_with_what_is_near(office):
    with pytest.raises(NotThere, match="did you mean mac-01"):
        office.node_lost(ADMIN, "mac-1")


def test_log_of_the_controller_is_its_own(office, tmp_path):
    with pytest.raises(NotThere, match="No such file"):
        office.node_log(ADMIN, "controller")
    (tmp_path / "controller.log").write_text("x" * 70_000 + "end")
    assert office.node_log(ADMIN, "controller").endswith("end")
    assert len(office.node_log(ADMIN, "controller")) == 64 << 10
    assert office.node_log(ADMIN, "mac-01") == "log of mac-01"
