"""The rules of recovery once more, on hosts of their own, with a short `lostAfter` (F-REC).

The tests of this file go on with one cluster, in order; `test_cluster.py` has what a day brings.
"""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import netfarm
import psutil
import pytest
import slowlink
from netfarm import until
from studio import Studio, done_twice, nodes_of

from orchestrator.model.work import State
from orchestrator.volume import TOKEN

pytestmark = [pytest.mark.netns, pytest.mark.timeout(300)]

NAMES = ("n1", "n2", "n3")
SLOW_PORT = 7
DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
FIRST = "if mkdir $NAME; then {first}; else {then}; fi"
"""What a task does when it is done first, and what when it is done again."""


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    netfarm.needed()
    studio = Studio(tmp_path_factory.mktemp("studio"), nodes=NAMES)
    try:
        studio.apply()
        yield studio
    finally:
        studio.close()


@pytest.fixture(autouse=True)
def all_ready(studio):
    """Begin and end with a whole cluster."""
    yield
    until(lambda: all(studio.phases()[name] == "ready" for name in NAMES), 60, 0.5)


def once(studio, name, first, then):
    """Submit a task that does otherwise when it is done again; return the batch and its node."""
    script = FIRST.replace("$NAME", name).format(first=first, then=then)
    batch = studio.submit(studio.shells(name, 1, script))
    until((studio.real / name).exists)
    (node,) = studio.running(batch)
    return batch, studio.farm[node]


def tries(studio, batch):
    return sum(task.tries for task in studio.tasks(batch))


def at_work(studio, *words):
    """Return the hosts on which such a command runs."""
    return [host for host in studio.farm.nodes if host.processes(*words)]


@pytest.mark.fault("F11")
def test_three_tries_each_on_another_node_then_the_rest_goes_on(studio):
    jobs = [
        {"name": name, "processor": "shell", "with": {"command": ["sh", "-c", script]}}
        for name, script in (("bad", "kill -SEGV $$"), ("good", "true"))
    ]
    batch = studio.submit(studio.job("tries", *jobs))
    studio.ends(batch, State.FAILED)
    bad = [each for each in studio.attempts(batch) if "/bad/" in each.task]
    assert sorted(each.node for each in bad) == list(NAMES)
    assert "SIGSEGV" in studio.call("explain", f"{batch}/bad", "--cluster", "studio").stdout
    (good,) = [each for each in studio.attempts(batch) if "/good/" in each.task]
    assert good.accepted


@pytest.mark.fault("F20")
def test_storage_that_is_away_fails_nothing_and_work_goes_on_by_itself(studio):
    batch = studio.submit(studio.shells("away", 6, "sleep 2"))
    until(lambda: len(studio.running(batch)) == 3)
    token = studio.real / "storage" / TOKEN
    hidden = token.rename(token.with_name("hidden"))
    until(lambda: not studio.running(batch))
    until(lambda: "storage" in studio.call("explain", batch, "--cluster", "studio").stdout, 30, 1)
    assert studio.state(batch) in {State.WAITING, State.PROCESSING}
    hidden.rename(token)
    studio.ends(batch)
    assert tries(studio, batch) == 0
    assert done_twice(studio.attempts(batch)) == []


@pytest.mark.fault("F15", "F20")
def test_node_without_the_storage_is_not_ready_and_costs_no_try(studio):
    host = studio.farm["n2"]
    host.unmount()
    try:
        batch = studio.submit(studio.shells("bare", 6, "sleep 1"))
        studio.ends(batch)
        assert "storage" in studio.view("n2")["why"]
        assert set(nodes_of(studio.attempts(batch))) == {"n1", "n3"}
        assert tries(studio, batch) == 0
        assert list(host.view.iterdir()) == [], "written beside the storage"
    finally:
        host.mount()


