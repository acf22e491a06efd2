"""What people are told, by which way, when, and in which words."""

import json

import pytest

from orchestrator.decide.notices import (
    EVENTS,
    KEPT_MAX,
    KEPT_S,
    TOLD_AT_ONCE,
    TOLD_MAX_BYTES,
    UNHEARD_S,
    Rules,
    due_at,
    finished,
    message,
    notice,
    parcels,
    sentence,
    unheard,
    ways,
)
from orchestrator.model.cluster import Notify, Webhook
from orchestrator.model.notice import Carrier, Letter, NoticeKind, Parcel, Scene, Way

OPS = Rules(notify=Notify(to=("ops@x.y",)))
EVERY = Rules(
    notify=Notify(
        to=("ops@x.y",), webhooks=(Webhook(url="https://x.y/h"),), commands=(("/bin/page", "-v"),)
    ),
    has_plugins=True,
)
NEVER = float("-inf")


def stopped(node="mac-01", at=0.0, services=("compressor", "render")):
    data = {"why": "its agent stopped", "services": list(services)}
    return notice("service-stopped", node, data, at)


def ended(batch="b-0001", at=0.0, kind="successful", to=("me@x.y",), why=""):
    return notice(kind, batch, {"level": "batch", "reason": why}, at, to)


def letters(*notices):
    return [Letter(number=number, notice=each) for number, each in enumerate(notices, 1)]


def mail(*notices, rules=OPS):
    (parcel,) = parcels(letters(*notices), rules)
    return parcel


@pytest.mark.parametrize(
    ("kind", "data", "so", "text"),
    [
        ("successful", {"level": "batch"}, NoticeKind.BATCH_DONE, "Successful"),
        (
            "failed",
            {"level": "batch", "reason": "a:\nno"},
            NoticeKind.BATCH_FAILED,
            "Failed: a:\\nno",
        ),
        ("cancelled", {"level": "batch"}, NoticeKind.BATCH_CANCELLED, "Cancelled"),
        ("successful", {"level": "target"}, None, ""),
        ("cancelled", {"tasks": []}, None, ""),
        ("service-down", {"why": "four times"}, NoticeKind.SERVICE_DOWN, "four times"),
        ("storage-low", {"why": "full"}, NoticeKind.STORAGE_LOW, "full"),
        ("quarantined", {"why": "fails all"}, NoticeKind.QUARANTINED, "fails all"),
        ("alarm", {"why": "10 of 12 lost"}, NoticeKind.ALARM, "10 of 12 lost"),
    ],
)
def test_an_event_is_a_sentence_for_people_or_nothing(kind, data, so, text):
    assert kind in EVENTS
    told = notice(kind, "x", data, 1.0)
    assert (told.kind, told.text) == (so, text) if so else told is None


def test_a_held_task_is_told_of_its_batch():
    told = notice("held", "b-0001/j/t/000007/encode", {"reason": "lost 10 times"}, 1.0, ("me@x.y",))
    assert (told.kind, told.subject) == (NoticeKind.BATCH_HELD, "b-0001")
    assert told.text == "b-0001/j/t/000007/encode waits for a person: lost 10 times"


def test_who_hears_of_what():
    assert [way.name for way in ways(stopped(), EVERY)] == [
        "mail ops@x.y",
        "webhook https://x.y/h",
        "command /bin/page -v",
        "plugins",
    ]
    assert ways(ended(), EVERY)[0].to == ("me@x.y",)
    assert [way.carrier for way in ways(ended(to=()), OPS)] == []
    assert ways(stopped(), Rules(email="root@x.y"))[0].to == ("root@x.y",)
    assert ways(stopped(), Rules(notify=OPS.notify, email="root@x.y"))[0].to == ("ops@x.y",)
    assert ways(stopped(), Rules()) == ()


def test_what_went_a_way_goes_it_no_more():
    one, other = letters(stopped("a"), stopped("b"))
    one = Letter(number=1, notice=one.notice, told=frozenset({"mail ops@x.y", "plugins"}))
    found = {
        each.way.name: [n.number for n in each.letters] for each in parcels([one, other], EVERY)
    }
    assert found["mail ops@x.y"] == found["plugins"] == [2]
    assert found["webhook https://x.y/h"] == found["command /bin/page -v"] == [1, 2]


