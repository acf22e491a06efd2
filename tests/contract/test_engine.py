"""What every engine does: the fake, Dask in one process, Dask over TLS (docs: engine contract)."""

import asyncio
import importlib
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace

import dask.config
import psutil
import pytest
from agents import IDENTITY, ScriptedLauncher, spec, table, until
from clusters import Centre, Site

from orchestrator.engine.dask import config
from orchestrator.engine.dask.engine import InprocEngine
from orchestrator.engine.dask.tls import TlsEngine
from orchestrator.engine.fake import FakeEngine, well
from orchestrator.model.node import Member, Phase
from orchestrator.model.work import Ending, Outcome

NODES = ("n1", "n2")
NOBODY = Member("n9", "never")


class Farm:
    """An engine, and both ends of it."""

    def __init__(self):
        self.woken = threading.Event()
        self._reopen()

    def member(self, node="n1"):
        return next(member for member in self.engine.look() if member.node == node)

    def send(self, attempt, **more):
        return self.engine.send(self.member(), spec(attempt, **more))

    def report(self, node="n1"):
        return self.engine.look()[self.member(node)]

    def phase(self, attempt):
        return self.report().attempts.get(attempt, (None, ""))[0]

    def outcome(self, attempt):
        return next((o for o in self.report().outcomes if o.attempt == attempt), None)

    def becomes(self, attempt, phase):
        until(lambda: self.phase(attempt) is phase, self.woken)

    def ended(self, attempt):
        return until(lambda: self.outcome(attempt), self.woken)

    def run(self, attempt):
        """Send an attempt and let it end well."""
        assert self.send(attempt)
        self.becomes(attempt, Phase.RUNNING)
        self.finish(attempt)
        return self.ended(attempt)


class FakeFarm(Farm):
    def __init__(self):
        self.engine = FakeEngine(dict.fromkeys(NODES, IDENTITY))
        super().__init__()

    def _reopen(self):
        self.engine.open(self.woken.set)

    @property
    def started(self):
        return [spec.attempt for spec in self.engine.started]

    def finish(self, attempt, outcome=None):
        self.engine.finish(attempt, outcome)

    def say(self, attempt, line):
        self.engine.say(attempt, line)

    def lays(self, path, data):
        self.engine.files[str(path)] = len(data)

    def new_controller(self):
        self.engine.close()
        self._reopen()

    def new_agent(self):
        self.engine.restart("n1")

    def close(self):
        self.engine.close()


class InprocFarm(Farm):
    def __init__(self, folder):
        self._folder = folder
        self.launchers = {node: ScriptedLauncher() for node in NODES}
        self._tables()
        super().__init__()

    def _tables(self):
        self.tables = [table(node, self._folder, self.launchers[node]) for node in NODES]

    def _reopen(self):
        self.engine = InprocEngine(self.tables, self._folder / "scratch")
        self.engine.open(self.woken.set)

    @property
    def started(self):
        return self.launchers["n1"].started

    def finish(self, attempt, outcome=None):
        until(lambda: attempt in self.launchers["n1"].runs)
        self.launchers["n1"].finish(attempt, outcome)

    def say(self, attempt, line):
        self.launchers["n1"].heard(attempt, line)

    def lays(self, path, data):
        path.write_bytes(data)

    def new_controller(self):
        self.engine.close()
        self._reopen()

    def new_agent(self):
        self.close()
        self._tables()
        self._reopen()

    def close(self):
        self.engine.close()
        for each in self.tables:
            each.close()


class TlsFarm(InprocFarm):
    """The tables of two nodes in this process, over TLS to a scheduler process."""

    def __init__(self, folder, centre):
        self.centre = centre
        super().__init__(folder)

    def _tables(self):
        super()._tables()
        self.site = Site(self.centre, self.tables)

    def _reopen(self):
        self.engine = TlsEngine(self.centre.child.address, self.centre.own, self._folder / "tls")
        self.engine.open(self.woken.set)
        self.all_here()

    def all_here(self):
        here = {each.member for each in self.tables}
        until(lambda: set(self.engine.look()) == here, self.woken, 20)

    def new_agent(self):
        self.site.close()
        for each in self.tables:
            each.close()
        self._tables()
        self.all_here()

    def close(self):
        self.engine.close()
        self.site.close()
        for each in self.tables:
            each.close()