@pytest.mark.fault("F15")
def test_node_that_no_command_reaches_works_on_and_its_reports_decide(studio):
    host = studio.farm["n1"]
    host.filter(**{"in": "tcp dport 22 drop"})
    try:
        batch = studio.submit(studio.shells("deaf", 6, "sleep 2"))
        studio.ends(batch)
        attempts = studio.attempts(batch)
        assert len(attempts) == 6
        assert nodes_of(attempts)["n1"] > 0
        assert studio.phases()["n1"] == "ready"
    finally:
        host.heal()


@pytest.mark.fault("F15")
def test_link_that_is_cut_one_way_for_a_while_costs_nothing(studio):
    batch = studio.submit(studio.shells("ways", 3, "sleep 7"))
    until(lambda: len(studio.running(batch)) == 3)
    studio.farm["n1"].cut("in")
    studio.farm["n3"].cut("out")
    studio.silent("n1", 3)
    studio.silent("n3", 3)
    studio.farm["n1"].heal()
    studio.farm["n3"].heal()
    studio.ends(batch)
    assert len(studio.attempts(batch)) == 3


@pytest.mark.fault("F14", "F15")
def test_late_result_counts_and_its_replacement_is_ended(studio):
    batch, host = once(studio, "late", "sleep 9", "until [ -e never ]; do sleep 0.1; done")
    host.cut("out")
    until(lambda: len(studio.attempts(batch)) == 2 and studio.running(batch))
    until(lambda: not host.processes("sleep", "9"))
    host.heal()
    studio.ends(batch)
    first, second = studio.attempts(batch)
    assert (first.node, first.accepted) == (host.name, True)
    assert (second.accepted, second.cause) == (False, "cancelled")
    assert tries(studio, batch) == 0


@pytest.mark.fault("F17")
def test_poor_links_make_it_slower_and_no_more(studio):
    lossy, narrow, far = (studio.farm[name] for name in NAMES)
    (told,) = studio.data("controller", "status", "studio")
    port = told["scheduler"].rpartition(":")[2]
    there = (studio.ctl.address, port)
    words = [*far.prefix, sys.executable, slowlink.__file__, "2", str(SLOW_PORT), *there]
    lossy.filter(**{"in": "numgen random mod 100 < 30 drop"})
    narrow.slow("64kbit")
    far.filter(
        nat=f"tcp dport {port} meta mark != {slowlink.MARK} dnat ip to 127.0.0.1:{SLOW_PORT}"
    )
    with subprocess.Popen(words, stdout=subprocess.PIPE) as link:
        try:
            assert link.stdout.readline() == b"ready\n"
            far.kill("-m", "orchestrator.agent")
            until(lambda: far.processes("-m", "orchestrator.agent"))
            studio.becomes("n3", "ready")
            batch = studio.submit(studio.shells("poor", 9, "sleep 3"))
            studio.ends(batch)
        finally:
            link.kill()
            lossy.heal()
            narrow.slow("")
            far.heal()
    attempts = studio.attempts(batch)
    assert done_twice(attempts) == []
    assert tries(studio, batch) == 0
    on_far = [each for each in attempts if each.node == "n3"]
    assert on_far
    assert all(each.accepted for each in on_far), "two seconds are no loss"


def test_work_goes_back_when_a_window_closes_and_costs_no_try(studio):
    batch, host = once(studio, "closing", "sleep 600", "true")
    was = studio.nodes[host.name]
    try:
        studio.nodes[host.name] = was | {
            "schedule": {**dict.fromkeys(DAYS, "off"), "atClose": "requeue"}
        }
        studio.apply()
        studio.ends(batch)
        first, second = studio.attempts(batch)
        assert (first.node, first.accepted) == (host.name, False)
        assert second.node != host.name
        assert tries(studio, batch) == 0
        assert not host.processes("sleep", "600")
    finally:
        studio.nodes[host.name] = was
        studio.apply()