@pytest.mark.parametrize(
    ("notices", "last", "due"),
    [
        ([stopped(at=100.0)], NEVER, 160.0),
        ([stopped(at=100.0), stopped("b", at=150.0)], 99.0, 160.0),
        ([ended(at=100.0, to=("ops@x.y",))], NEVER, 105.0),
        ([ended(at=100.0, to=("ops@x.y",))], 90.0, 150.0),
        ([ended(at=100.0, to=("ops@x.y",)), stopped(at=80.0)], 90.0, 140.0),
    ],
)
def test_a_mail_gathers_and_goes_no_later_than_it_must(notices, last, due):
    assert due_at(mail(*notices), OPS, last, 150.0) == due


def test_machines_are_told_at_once():
    way = Way(carrier=Carrier.WEBHOOK, to=("https://x.y/h",))
    assert (
        due_at(Parcel(way=way, letters=tuple(letters(stopped(at=99.0)))), EVERY, 98.0, 99.0) == 99.0
    )


def test_a_clock_that_is_set_back_keeps_no_mail():
    assert due_at(mail(stopped(at=9000.0)), OPS, NEVER, 100.0) == 100.0
    assert due_at(mail(ended(at=99.0, to=("ops@x.y",))), OPS, 9000.0, 100.0) == 104.0


def test_fifty_nodes_lost_at_once_are_one_mail():
    found = message(mail(*(stopped(f"n{n:02d}") for n in range(50))), Scene(cluster="studio"))
    assert found.subject == "[studio] n00, n01, n02 and 47 more: services stopped"
    assert all(f"n{n:02d}: its agent stopped" in found.text for n in range(50))


def test_a_parcel_is_no_larger_than_its_receiver_takes():
    many = [notice("alarm", f"n{n}", {"why": "ü" * 5000}, 0.0) for n in range(1000)]
    parcel = mail(*many)
    assert 1 <= len(parcel.letters) < TOLD_AT_ONCE
    assert len(message(parcel, Scene(cluster="s")).body.encode()) <= TOLD_MAX_BYTES + 4096
    assert len(mail(*(stopped(f"n{n}") for n in range(1000))).letters) == TOLD_AT_ONCE


def test_labels_of_the_original_stand_letter_for_letter():
    distributed = "servicecontroller:com.apple.stomp.transcoderx"
    render = "servicecontroller:com.apple.qmaster.executor"
    found = message(mail(stopped()), Scene(cluster="studio", host="ctrl"))
    assert f"\n  {distributed} (compressor)\n  {render} (render)\n" in found.text
    assert json.loads(found.body)["notices"][0]["labels"] == [distributed, render]
    assert sentence(stopped()) == f"mac-01: its agent stopped [{distributed}, {render}]"
    alone = message(mail(stopped()), Scene(cluster="this-computer", is_alone=True))
    assert "  servicecontroller:com.apple.stomp.transcoder (compressor)\n" in alone.text


def test_a_mail_says_how_the_node_stands_now_and_what_to_type():
    scene = Scene(cluster="studio", host="ctrl", stands={"mac-01": "ready"})
    found = message(mail(stopped(at=1.0)), scene)
    assert found.text.startswith("1970-01-01 00:00:01+00:00  mac-01: its agent stopped\n")
    assert "\n  Now: ready.\n" in found.text
    assert "orchestrator nodes --cluster studio" in found.text
    told = message(mail(ended(kind="failed", why="a: no such file"), rules=OPS), scene)
    assert told.subject == "[studio] b-0001: Failed"
    assert "orchestrator explain b-0001 --cluster studio" in told.text
    assert "to" not in json.loads(told.body)["notices"][0]  # addresses are nobody else's business


def test_what_no_person_hears_of_is_shown_for_a_while():
    kept = letters(stopped(at=0.0), ended(to=()))
    assert unheard(kept, Rules()).startswith("mac-01: its agent stopped; nobody is told by mail")
    assert unheard(kept, OPS) == ""
    assert [each.number for each in finished(kept, Rules(), 10.0)] == [2]
    assert [each.number for each in finished(kept, Rules(), UNHEARD_S + 1)] == [1, 2]


def test_what_cannot_be_sent_is_kept_for_a_week_and_not_without_end():
    kept = letters(stopped(at=0.0))
    assert finished(kept, OPS, KEPT_S - 1) == ()
    assert len(finished(kept, OPS, KEPT_S + 1)) == 1
    many = letters(*(stopped(at=0.0) for _ in range(KEPT_MAX + 3)))
    assert [each.number for each in finished(many, OPS, 1.0)] == [1, 2, 3]
