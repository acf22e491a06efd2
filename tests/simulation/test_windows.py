"""Nodes that work by night: nothing begins outside a window, and nothing is lost at its end."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from farm import Doorman, job

from orchestrator.controller.hours import OpeningHours, OwnHours
from orchestrator.decide.fleet import Gate
from orchestrator.model.codec import load
from orchestrator.model.schedule import AtClose, WorkSchedule

DESKS = ("desk-1", "desk-2", "desk-3", "desk-4", "desk-5")
BERLIN = ZoneInfo("Europe/Berlin")
WORKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
BY_NIGHT = load(WorkSchedule, {day: {"offBetween": ["08:00", "18:00"]} for day in WORKDAYS})
MINUTE_S, HOUR_S = 60, 3600
MONDAY = datetime(2030, 3, 25, 16, 30, tzinfo=BERLIN)


@dataclass
class Porter(Doorman):
    """Lets nobody in outside the hours of a node, as a fleet does."""

    hours: OpeningHours = field(kw_only=True)
    schedules: dict = field(kw_only=True)

    def gate(self):
        looked = {
            name: self.hours.look(name, schedule, "Europe/Berlin")
            for name, schedule in self.schedules.items()
        }
        return replace(
            self.gate_now,
            shut={name: each.shut for name, each in looked.items() if each.shut},
            evicting=frozenset(name for name, each in looked.items() if each.is_evicting),
        )


@pytest.fixture
def desks(farm):
    """A part-time cluster on a Monday afternoon, whose segments take 40 minutes (F-KIND-8)."""

    def build(schedule=BY_NIGHT, nodes=DESKS):
        f = farm(nodes=nodes)
        f.world.now, f.world.seconds["encode"] = MONDAY.timestamp(), 40.0 * MINUTE_S
        f.tick_s = MINUTE_S
        hours = OpeningHours(lambda: f.world.now)
        f.watch = Porter(Gate(), hours=hours, schedules=dict.fromkeys(nodes, schedule))
        f.restart()
        return f

    return build


def local(f):
    return datetime.fromtimestamp(f.world.now, BERLIN)


def go_on_until(f, text):
    """Let time go by until a wall clock in Berlin shows `text`."""
    end = datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()
    while f.world.now < end:
        f.turn()
        f.tick_s = min(MINUTE_S, end - f.world.now)
        f.step()
    f.tick_s = MINUTE_S
    f.turn()


def starts(f):
    """Return when each attempt was given out, by the wall clock."""
    opened = (record.opened for record in f.ledger.attempts("b-0001"))
    return [datetime.fromisoformat(each).astimezone(BERLIN) for each in opened]


def is_night(when):
    return when.weekday() > 4 or not 8 <= when.hour < 18


def test_part_time_cluster_works_through_its_nights_and_only_then(desks):  # F-KIND-8
    f = desks()
    f.submit(job(segments=120))  # of 40 minutes: more than a night of five desks
    go_on_until(f, "2030-03-25T18:00")
    assert [hour for hour in starts(f) if not is_night(hour)] == []
    go_on_until(f, "2030-03-26T08:00")
    running = f.holders()
    assert set(running.values()) == set(DESKS)
    go_on_until(f, "2030-03-26T12:00")
    assert f.holders() == {}
    assert f.state() == "Processing"
    assert all(f.task(task).tries == 0 for task in running)
    f.run()
    assert f.state() == "Successful"
    assert all(map(is_night, starts(f)))
    assert len(starts(f)) == len(f.ledger.tasks("b-0001"))
    assert (local(f).day, local(f).hour) == (26, 20)


def test_what_runs_at_the_end_of_a_window_goes_back_where_the_schedule_says_so(desks):  # F-SCHED-10
    f = desks(replace(BY_NIGHT, at_close=AtClose.REQUEUE), nodes=DESKS[:2])
    f.submit(job(segments=60))
    go_on_until(f, "2030-03-26T07:59")
    cut = f.holders()
    go_on_until(f, "2030-03-26T08:02")
    assert f.holders() == {}
    go_on_until(f, "2030-03-26T18:01")
    assert set(f.holders()) >= set(cut)  # they were next in line all the time
    f.run()
    tasks = [f.task(task) for task in cut]
    assert [(task.tries, task.losses) for task in tasks] == [(0, 0)] * 2
    assert f.state() == "Successful"
    assert all(map(is_night, starts(f)))


def test_controller_that_starts_in_the_middle_of_a_window_goes_on_in_it(desks):
    f = desks(nodes=DESKS[:2])
    f.submit(job(segments=40))
    go_on_until(f, "2030-03-25T22:10")
    running = f.holders()
    f.restart()
    f.turn()
    assert f.holders() == running
    go_on_until(f, "2030-03-26T09:10")
    f.restart()
    f.turn()
    assert f.holders() == {}
    f.run()
    assert all(map(is_night, starts(f)))


@pytest.mark.parametrize("at_close", AtClose)
def test_one_computer_keeps_to_its_schedule_without_a_cluster(desks, at_close):
    f = desks(nodes=DESKS[:1])
    hours = OpeningHours(lambda: f.world.now)
    f.watch = OwnHours("desk-1", replace(BY_NIGHT, at_close=at_close), "Europe/Berlin", hours)
    f.restart()
    f.controller.lookout.presence = None
    f.world.seconds["encode"] = 50.0 * MINUTE_S
    f.submit(job(segments=24))
    go_on_until(f, "2030-03-26T08:01")
    assert len(f.holders()) == (at_close is AtClose.FINISH)
    assert f.controller.turn()[0].shut == {"desk-1": "closed until Tue 18:00 (Europe/Berlin)"}
    f.run()
    assert f.state() == "Successful"
    assert all(map(is_night, starts(f)))


def test_node_that_never_closes_works_on_while_others_are_shut(desks):
    f = desks(nodes=DESKS[:2])
    f.watch.schedules = {"desk-1": BY_NIGHT}
    f.submit(job(segments=1))
    f.run()
    assert {record.node for record in f.ledger.attempts("b-0001")} == {"desk-2"}
    assert f.watch.closed == {"desk-1": "closed until Mon 18:00 (Europe/Berlin)"} or is_night(
        local(f)
    )


def test_nothing_that_was_given_out_before_the_end_begins_after_it(desks):  # F-SCHED-9, F-SCHED-10
    f = desks(nodes=DESKS[:1])
    go_on_until(f, "2030-03-26T07:59:59")
    f.engine.drop_next()
    f.submit(job(segments=1, probe=False))
    f.turn()
    (held,) = f.holders()
    go_on_until(f, "2030-03-26T12:00")
    assert f.holders() == {}
    assert f.started() == []
    f.run()
    assert f.state() == "Successful"
    assert f.task(held).tries == 0
    assert [hour for hour in starts(f)[1:] if not is_night(hour)] == []
