"""The outbox: what happens is told once each way, is kept while it cannot be, and delays nobody."""

import random
import threading
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from ledgers import Clock, batch

from orchestrator.controller.mail import NoServer
from orchestrator.controller.notices import AGAIN_FIRST_S, AGAIN_MOST_S, Means, Notices
from orchestrator.decide.notices import KEPT_S, Rules
from orchestrator.errors import OrchestratorError
from orchestrator.ledger.memory import MemoryLedger
from orchestrator.model.cluster import Notify, Webhook
from orchestrator.model.notice import Scene
from orchestrator.model.work import State

WAIT_S = 20.0
GATHER_S = 60.0
STEP_S = 150.0


DOWN = OrchestratorError("mail server mail.lan:25: it does not answer")


@dataclass
class Post:
    """An outbox on a ledger, on a clock to set, and everybody who is told."""

    ledger: MemoryLedger
    clock: Clock
    rules: Rules = field(default_factory=lambda: Rules(notify=Notify(to=("ops@x.y",))))
    sent: list = field(default_factory=list)  #: (way, subjects, time)
    broken: set = field(default_factory=set)  #: carriers that lead nowhere
    fault: OrchestratorError = DOWN
    notices: Notices = None

    def __post_init__(self):
        self.restart()

    def restart(self):
        self.notices = Notices(
            Means(
                ledger=self.ledger,
                deliver=self._deliver,
                rules=lambda: self.rules,
                scene=lambda: Scene(cluster="studio"),
                clock=lambda: self.clock.unix,
                spawn=lambda travel: travel(),
                jitter=lambda: 1.0,
            )
        )

    def _deliver(self, notify, parcel, message):
        if parcel.way.carrier.value in self.broken:
            raise self.fault
        subjects = tuple(each.notice.subject for each in parcel.letters)
        self.sent.append((parcel.way.name, subjects, self.clock.unix))

    def turn(self, seconds=0.0):
        self.clock.unix += seconds
        self.notices.turn()

    def stop(self, node):
        self.notices.tell("service-stopped", node, "its agent stopped", ("render",))


@pytest.fixture
def post():
    clock = Clock()
    return Post(MemoryLedger(wall=clock), clock)


def test_a_storm_is_one_mail_no_later_than_it_must_be(post):
    for number in range(50):
        post.stop(f"n{number:02d}")
        post.turn(0.5)
    post.turn(35.0)
    assert post.sent == []
    post.turn(1.0)
    ((way, subjects, _),) = post.sent
    assert (way, subjects) == ("mail ops@x.y", tuple(f"n{number:02d}" for number in range(50)))
    assert post.ledger.outbox() == ()
    post.turn(1000.0)
    assert len(post.sent) == 1


def test_however_it_rains_each_stop_is_in_one_mail_in_time(post):
    chance, told_at = random.Random(4), {}
    for second in range(1500):
        if chance.random() < (0.5 if 300 < second < 500 else 0.02):
            name = f"n{second:04d}"
            told_at[name] = post.clock.unix
            post.stop(name)
        post.turn(1.0)
    post.turn(GATHER_S)
    heard = {name: at for _, subjects, at in post.sent for name in subjects}
    assert sorted(heard) == sorted(told_at)
    assert sum(len(subjects) for _, subjects, _ in post.sent) == len(told_at)
    assert max(heard[name] - at for name, at in told_at.items()) <= GATHER_S + 2
    assert len(post.sent) <= 1600 / GATHER_S + 1


def test_end_of_a_batch_is_told_to_who_asked(post):
    post.ledger.accept(batch(notify={"to": ["me@x.y"]}), "d", [])
    post.ledger.accept(batch(name="c"), "d", [])
    post.turn()
    for id in ("b-0001", "c-0001"):
        post.ledger.close_part(id, "batch", State.CANCELLED, "not wanted")
    post.turn()
    post.turn(5.0)
    assert [(way, subjects) for way, subjects, _ in post.sent] == [("mail me@x.y", ("b-0001",))]
    assert post.ledger.outbox() == ()


def test_what_cannot_be_sent_is_kept_over_a_restart_and_other_ways_go_on(post):
    post.rules = Rules(notify=Notify(to=("ops@x.y",), webhooks=(Webhook(url="https://x.y/h"),)))
    post.broken = {"mail"}
    post.stop("a")
    post.turn()
    post.turn(GATHER_S)
    assert [way for way, *_ in post.sent] == ["webhook https://x.y/h"]
    (alarm,) = post.notices.alarms()
    assert alarm.startswith("1 notice not sent: mail server mail.lan:25: it does not answer")
    post.broken = set()
    post.restart()
    post.turn()
    assert [way for way, *_ in post.sent] == ["webhook https://x.y/h", "mail ops@x.y"]
    assert (post.notices.alarms(), post.ledger.outbox()) == ((), ())
    post.restart()
    post.turn(1000.0)
    assert len(post.sent) == 2