@pytest.fixture(scope="module")
def centre(tmp_path_factory):
    centre = Centre(tmp_path_factory.mktemp("centre"))
    centre.child.start()
    yield centre
    centre.close()


@pytest.fixture(params=["fake", "inproc", "tls"])
def farm(request, tmp_path):
    match request.param:
        case "fake":
            farm = FakeFarm()
        case "inproc":
            farm = InprocFarm(tmp_path)
        case _:
            farm = TlsFarm(tmp_path, request.getfixturevalue("centre"))
    yield farm
    farm.close()


@pytest.fixture
def fake():
    return FakeFarm()


@pytest.fixture
def inproc(tmp_path):
    farm = InprocFarm(tmp_path)
    yield farm
    farm.close()


def test_member_shows_its_identity(farm):
    assert farm.report().identity == IDENTITY
    assert {member.node for member in farm.engine.look()} == set(NODES)


def test_beat_of_a_reachable_node_grows(farm):
    before = farm.report().beat
    until(lambda: farm.report().beat > before)


def test_spec_sent_twice_starts_once(farm):
    assert farm.send("a1")
    assert farm.send("a1")
    farm.becomes("a1", Phase.RUNNING)
    assert farm.send("a1")
    assert farm.started == ["a1"]


def test_spec_sent_twice_at_once_starts_once(farm):
    to = farm.member()
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: farm.engine.send(to, spec("a1")), range(8)))
    farm.becomes("a1", Phase.RUNNING)
    assert taken == [True] * 8
    assert farm.started == ["a1"]


def test_member_says_which_files_it_can_read(farm, tmp_path):
    farm.lays(tmp_path / "movie é.mov", b"1234567")
    there, gone = str(tmp_path / "movie é.mov"), str(tmp_path / "gone.mov")
    said = until(lambda: farm.engine.sees(farm.member(), [there, gone]))
    assert said == {there: 7}
    assert farm.engine.sees(farm.member(), [gone]) == {}
    assert farm.engine.sees(NOBODY, [there]) is None


def test_outcome_is_reported_until_acked(farm):
    outcome = farm.run("a1")
    assert farm.outcome("a1") == farm.outcome("a1") == outcome == well("a1")
    farm.engine.ack(farm.member(), ["a1"])
    until(lambda: farm.phase("a1") is None)
    assert farm.outcome("a1") is None


def test_acking_twice_or_too_early_does_no_harm(farm):
    farm.send("a1")
    farm.becomes("a1", Phase.RUNNING)
    farm.engine.ack(farm.member(), ["a1", "a9"])
    farm.send("a2")  # comes behind it
    farm.finish("a1")
    farm.ended("a1")
    for _ in range(2):
        farm.engine.ack(farm.member(), ["a1"])
    until(lambda: farm.phase("a1") is None)


def test_outcome_outlives_the_controller(farm):
    outcome = farm.run("a1")
    farm.new_controller()
    assert farm.outcome("a1") == outcome


def test_outcome_outlives_the_agent(farm):
    outcome, before = farm.run("a1"), farm.member()
    farm.new_agent()
    assert farm.member() != before
    assert farm.outcome("a1") == outcome


def test_what_runs_outlives_the_controller(farm):
    farm.send("a1")
    farm.becomes("a1", Phase.RUNNING)
    farm.new_controller()
    farm.becomes("a1", Phase.RUNNING)
    farm.finish("a1")
    assert farm.ended("a1") == well("a1")
    assert farm.started == ["a1"]


def test_what_runs_is_adopted_by_the_next_agent(farm):
    farm.send("a1")
    farm.becomes("a1", Phase.RUNNING)
    farm.new_agent()
    farm.becomes("a1", Phase.RUNNING)
    farm.finish("a1")
    assert farm.ended("a1") == well("a1")
    assert farm.started == ["a1"]


def test_what_is_queued_is_started_by_the_next_agent(farm):
    for attempt in ("a1", "a2"):
        farm.send(attempt, service="render")
    farm.new_agent()
    farm.finish("a1")
    farm.becomes("a2", Phase.RUNNING)
    assert farm.started == ["a1", "a2"]


def test_kill_ends_what_runs(farm):
    farm.send("a1")
    farm.becomes("a1", Phase.RUNNING)
    farm.engine.kill(farm.member(), "a1", 1.0)
    assert farm.ended("a1").ending is Ending.KILLED
    assert farm.phase("a1") is Phase.KILLED


