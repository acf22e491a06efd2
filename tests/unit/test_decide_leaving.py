from orchestrator.decide.leaving import leaving
from orchestrator.model.cluster import Extended, Node


def node(name, *extended, host=""):
    return Node(name=name, host=host, extended=tuple(Extended(host=each) for each in extended))


def test_who_is_named_no_longer_leaves():
    assert leaving([node("n2"), node("n1"), node("n3")], [node("n2")]) == (node("n1"), node("n3"))


def test_who_is_named_again_stays():
    assert leaving([node("n1")], [node("n1", host="elsewhere")]) == ()


def test_who_left_twice_leaves_by_what_was_said_last():
    assert leaving([node("n1", host="a"), node("n1", host="b")], []) == (node("n1", host="b"),)


def test_extended_nodes_leave_one_by_one():
    named = [node("gate", "old-1", "old-2")]
    assert leaving(named, [node("gate", "old-2", "old-3")]) == (node("gate", "old-1"),)
    assert leaving([node("gate", "old-1"), node("gate", "old-2")], []) == (
        node("gate", "old-1", "old-2"),
    )