def test_it_is_tried_again_less_and_less_often_for_a_week(post):
    post.broken, tries = {"mail"}, []
    deliver = post._deliver

    def counted(*args):
        tries.append(post.clock.unix)
        deliver(*args)

    post._deliver = counted
    post.restart()
    post.stop("a")
    while post.notices.turn() or post.ledger.outbox():
        post.clock.unix += STEP_S
    pauses = [late - early for early, late in pairwise(tries)]
    assert pauses == sorted(pauses)
    assert (pauses[0] <= AGAIN_FIRST_S + STEP_S, pauses[-1] <= AGAIN_MOST_S + STEP_S) == (
        True,
        True,
    )
    assert tries[-1] - tries[0] == pytest.approx(KEPT_S, rel=0.01)
    assert post.notices.alarms() == ()


def test_a_batch_of_which_much_is_held_is_told_once(post):
    post.ledger.accept(batch(notify={"to": ["me@x.y"]}), "d", [])
    for number in range(30):
        post.ledger.note("held", f"b-0001/j/t/{number:06d}/encode", {"reason": "lost 10 times"})
    post.turn()
    post.restart()
    post.turn(10.0)
    assert [subjects for _, subjects, _ in post.sent] == [("b-0001",)]


def test_without_anybody_to_tell_it_is_shown_and_logged(post, caplog):
    post.rules = Rules()
    post.stop("a")
    post.turn()
    (alarm,) = post.notices.alarms()
    assert alarm.startswith("a: its agent stopped; nobody is told")
    (told,) = [record for record in caplog.records if getattr(record, "action", "") == "notice"]
    assert "servicecontroller:com.apple.qmaster.executor" in told.getMessage()


def test_what_lasts_or_comes_again_is_told_once(post):
    for _ in range(100):
        post.notices.saw("cluster storage /mnt is full", ["10 of 12 nodes are silent"])
        post.notices.saw("")
    post.turn()
    assert [each.notice.subject for each in post.ledger.outbox()] == ["storage", "nodes"]


def test_each_task_that_is_not_ready_for_long_is_told_of_once(post):
    """F-REC-8: also while another alarm lasts."""
    for unready in ({"b-0001/j/probe": "full"}, {"b-0001/j/probe": "full", "b-0002/j/probe": "x"}):
        for _ in range(3):
            post.notices.saw("", ["10 of 12 nodes are silent"], unready)
    post.turn()
    subjects = [each.notice.subject for each in post.ledger.outbox()]
    assert subjects == ["nodes", "b-0001/j/probe", "b-0002/j/probe"]
    post.turn(2 * GATHER_S)
    ((_, told, _),) = post.sent
    assert told == tuple(subjects)


def test_where_there_is_no_mail_server_this_computer_says_so_and_keeps_nothing(post):
    post.rules = Rules(notify=Notify(to=("me@x.y",)), is_alone=True)
    post.fault = NoServer("mail: this computer has no mail server")
    post.broken = {"mail"}
    post.stop("a")
    post.turn()
    post.turn(GATHER_S + 1)
    said = ("1 notice not sent, and not kept: mail: this computer has no mail server",)
    assert post.notices.alarms() == said
    assert post.ledger.outbox() == ()
    post.restart()
    post.turn()
    assert post.notices.alarms() == ()


def test_cluster_keeps_what_its_mail_server_does_not_take_now(post):
    post.fault, post.broken = NoServer("mail: this computer has no mail server"), {"mail"}
    post.stop("a")
    post.turn()
    post.turn(GATHER_S + 1)
    assert post.notices.alarms()[0].endswith("kept, and tried again")
    post.broken.clear()
    post.turn(AGAIN_FIRST_S + 1)
    assert [subjects for _, subjects, _ in post.sent] == [("a",)]


def test_a_receiver_that_hangs_delays_nobody():
    released, told, ledger = threading.Event(), threading.Semaphore(0), MemoryLedger()
    hooks = (Webhook(url="https://x.y/h"),)
    rules = Rules(notify=Notify(to=("ops@x.y",), service_down_after_s=0.0, webhooks=hooks))

    def deliver(notify, parcel, message):
        told.release()
        if parcel.way.carrier.value == "mail":
            released.wait(WAIT_S)

    notices = Notices(Means(ledger=ledger, deliver=deliver, rules=lambda: rules))
    notices.open()
    try:
        notices.tell("service-stopped", "a", "its agent stopped")
        assert all(told.acquire(timeout=WAIT_S) for _ in ("mail", "webhook"))
        notices.tell("alarm", "b", "look")
        assert told.acquire(timeout=WAIT_S)
    finally:
        released.set()
        notices.close()


def test_what_is_left_when_the_controller_ends_is_sent_at_once(post):
    delivered = []
    means = Means(
        ledger=post.ledger,
        deliver=lambda notify, parcel, message: delivered.append(parcel.way.name),
        rules=lambda: post.rules,
        clock=lambda: post.clock.unix,
    )
    notices = Notices(means)
    notices.open()
    notices.tell("service-stopped", "a", "its agent stopped")
    notices.close()
    assert delivered == ["mail ops@x.y"]
    assert post.ledger.outbox() == ()
