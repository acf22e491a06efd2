"""How the controller keeps to schedules: asked by the wall clock, woken at edges."""

import threading
from datetime import UTC, datetime, time, timedelta

import pytest

from orchestrator.controller.edges import EdgeTimer
from orchestrator.controller.hours import OpeningHours, OwnHours
from orchestrator.model.codec import load
from orchestrator.model.schedule import ALWAYS, DAYS, OFF, WorkSchedule

NIGHT = {"offBetween": ["08:00", "18:00"]}
BY_NIGHT = load(WorkSchedule, {**{day: NIGHT for day in DAYS}, "atClose": "requeue"})
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)  # a Monday


class Clock:
    def __init__(self, now):
        self.now = now
        self.edges = []

    def __call__(self):
        return self.now.timestamp()

    def edge(self, name, at):
        self.edges.append((name, at))


@pytest.fixture
def clock():
    return Clock(NOON)


@pytest.fixture
def hours(clock):
    return OpeningHours(clock, clock.edge, zone="UTC")


def stands(hours, told="", schedule=BY_NIGHT):
    found = hours.look("n1", schedule, told)
    return found.shut if found else None


def test_controller_that_starts_in_the_middle_of_a_window_knows_it(clock):
    clock.now = NOON + timedelta(hours=9)
    assert stands(OpeningHours(clock, zone="UTC")) == ""
    clock.now = NOON
    assert stands(OpeningHours(clock, zone="UTC")) == "closed until Mon 18:00 (UTC)"


def test_holiday_beyond_what_is_looked_at_comes_into_sight(clock, hours):
    far = clock.now + timedelta(days=500)
    schedule = WorkSchedule(holidays={far.date().isoformat(): OFF}, timezone="UTC")
    assert hours.look("n1", schedule).hours.edge is None
    clock.now = datetime.combine(far.date(), time(12), UTC)
    assert hours.look("n1", schedule).shut


def test_every_edge_is_told_once_and_holds_to_the_moment(clock, hours):
    at_close, at_open = NOON + timedelta(hours=20), NOON + timedelta(hours=6)
    said = []
    for now in (
        NOON,
        at_open - timedelta.resolution,
        at_open,
        at_close - timedelta.resolution,
        at_close,
    ):
        clock.now = now
        said.append(bool(stands(hours)))
    assert said == [True, True, False, False, True]
    assert clock.edges == [("n1", at_open), ("n1", at_close), ("n1", at_open + timedelta(days=1))]


@pytest.mark.fault("F23")
def test_clock_that_is_put_back_or_forward_is_believed(clock, hours):  # F23
    said = []
    for by in (0, 9, -9, 3, 24 * 365, -24 * 365 * 50):
        clock.now = NOON + timedelta(hours=by)
        said.append(bool(stands(hours)))
    assert said == [True, False, False, True, True, True]


def test_times_are_of_the_zone_of_the_schedule_else_the_nodes_else_ours(clock, hours):
    assert stands(hours).endswith("18:00 (UTC)")
    assert stands(hours, told="America/New_York") == "closed until Mon 18:00 (America/New_York)"
    clock.now = NOON - timedelta(hours=2)
    assert stands(hours, told="America/New_York") == ""
    named = load(WorkSchedule, {"monday": "off", "timezone": "Pacific/Chatham"})
    assert stands(hours, "America/New_York", named) == "closed until Tue 00:00 (Pacific/Chatham)"


def test_zone_that_is_not_known_keeps_a_node_closed_and_ends_nothing(hours):
    found = hours.look("n1", BY_NIGHT, "Europe/Atlantis")
    assert found.shut.startswith("closed; this system knows no time zone 'Europe/Atlantis'")
    assert not found.is_evicting


def test_changed_schedule_counts_at_the_next_look(hours):  # F-SCHED-8
    assert stands(hours)
    assert stands(hours, schedule=load(WorkSchedule, {"tuesday": "off"})) == ""
    assert stands(hours, schedule=ALWAYS) is None


def test_own_computer_keeps_to_its_schedule(clock, hours):
    own = OwnHours("here", BY_NIGHT, "UTC", hours)
    assert own.gate().shut == {"here": "closed until Mon 18:00 (UTC)"}
    assert own.gate().evicting == {"here"}
    clock.now = NOON + timedelta(hours=6)
    assert (own.gate().shut, own.gate().evicting) == ({}, frozenset())


def test_timer_wakes_at_an_edge_and_at_one_that_has_passed():
    woken = threading.Semaphore(0)
    timer = EdgeTimer(woken.release)
    timer.arm("n1", datetime.now(UTC) + timedelta(days=1))
    timer.open()
    try:
        timer.arm("n2", datetime.now(UTC) - timedelta(hours=1))
        assert woken.acquire(timeout=20)
        timer.arm("n1", datetime.now(UTC) + timedelta(milliseconds=50))
        assert woken.acquire(timeout=20)
        assert not woken.acquire(blocking=False)
    finally:
        timer.close()