def test_kill_of_what_is_queued_keeps_it_from_starting(farm):
    for attempt in ("a1", "a2", "a3"):
        farm.send(attempt, service="render")
    farm.engine.kill(farm.member(), "a2", 1.0)
    assert farm.ended("a2").ending is Ending.KILLED
    farm.finish("a1")
    farm.becomes("a3", Phase.RUNNING)
    assert farm.started == ["a1", "a3"]


def test_kill_before_delivery_refuses_it(farm):
    farm.send("a0")  # the line is open
    farm.engine.kill(farm.member(), "a1", 1.0)
    assert farm.ended("a1").ending is Ending.KILLED
    assert not farm.send("a1")
    farm.engine.ack(farm.member(), ["a1"])
    until(lambda: farm.phase("a1") is None)
    farm.send("a1")
    assert farm.ended("a1").ending is Ending.LOST
    assert farm.started == ["a0"]


def test_kill_of_what_is_over_changes_nothing(farm):
    farm.run("a1")
    farm.engine.kill(farm.member(), "a1", 1.0)
    farm.run("a2")
    assert farm.outcome("a1") == well("a1")


def test_late_delivery_of_what_was_acked_starts_nothing(farm):
    farm.run("a1")
    farm.engine.ack(farm.member(), ["a1"])
    until(lambda: farm.phase("a1") is None)
    assert farm.send("a1")
    assert farm.ended("a1").ending is Ending.LOST
    assert farm.started == ["a1"]


def test_tombstone_outlives_the_agent(farm):
    farm.run("a1")
    farm.engine.ack(farm.member(), ["a1"])
    until(lambda: farm.phase("a1") is None)
    farm.new_agent()
    farm.send("a1")
    assert farm.ended("a1").ending is Ending.LOST


def test_unknown_member_blocks_no_call(farm):
    assert not farm.engine.send(NOBODY, spec("a1"))
    farm.engine.kill(NOBODY, "a1", 1.0)
    farm.engine.ack(NOBODY, ["a1"])
    farm.engine.dismiss(NOBODY, "test")
    assert farm.engine.read(NOBODY, "a1", 0) == b""


def test_earlier_life_of_a_node_is_no_member(farm):
    farm.new_agent()
    assert not farm.engine.send(Member("n1", "earlier"), spec("a1"))
    assert farm.phase("a1") is None


def test_first_sent_is_first_started(farm):
    names = [f"a{number}" for number in range(6)]
    for attempt in names:
        farm.send(attempt, service="render")
    for attempt in names:
        farm.becomes(attempt, Phase.RUNNING)
        farm.finish(attempt)
        farm.ended(attempt)
    assert farm.started == names


def test_no_more_run_at_once_than_there_are_instances(farm):
    for attempt in ("a1", "a2", "a3"):
        farm.send(attempt)
    farm.becomes("a2", Phase.RUNNING)
    assert farm.phase("a3") is Phase.QUEUED
    farm.finish("a1")
    farm.becomes("a3", Phase.RUNNING)


def test_busy_service_holds_up_no_other(farm):
    for attempt in ("a1", "a2"):
        farm.send(attempt, service="render")
    farm.send("a3", service="compressor")
    farm.becomes("a3", Phase.RUNNING)
    assert farm.phase("a2") is Phase.QUEUED


def test_service_that_is_not_offered_is_refused_with_a_reason(farm):
    assert farm.send("a1", service="shake")
    outcome = farm.ended("a1")
    assert farm.phase("a1") is Phase.REFUSED
    assert outcome.ending is Ending.UNSTARTED
    assert "shake" in outcome.why


@pytest.mark.fault("F02")
def test_old_epoch_is_refused(farm):
    assert farm.send("a1", epoch=7)
    assert not farm.send("a2", epoch=6)
    assert farm.send("a2", epoch=7)


@pytest.mark.fault("F02")
def test_old_epoch_is_refused_by_the_next_agent(farm):
    assert farm.send("a1", epoch=7)
    farm.new_agent()
    assert not farm.send("a2", epoch=6)


def test_dismissal_waits_for_an_empty_table(farm):
    member = farm.member()
    farm.run("a1")
    farm.engine.dismiss(member, "busy")
    farm.engine.ack(member, ["a1"])
    until(lambda: farm.phase("a1") is None)
    farm.engine.dismiss(member, "free")
    until(lambda: member not in farm.engine.look())
    assert not farm.engine.send(member, spec("a2"))
    assert farm.member("n2")