@pytest.mark.fault("F31")
def test_task_that_ends_three_lives_of_nodes_is_held_and_the_rest_goes_on(studio):
    batch = studio.submit(studio.shells("poison", 1, "sleep 601"))
    for _ in range(3):
        (host,) = until(lambda: at_work(studio, "sleep", "601"))
        for words in (("-m", "orchestrator.agent"), ("agent/runner.py",), ("sleep", "601")):
            host.kill(*words)
    until(lambda: studio.tasks(batch)[0].state is State.HOLD)
    (task,) = studio.tasks(batch)
    assert task.reason.startswith("it kills nodes: 3 of their lives ended")
    assert "retry" in studio.call("explain", batch, "--cluster", "studio").stdout
    more = studio.submit(studio.shells("rest", 3, "true"))
    studio.ends(more)
    studio.call("cancel", batch, "--cluster", "studio")
    for name in NAMES:
        studio.call("resume", name, "--cluster", "studio")


def test_service_that_stops_again_and_again_is_given_up_and_a_person_brings_it_back(studio):
    host = studio.farm["n3"]
    words = ("-m", "orchestrator.agent")
    for ran_s in (0, 0, 11, 0):  # after two of them it must have run for 10 s
        (agent,) = host.processes(*words)
        until(lambda agent=agent, ran_s=ran_s: age(agent) >= ran_s)
        told = studio.log().count("n3: its agent stopped after")
        host.kill(*words)
        until(lambda told=told: studio.log().count("n3: its agent stopped after") > told)
        until(lambda: studio.phases()["n3"] in {"ready", "unfit"})
    assert "stopped too often" in studio.view("n3")["why"]
    studio.call("resume", "n3", "--cluster", "studio")


@pytest.mark.fault("F23")
def test_clock_of_the_controller_that_jumps_moves_windows_and_nothing_else(studio):
    clock = FakeClock(studio.folder / "clock")
    studio.ctl.kill("-m", "orchestrator", "controller", "run")
    start = studio.words("controller", "start", "studio")
    studio.ctl.run(*start, env={**studio.env, **clock.env})
    was = studio.nodes["n2"]
    try:
        studio.nodes["n2"] = was | {"schedule": noon()}
        studio.apply()
        assert studio.phases()["n2"] == "closed"
        for hours, phase in ((6, "ready"), (-6, "closed")):
            batch = studio.submit(studio.shells(f"at{hours}", 2, "sleep 5"))
            until(lambda batch=batch: len(studio.running(batch)) == 2)
            clock.jump(hours)
            studio.becomes("n2", phase)
            studio.ends(batch)
            attempts = studio.attempts(batch)
            assert len(attempts) == 2
            assert all(each.accepted for each in attempts)
            more = studio.submit(studio.shells(f"more{hours}", 6, "sleep 1"))
            studio.ends(more)
            assert ("n2" in nodes_of(studio.attempts(more))) == (phase == "ready")
            assert {studio.phases()[name] for name in ("n1", "n3")} == {"ready"}
    finally:
        clock.jump(0)
        studio.nodes["n2"] = was
        studio.apply()


class FakeClock:
    """A clock on the wall that can be put forward and back, of processes with this environment."""

    def __init__(self, file):
        libfaketime = pytest.importorskip("libfaketime")
        library = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"
        self.file = file
        self.env = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(file)}
        self.env |= {"FAKETIME_NO_CACHE": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        self.jump(24)
        words = [sys.executable, "-c", "import time; print(time.time())"]
        said = subprocess.run(words, env={**os.environ, **self.env}, capture_output=True, text=True)
        if float(said.stdout) < time.time() + 3600:
            pytest.skip(f"libfaketime does not work here: {said.stderr}")
        self.jump(0)

    def jump(self, hours):
        """Let it be so many hours later than it is."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{hours * 3600:+d}\n")
        fresh.replace(self.file)


def noon():
    """Return a schedule that is open from 9 to 15, of a zone in which it is 6 in the morning."""
    behind = (datetime.now(UTC).hour - 6 + 12) % 24 - 12
    zone = f"Etc/GMT{behind:+d}"  # their names say it the other way round
    days = {day: {"onBetween": ["09:00", "15:00"]} for day in DAYS}
    return {**days, "timezone": zone}


def age(pid):
    """Return for how many seconds a process has run."""
    return time.time() - psutil.Process(pid).create_time()
