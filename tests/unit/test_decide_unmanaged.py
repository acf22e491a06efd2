"""Whom a cluster claims, and whom it lets go."""

import pytest

from orchestrator.decide.unmanaged import (
    Claim,
    Demand,
    Free,
    Guest,
    dismissed,
    free_name,
    leaving,
    next_claim,
)


def free(id, held_by="", version="1", **services):
    services = services or {"render": 2}
    return Free(id=id, name=id, services=services, version=version, held_by=held_by)


def guest(id, job="b/j", has_joined=True):
    return Guest(id=id, name=id, job=job, services={"render": 2}, has_joined=has_joined)


def demand(waiting=None, spare=0, unfinished=("b/j",), busy=()):
    return Demand(
        waiting={"render": waiting if waiting is not None else {"b/j": 3}},
        spare={"render": spare},
        unfinished=frozenset(unfinished),
        busy=frozenset(busy),
    )


@pytest.mark.parametrize(
    ("nodes", "guests", "wanted", "taken"),
    [
        ([], [], demand(), None),
        ([free("a")], [], demand(), "a"),
        ([free("a")], [], demand({}), None),
        ([free("a")], [], demand(spare=3), None),
        ([free("a")], [], demand(spare=2), "a"),
        ([free("a", held_by="other")], [], demand(), None),
        ([free("a", version="2")], [], demand(), None),
        ([free("a", compressor=4)], [], demand(), None),
        ([free("a"), free("b", render=8)], [], demand(), "b"),
        ([free("a"), free("b")], [guest("a")], demand(), "b"),
        ([free("b")], [guest("a", has_joined=False)], demand({"b/j": 2}), None),
        ([free("b")], [guest("a", has_joined=False)], demand({"b/j": 3}), "b"),
    ],
)
def test_who_is_claimed(nodes, guests, wanted, taken):
    claim = next_claim(nodes, guests, wanted, "1")
    assert (claim.node.id if claim else None) == taken


def test_a_claim_is_for_the_first_job_that_has_no_room():
    wanted = demand({"b/first": 2, "b/second": 1}, spare=2)
    assert next_claim([free("a")], [], wanted, "1") == Claim(free("a"), "b/second")


def test_who_said_no_is_left_alone_for_a_while():
    assert next_claim([free("a")], [], demand(), "1", frozenset({"a"})) is None


def test_a_guest_leaves_with_its_job_and_goes_when_nothing_of_it_runs():
    guests = [guest("a", "b/over"), guest("b", "b/j"), guest("c", "b/over"), guest("d", "")]
    wanted = demand(busy=("c",))
    assert leaving(guests, wanted) == ("a", "c", "d")
    assert dismissed(guests, wanted) == ("a", "d")


def test_two_of_one_name_are_told_apart():
    assert free_name("mac", []) == "mac"
    assert free_name("mac", ["mac", "mac-2"]) == "mac-3"