def test_end_of_an_attempt_wakes(farm):
    farm.send("a1")
    farm.becomes("a1", Phase.RUNNING)
    farm.woken.clear()
    farm.finish("a1")
    assert farm.woken.wait(5)
    assert farm.outcome("a1") == well("a1")


def test_nothing_hangs_where_every_wake_is_lost(farm):
    farm.woken.set = lambda: None
    farm.run("a1")
    farm.engine.kill(farm.member(), "a1", 1.0)
    farm.engine.ack(farm.member(), ["a1"])
    until(lambda: farm.phase("a1") is None)


def test_last_progress_line_is_in_the_report(farm):
    farm.send("a1")
    farm.becomes("a1", Phase.RUNNING)
    farm.say("a1", "frame=7")
    until(lambda: farm.report().attempts["a1"] == (Phase.RUNNING, "frame=7"))


def test_outcomes_come_in_the_order_of_their_ends(farm):
    for attempt in ("a1", "a2"):
        farm.send(attempt)
        farm.becomes(attempt, Phase.RUNNING)
    for attempt in ("a2", "a1"):
        farm.finish(attempt)
        farm.ended(attempt)
    assert [outcome.attempt for outcome in farm.report().outcomes] == ["a2", "a1"]


def test_what_a_command_left_behind_arrives_whole(farm):
    left = Outcome(
        attempt="a1",
        ending=Ending.EXITED,
        exit_code=3,
        result={"frames": 7, "gates": [{"ok": True}], "name": "ü"},
        log_tail="no\n",
        seconds=1.5,
    )
    farm.send("a1")
    farm.becomes("a1", Phase.RUNNING)
    farm.finish("a1", left)
    assert farm.ended("a1") == left


# Only what can be virtual.


def test_cut_node_stays_listed_and_its_beat_stands_still(fake):
    fake.send("a1")
    fake.engine.cut("n1")
    before = fake.report()
    fake.engine.finish("a1")
    assert fake.report() == before
    assert fake.report("n2").beat < fake.report("n2").beat
    assert not fake.send("a2")
    fake.engine.heal("n1")
    assert fake.outcome("a1") == well("a1")
    assert fake.phase("a2") is None


def test_late_delivery_to_a_stopped_node_meets_the_tombstone(fake):
    fake.engine.stall("n1")
    fake.engine.kill(fake.member(), "a1", 1.0)
    assert not fake.send("a1")
    assert not fake.send("a2")
    fake.engine.heal("n1")
    assert fake.started == ["a2"]


def test_dropped_delivery_is_unknown(fake):
    fake.engine.drop_next()
    assert not fake.send("a1")
    assert fake.send("a1")


def test_duplicated_delivery_starts_once(fake):
    fake.engine.duplicate_next()
    assert fake.send("a1")
    assert fake.started == ["a1"]


def test_lost_node_is_gone_with_all_it_held(fake):
    fake.send("a1")
    fake.engine.lose("n1")
    assert {member.node for member in fake.engine.look()} == {"n2"}
    fake.engine.join("n1", IDENTITY)
    assert fake.report().attempts == {}


def test_script_ends_attempts_at_once(fake):
    fake.engine.auto(lambda spec: replace(well(spec.attempt), exit_code=3))
    fake.send("a1")
    assert fake.outcome("a1").exit_code == 3


# Only Dask in one process.


def test_nothing_listens(inproc):
    assert inproc.send("a1")
    assert psutil.Process().net_connections("inet") == []


def test_opening_and_closing_are_quiet(inproc, caplog):
    inproc.run("a1")
    with caplog.at_level(logging.WARNING):
        inproc.new_controller()
        assert inproc.send("a2")
    assert caplog.records == []


def test_engine_may_be_closed_before_it_is_open(tmp_path):
    engine = InprocEngine([], tmp_path / "scratch")
    engine.close()
    engine.open(lambda: None)
    engine.close()
    assert not engine.send(NOBODY, spec("a1"))


def test_many_deliveries_at_once_are_all_taken(inproc):
    names = [f"a{number}" for number in range(200)]
    to = inproc.member()
    with ThreadPoolExecutor(64) as pool:
        taken = list(pool.map(lambda name: inproc.engine.send(to, spec(name)), names))
    assert all(taken)
    assert set(inproc.report().attempts) == set(names)


