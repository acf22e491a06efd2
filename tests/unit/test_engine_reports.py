"""What crosses the wire as text, and what a controller believes of it."""

import logging

import pytest
from agents import IDENTITY

from orchestrator.engine.dask.reports import Reports
from orchestrator.model.codec import canonical
from orchestrator.model.node import Member

N1 = Member("n1", "life-1")


def told(beat=1, report='{"beat":1}', identity=None, member=N1):
    identity = canonical(IDENTITY) if identity is None else identity
    return [member.node, member.incarnation, identity, beat, report]


def test_report_is_whole_with_the_identity_of_its_connection():
    reports = Reports()
    assert reports.take({"tls://a": told()})
    assert reports.seen[N1].identity == IDENTITY
    assert reports.address(N1) == "tls://a"
    assert reports.known == {"tls://a": 1}


def test_beat_alone_is_no_change():
    reports = Reports()
    reports.take({"tls://a": told()})
    assert not reports.take({"tls://a": told(2, '{"beat":2}', identity="")})
    assert reports.seen[N1].beat == 2


def test_what_has_not_changed_need_not_be_sent_again():
    reports = Reports()
    reports.take({"tls://a": told()})
    assert not reports.take({"tls://a": ["n1", "life-1", None, 1, None]})
    assert reports.seen[N1].beat == 1


def test_member_without_a_report_is_unknown_and_not_empty():
    reports = Reports()
    reports.take({"tls://a": told(0, None)})
    assert reports.seen == {}


def test_later_report_that_arrives_first_stays():
    reports = Reports()
    reports.take({"tls://a": told(2, '{"beat":2,"unfit":"no"}')})
    reports.take({"tls://a": told(1, '{"beat":1}', identity="")})
    assert reports.seen[N1].beat == 2


def test_next_life_at_the_same_port_is_asked_who_it_is():
    reports, other = Reports(), Member("n1", "life-2")
    reports.take({"tls://a": told(500, '{"beat":500,"left":true}')})
    reports.take({"tls://a": ["n1", "life-2", None, 1, '{"beat":1}']})
    assert (reports.seen, reports.known) == ({}, {})
    reports.take({"tls://a": told(member=other)})
    assert [(each.incarnation, reports.seen[each].left) for each in reports.seen] == [
        ("life-2", False)
    ]


def test_newest_connection_of_a_member_counts():
    reports = Reports()
    reports.take({"tls://a": told(), "tls://b": told(7, '{"beat":7}')})
    assert reports.address(N1) == "tls://b"
    assert reports.seen[N1].beat == 7


def test_who_has_gone_is_not_listed():
    reports = Reports()
    reports.take({"tls://a": told()})
    assert reports.take({})
    assert reports.seen == {}
    assert reports.address(N1) is None


def test_other_scheduler_is_asked_for_everything_anew():
    reports = Reports()
    reports.take({"tls://a": told()})
    reports.forget()
    assert reports.known == {}
    assert set(reports.seen) == {N1}
    reports.take({"tls://a": told()})
    assert reports.seen[N1].identity == IDENTITY


@pytest.mark.parametrize(
    "strange",
    [
        told(report="{"),
        told(report="[]"),
        told(report="{}"),
        told(report='{"beat":"x"}'),
        told(report='{"beat":1,"attempts":{"a":["flying",""]}}'),
        told(report='{"beat":1,"outcomes":7}'),
        told(report="[" * 100_000),
        told(identity="null"),
        told(identity="{}"),
        [*told(), "more"],
    ],
)
def test_strange_report_harms_nobody_else_and_is_said_once(strange, caplog):
    """One member of another version, or a liar, is unknown; the others are seen (T13)."""
    reports, good = Reports(), Member("n2", "life")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            reports.take({"tls://a": strange, "tls://b": told(member=good)})
    assert set(reports.seen) == {good}
    assert [record.action for record in caplog.records] == ["report_unreadable"]
