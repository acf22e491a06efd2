"""What people are to be told, kept by every ledger alike."""

from dataclasses import replace

from ledgers import batch

from orchestrator.model.notice import Letter, Notice, NoticeKind
from orchestrator.model.work import State

LOST = Notice(
    kind=NoticeKind.SERVICE_STOPPED,
    subject="mac-01",
    text="its agent stopped \udce9",
    at=1.5,
    services=("render",),
    to=("a@x.y",),
)
PLAIN = replace(LOST, text="its agent stopped ?")


def test_a_letter_is_kept_until_it_is_dropped_and_is_no_event(desk):
    ledger, before = desk.ledger, desk.kinds()
    assert (ledger.noticed(), ledger.outbox()) == (0, ())
    ledger.post([Letter(number=9, notice=LOST), Letter(number=4, notice=LOST)], 12)
    ledger.post([Letter(number=4, notice=replace(LOST, subject="other"))], 13)
    assert ledger.noticed() == 13
    assert ledger.outbox() == (Letter(number=4, notice=PLAIN), Letter(number=9, notice=PLAIN))
    assert [each.number for each in ledger.outbox(1)] == [4]
    ledger.told([4, 7], "mail a@x.y")
    ledger.told([4], "plugins")
    assert [each.told for each in ledger.outbox()] == [{"mail a@x.y", "plugins"}, frozenset()]
    ledger.drop([4, 7])
    assert [each.number for each in ledger.outbox()] == [9]
    assert desk.kinds() == before


def test_news_are_the_events_of_some_kinds_and_how_far_was_looked(desk):
    desk.accept(batch())
    desk.ledger.note("alarm", "nodes", {"why": "many"})
    desk.ledger.close_part("b-0001", "batch", State.CANCELLED, "not wanted")
    desk.ledger.note("collected", "b-0001", {})
    last = desk.ledger.events()[-1].seq
    kinds = frozenset({"alarm", "cancelled"})
    seen, found = desk.ledger.news(0, kinds)
    assert seen == last
    assert (found[0].kind, found[0].subject) == ("alarm", "nodes")
    assert ("cancelled", "b-0001") in [(each.kind, each.subject) for each in found]
    first, (one,) = desk.ledger.news(0, kinds, 1)
    assert (first, one.kind) == (one.seq, "alarm")
    assert desk.ledger.news(last, kinds) == (last, ())