def test_refused_delivery_does_not_take_others_with_it(inproc):
    inproc.send("a", epoch=1)  # the line is open
    inproc.engine.kill(inproc.member(), "a0", 1.0)
    inproc.ended("a0")
    to, names = inproc.member(), [f"a{number}" for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        taken = list(pool.map(lambda name: inproc.engine.send(to, spec(name)), names))
    assert taken == [False] + [True] * 19


def test_delivery_that_meets_the_close_is_unknown(inproc):
    to = inproc.member()
    assert inproc.send("a0")
    with ThreadPoolExecutor(40) as pool:
        sent = [pool.submit(inproc.engine.send, to, spec(f"b{n}")) for n in range(200)]
        inproc.engine.close()
    assert {each.result() for each in sent} <= {True, False}


def test_foreign_settings_of_dask_have_no_effect(tmp_path, monkeypatch):
    monkeypatch.setenv("DASK_DISTRIBUTED__WORKER__PRELOAD", "['evil']")
    dask.config.refresh()
    config.apply(tmp_path / "scratch")
    assert dask.config.get("distributed.worker.preload", []) == []
    assert dask.config.get("temporary-directory") == str(tmp_path / "scratch")


class Listener:
    """The least of a table that a link needs."""

    member = Member("n1", "life-1")
    identity = IDENTITY
    is_dismissed = False

    def __init__(self):
        self.texts, self.messages = [], []
        self.heard = asyncio.Event()

    def take(self, text):
        self.texts.append(text)

    def told(self, message):
        self.messages.append(message)
        if message["op"] == "last":
            self.heard.set()


@asynccontextmanager
async def connected(listener, folder):
    """Connect a listener as `link.serve` does; yield desk, scheduler and the serving task."""
    config.apply(folder / "scratch")
    parts = importlib.import_module("orchestrator.engine.dask.parts")
    link = importlib.import_module("orchestrator.engine.dask.link")
    desk, stop = parts.Desk(), asyncio.Event()
    async with parts.OurScheduler(protocol="inproc", dashboard=False, plugins=[desk]) as scheduler:
        serving = asyncio.create_task(link.serve(listener, scheduler.address, stop))
        await asyncio.wait_for(desk.joined(listener.member), 10)
        yield desk, scheduler, serving
        stop.set()
        await asyncio.wait_for(serving, 10)


def test_extra_names_the_member_of_a_worker(tmp_path):
    async def story():
        listener = Listener()
        async with connected(listener, tmp_path) as (desk, scheduler, _):
            (state,) = scheduler.workers.values()
            assert list(state.extra["member"]) == ["n1", "life-1"]
            assert desk.address(listener.member) == state.address
            assert desk.address(NOBODY) is None

    asyncio.run(story())


def test_stream_carries_messages_in_order(tmp_path):
    async def story():
        listener = Listener()
        async with connected(listener, tmp_path) as (desk, scheduler, _):
            assert desk.address(listener.member) in scheduler.stream_comms
            ops = [*(str(number) for number in range(100)), "last"]
            assert all([desk.tell(listener.member, {"op": op}) for op in ops])
            await asyncio.wait_for(listener.heard.wait(), 10)
            assert [message["op"] for message in listener.messages] == ops
            assert not desk.tell(NOBODY, {"op": "kill"})

    asyncio.run(story())


def test_no_http_server_is_made(tmp_path):
    async def story():
        async with connected(Listener(), tmp_path) as (_, scheduler, _):
            assert not hasattr(scheduler, "http_server")
            assert psutil.Process().net_connections("inet") == []

    asyncio.run(story())


def test_worker_that_closes_is_replaced(tmp_path, monkeypatch):
    async def story():
        listener = Listener()
        async with connected(listener, tmp_path) as (desk, scheduler, _):
            monkeypatch.setattr("orchestrator.engine.dask.link.AGAIN_AFTER_S", (0.0, 0.0))
            before = desk.address(listener.member)
            await scheduler.remove_worker(before, stimulus_id="test")
            after = await asyncio.wait_for(desk.joined(listener.member), 10)
            assert after != before

    asyncio.run(story())


def test_dismissed_table_leaves(tmp_path):
    async def story():
        listener = Listener()
        async with connected(listener, tmp_path) as (desk, _, serving):
            listener.is_dismissed = True
            desk.tell(listener.member, {"op": "dismiss", "reason": "test"})
            await asyncio.wait_for(serving, 20)
            assert desk.address(listener.member) is None

    asyncio.run(story())
