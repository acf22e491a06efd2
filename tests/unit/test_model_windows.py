"""When a node is open: against an oracle that walks the minutes of two years in five odd zones (F23).

The oracle only ever asks what a clock on the wall shows at a minute of UTC; what is tested goes the
other way.
"""

import random
from array import array
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import sample

from orchestrator.model.codec import dump, load
from orchestrator.model.schedule import (
    DAYS,
    MIDNIGHT,
    ON,
    AtClose,
    WorkSchedule,
    between,
    but,
    shown,
    written,
)
from orchestrator.model.windows import hours, is_open, next_edge, next_opening, until, windows

ZONES = (
    "Australia/Lord_Howe",  # half an hour of summer time
    "Antarctica/Troll",  # two hours of it
    "Pacific/Chatham",  # a quarter to three, and beyond the date line
    "Africa/Casablanca",  # winter time in summer, as the moon has it
    "America/New_York",
)
EPOCH = datetime(2024, 12, 22, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MINUTES = 752 * MIDNIGHT
FIRST, LAST = date(2025, 1, 1), date(2026, 12, 31)
BERLIN = ZoneInfo("Europe/Berlin")
NIGHTS = {"onBetween": [["00:00", "06:00"], ["22:00", "24:00"]]}


class Wall:
    """A zone's clock: the minute of UTC at which it shows each of its minutes first, and last."""

    def __init__(self, name):
        self.zone = ZoneInfo(name)
        start, read = int(EPOCH.timestamp()), datetime.fromtimestamp
        shows = array("i")
        for second in range(start, start + 60 * MINUTES, 60):
            when = read(second, self.zone)
            shows.append(when.toordinal() * MIDNIGHT + when.hour * 60 + when.minute)
        self.jumps = [m for m, (one, other) in enumerate(pairwise(shows), 1) if other != one + 1]
        self.base = min(shows)
        self.first = array("i", [-1]) * (max(shows) - self.base + 1)
        self.last = array("i", self.first)
        for minute, wall in enumerate(shows):
            self.last[wall - self.base] = minute
        for minute in range(MINUTES - 1, -1, -1):
            self.first[shows[minute] - self.base] = minute
        for wall in range(len(self.first) - 1, -1, -1):
            if self.first[wall] < 0:  # never shown: it goes on where the clock does
                self.first[wall] = self.last[wall] = self.first[wall + 1]

    def minutes(self, schedule, first, last):
        """Return a byte for each minute of UTC: whether these days of `schedule` have it open."""
        found, day = bytearray(MINUTES), first
        while day <= last:
            midnight = day.toordinal() * MIDNIGHT - self.base
            for start, end in schedule.of(day):
                opens, closes = self.first[midnight + start], self.last[midnight + end]
                found[opens:closes] = b"\1" * (closes - opens)
            day += timedelta(days=1)
        return found


def minute_of(when):
    return (when - EPOCH) // MINUTE


def any_spans(draw, change):
    """Return the spans of a day, often with edges in the hours that come twice or not at all.

    `change`: the minute of the day at which the clock is changed, when it is.
    """
    kind = draw.random()
    if kind < 0.2:
        return ON if kind < 0.1 else ()
    near = range(max(0, change - 130), min(MIDNIGHT, change + 130), draw.choice((5, 10)))
    far = range(0, MIDNIGHT + 1, draw.choice((1, 15, 60)))
    edges = sorted(draw.sample(draw.choice((near, far)), 2 * draw.choice((1, 1, 2))))
    spans = list(zip(edges[::2], edges[1::2], strict=True))
    return between(spans) if draw.random() < 0.5 else but(spans)


def any_schedule(draw, wall, middle):
    """Return a schedule; what is odd about it happens around minute `middle`."""
    local = (EPOCH + middle * MINUTE).astimezone(wall.zone)
    change = local.hour * 60 + local.minute
    days = {day: any_spans(draw, change) for day in DAYS}
    if draw.random() < 0.3:
        days |= dict.fromkeys(draw.sample(DAYS, 5), any_spans(draw, change))
    near = [local + timedelta(days=draw.randint(-9, 9)) for _ in range(draw.choice((0, 0, 2)))]
    holidays = {day.date().isoformat(): any_spans(draw, change) for day in near}
    return WorkSchedule(**days, holidays=holidays)


def compare_windows(wall, schedule, first, last):
    """Hold the windows of some days against the oracle, and that no two of them touch."""
    found, ends = bytearray(MINUTES), EPOCH
    for window in windows(schedule, wall.zone, first, last):
        assert ends < window.opens < window.closes
        ends = window.closes
        opens, closes = minute_of(window.opens), minute_of(window.closes)
        assert EPOCH + opens * MINUTE == window.opens
        found[opens:closes] = b"\1" * (closes - opens)
    assert found == wall.minutes(schedule, first, last), (schedule, first, last)


def compare_instants(wall, schedule, draw, middle):
    """Hold what is said at some instants around a minute, edges among them, against the oracle."""
    day = (EPOCH + middle * MINUTE).date()
    bits = wall.minutes(schedule, day - timedelta(days=6), day + timedelta(days=15))
    edges = [m for m in range(middle - MIDNIGHT, middle + MIDNIGHT) if bits[m] != bits[m - 1]]
    picked = draw.sample(edges, min(2, len(edges)))
    asked = [middle + draw.randint(-MIDNIGHT, MIDNIGHT), *picked, *(edge - 1 for edge in picked)]
    for minute in asked:
        now = EPOCH + minute * MINUTE + timedelta(seconds=0 if minute in edges else 59)
        assert is_open(schedule, wall.zone, now) == bits[minute], (schedule, now)
        edge = bits.find(not bits[minute], minute, middle + 13 * MIDNIGHT)
        told = next_edge(schedule, wall.zone, now)
        if edge >= 0:
            assert told == EPOCH + edge * MINUTE, (schedule, now)
        else:
            assert told is None or told > now + timedelta(days=11)
        if not bits[minute]:
            assert next_opening(schedule, wall.zone, now) == told


@pytest.mark.fault("F23")
@pytest.mark.timeout(sample.LIMIT_S)
@pytest.mark.parametrize("name", ZONES)
def test_windows_are_those_of_a_walk_through_two_years_minute_by_minute(name):  # F23, F-SCHED-12
    wall, draw = Wall(name), random.Random(name)
    assert len(wall.jumps) >= 4
    for _ in range(sample.times(500)):
        middle = (
            draw.choice(wall.jumps) if draw.random() < 0.8 else draw.randrange(30, 700) * MIDNIGHT
        )
        day = (EPOCH + middle * MINUTE).date()
        schedule = any_schedule(draw, wall, middle)
        reach = timedelta(days=draw.randint(1, 10))
        compare_windows(wall, schedule, day - reach, day + reach)
        compare_instants(wall, schedule, draw, middle)
    compare_windows(wall, any_schedule(draw, wall, wall.jumps[0]), FIRST, LAST)


def of(**days):
    return load(WorkSchedule, days)


def utc(text):
    return datetime.fromisoformat(text).astimezone(UTC)


def test_sunday_night_is_one_window_until_monday_morning():  # F-SCHED-5, F-SCHED-6
    days = dict.fromkeys(DAYS, "off")
    night = of(
        **{
            **days,
            "sunday": {"onBetween": ["18:00", "24:00"]},
            "monday": {"onBetween": ["00:00", "8:00"]},
        }
    )
    (window,) = windows(night, BERLIN, date(2026, 5, 2), date(2026, 5, 8))
    assert (window.opens, window.closes) == (
        utc("2026-05-03T18:00+02:00"),
        utc("2026-05-04T08:00+02:00"),
    )
    found = hours(night, BERLIN, utc("2026-05-03T23:59:59+02:00"))
    assert (found.is_open, found.edge, found.opens) == (
        True,
        window.closes,
        utc("2026-05-10T18:00+02:00"),
    )


def test_windows_are_half_open():  # F-SCHED-9
    day = of(monday={"onBetween": ["08:00", "18:00"]})
    opens, closes = utc("2026-05-04T08:00+02:00"), utc("2026-05-04T18:00+02:00")
    moment = timedelta(microseconds=1)
    assert [is_open(day, BERLIN, opens + by) for by in (-moment, 0 * moment)] == [False, True]
    assert [is_open(day, BERLIN, closes + by) for by in (-moment, 0 * moment)] == [True, False]
    assert next_edge(day, BERLIN, opens) == closes
    assert (
        next_edge(day, BERLIN, closes)
        == next_opening(day, BERLIN, closes)
        == utc("2026-05-05T00:00+02:00")
    )


@pytest.mark.parametrize(
    ("day", "spans", "opens", "closes"),
    [
        (date(2026, 3, 29), ["02:30", "04:00"], "03:00+02:00", "04:00+02:00"),  # skipped
        (date(2026, 3, 29), ["01:00", "02:30"], "01:00+01:00", "03:00+02:00"),
        (date(2026, 3, 29), ["02:10", "02:50"], None, None),
        (date(2026, 10, 25), ["02:30", "04:00"], "02:30+02:00", "04:00+01:00"),  # twice
        (date(2026, 10, 25), ["01:00", "02:30"], "01:00+02:00", "02:30+01:00"),
        (date(2026, 10, 25), ["01:00", "02:00"], "01:00+02:00", "02:00+01:00"),
        (date(2026, 10, 25), ["01:00", "03:00"], "01:00+02:00", "03:00+01:00"),
    ],
)
def test_hour_that_is_skipped_and_hour_that_comes_twice(day, spans, opens, closes):  # F-SCHED-12
    found = list(windows(of(sunday={"onBetween": spans}), BERLIN, day, day))
    told = [(window.opens, window.closes) for window in found]
    assert told == ([(utc(f"{day}T{opens}"), utc(f"{day}T{closes}"))] if opens else [])


@pytest.mark.fault("F23")
@pytest.mark.parametrize(
    ("night", "lasts_h"), [("2026-03-28", 7), ("2026-10-24", 9), ("2026-05-09", 8)]
)
def test_night_over_a_change_is_one_window_as_long_as_it_is(night, lasts_h):  # F23
    every = of(**dict.fromkeys(DAYS, NIGHTS))
    found = hours(every, BERLIN, utc(f"{night}T22:00+0{1 if night == '2026-03-28' else 2}:00"))
    assert found.closes == utc(
        f"{night}T22:00+0{1 if night == '2026-03-28' else 2}:00"
    ) + timedelta(hours=lasts_h)


@pytest.mark.fault("F23")
@pytest.mark.parametrize(
    ("zone", "now", "edge"),
    [
        ("Europe/Berlin", "1970-01-01T00:00:00+00:00", "1970-01-01T06:00+01:00"),
        ("Europe/Berlin", "2038-01-19T03:14:08+00:00", "2038-01-19T06:00+01:00"),
        ("Europe/Berlin", "2028-02-29T06:00+01:00", "2028-02-29T22:00+01:00"),  # leap day
        ("Pacific/Apia", "2011-12-29T22:00-10:00", "2011-12-31T06:00+14:00"),  # a day left out
        ("UTC", "2016-12-31T23:59:59+00:00", "2017-01-01T06:00+00:00"),
    ],
)
def test_odd_days_are_days(zone, now, edge):  # F23
    every = of(**dict.fromkeys(DAYS, NIGHTS))
    assert next_edge(every, ZoneInfo(zone), utc(now)) == utc(edge)


def test_days_that_are_not_said_are_on_and_a_holiday_replaces_its_weekday():  # F-SCHED-2, F-SCHED-3
    assert hours(of(), BERLIN, EPOCH).is_open
    assert next_edge(of(), BERLIN, EPOCH) is None
    fair = of(friday="off", holidays={"2026-12-25": "on", "2026-12-28": "off"})
    now = utc("2026-12-19T00:00+01:00")
    assert next_edge(fair, BERLIN, now) == utc("2026-12-28T00:00+01:00")
    once = of(
        **dict.fromkeys(DAYS, "off"), holidays={"2026-12-25": {"onBetween": ["8:00", "9:00"]}}
    )
    assert next_edge(once, BERLIN, now) == utc("2026-12-25T08:00+01:00")
    assert next_edge(once, BERLIN, utc("2026-12-25T09:00+01:00")) is None


def test_people_read_until_when():  # F-SCHED-11
    night = of(**dict.fromkeys(DAYS, "off"), holidays={"2026-05-11": "on"})
    said = [
        until(hours(night, BERLIN, now), BERLIN, "Europe/Berlin", now)
        for now in map(
            utc, ("2026-05-04T09:00+02:00", "2026-05-05T09:00+02:00", "2026-05-12T09:00+02:00")
        )
    ]
    assert said == [
        "closed until Mon 2026-05-11 00:00 (Europe/Berlin)",
        "closed until Mon 00:00 (Europe/Berlin)",
        "closed; its schedule opens it on none of the next 400 days",
    ]


def test_schedule_is_the_same_however_it_is_written():  # F-SCHED-13
    said = {
        "monday": {"onBetween": [["18:00", "24:00"], ["0:00", "08:00"]]},
        "tuesday": {"offBetween": ["8:00", "18:00"]},
        "wednesday": {"onBetween": [["00:00", "12:00"], ["12:00", "24:00"]]},
        "thursday": {"offBetween": ["00:00", "24:00"]},
        "atClose": "requeue",
        "holidays": {"2026-12-25": "off"},
    }
    schedule = load(WorkSchedule, said)
    assert schedule.monday == schedule.tuesday == ((0, 480), (1080, 1440))
    assert (schedule.wednesday, schedule.thursday, schedule.at_close) == (ON, (), AtClose.REQUEUE)
    assert load(WorkSchedule, dump(schedule)) == load(WorkSchedule, written(schedule)) == schedule
    assert [shown(schedule.of(date(2026, 5, 4 + n))) for n in range(4)] == [
        "00:00-08:00, 18:00-24:00",
        "00:00-08:00, 18:00-24:00",
        "on",
        "off",
    ]


@pytest.mark.parametrize(
    "spans", [[[-1, 4]], [[4, 4]], [[8, 4]], [[0, 1441]], [[0, 4], [3, 8]], [[0, 4], [4, 8]]]
)
def test_spans_that_are_none_are_refused(spans):
    with pytest.raises(ValueError, match="no spans of a day"):
        load(WorkSchedule, {"monday": spans})
