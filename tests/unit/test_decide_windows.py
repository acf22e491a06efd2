"""What becomes of nodes that are closed, and what people are told."""

from dataclasses import replace
from datetime import UTC, datetime

from orchestrator.cli import week
from orchestrator.controller.nodeview import with_hours
from orchestrator.decide.fleet import Gate, Sight, closed
from orchestrator.decide.reconcile import Attempt, Kill, Send, View, reconcile
from orchestrator.decide.windows import all_closed, timetable
from orchestrator.engine.fake import USUAL
from orchestrator.model.codec import dump, load
from orchestrator.model.node import Member, Phase, Report
from orchestrator.model.schedule import WorkSchedule
from orchestrator.model.talk import NodePhase, NodeView
from orchestrator.model.work import Service

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)  # a Tuesday
SAID = {
    "monday": "off",
    "tuesday": {"onBetween": [["00:10", "08:00"], ["18:00", "24:00"]]},
    "holidays": {"2026-05-08": "off"},
}
N1 = Member("n1", "1")
SHUT = {"n1": "closed until Tue 18:00 (UTC)"}


def node(name="n1", zone="UTC", said=SAID, now=NOON, phase=NodePhase.CLOSED):
    table = timetable(load(WorkSchedule, said), zone, "")
    return with_hours(NodeView(name=name, phase=phase), table, table.look(now), now)


def attempt(id="1-1"):
    return Attempt(
        id=id, task="b/j/probe", service=Service.RENDER, node="n1", incarnation="1", lease=1
    )


def acts(phases, **wanted):
    report = Report(
        beat=1, identity=USUAL, attempts={id: (each, "") for id, each in phases.items()}
    )
    view = View(members={N1: report}, attempts=(attempt(),), **wanted)
    return [each for each in reconcile(view) if isinstance(each, Kill | Send)]


def test_closed_node_takes_no_new_work_and_says_until_when():  # F-SCHED-11
    sight = Sight(member=N1, report=Report(beat=1, identity=USUAL), is_listed=True)
    assert closed({"n1": sight}, Gate(shut=SHUT)) == SHUT


def test_what_has_not_begun_when_a_window_ends_goes_back_and_what_runs_is_finished():  # F-SCHED-10
    assert acts({"1-1": Phase.RUNNING}, shut=SHUT) == []
    assert acts({"1-1": Phase.RUNNING}, shut=SHUT, evicting=frozenset({"n1"})) == [Kill(N1, "1-1")]
    assert acts({"1-1": Phase.QUEUED}, shut=SHUT) == [Kill(N1, "1-1")]
    assert acts({}, shut=SHUT) == [Kill(N1, "1-1")]
    assert acts({}) == [Send(attempt(), N1)]


def test_batch_that_waits_for_a_window_is_told_the_next_opening():  # F-SCHED-11
    late = node("n2", "America/New_York")
    early = node("n3", "Asia/Kolkata")
    said = "every node is closed; the next opens Tue 18:00: n1 (UTC)"
    assert all_closed((late, node()), NOON) == said
    assert all_closed((late, early, node()), NOON).endswith("opens Tue 18:00: n3 (Asia/Kolkata)")
    assert all_closed((late, replace(node(), phase=NodePhase.LOST)), NOON) == ""
    never = dict.fromkeys(
        WorkSchedule.__dataclass_fields__.keys() - {"holidays", "timezone", "at_close"}, "off"
    )
    assert (
        all_closed((node(said=never),), NOON) == "every node is closed, and no schedule opens one"
    )
    assert all_closed((), NOON) == ""


def test_view_of_a_node_has_its_edges_and_its_week():
    data = dump(node())
    assert (data["opens"], data["closes"]) == (
        "2026-05-05T18:00:00+00:00",
        "2026-05-08T00:00:00+00:00",
    )
    assert data["week"][0] == {
        "date": "2026-05-05",
        "open": [["00:10", "08:00"], ["18:00", "24:00"]],
    }
    assert data["week"][3] == {"date": "2026-05-08", "open": []}
    assert [day["date"][-2:] for day in data["week"]] == ["05", "06", "07", "08", "09", "10", "11"]


PICTURE = """\
n1: closed, opens Tue 2026-05-05 18:00, then closes Fri 2026-05-08 00:00 (UTC)
                  0           6           12          18          24
  Tue 2026-05-05  ▒███████████████····················████████████
  Wed 2026-05-06  ████████████████████████████████████████████████
  Thu 2026-05-07  ████████████████████████████████████████████████
  Fri 2026-05-08  ················································
  Sat 2026-05-09  ████████████████████████████████████████████████
  Sun 2026-05-10  ████████████████████████████████████████████████
  Mon 2026-05-11  ················································

n2: always open; it has no schedule"""


def test_week_is_drawn_as_wide_as_the_terminal_is():
    views = (node(), NodeView(name="n2", phase=NodePhase.READY))
    assert week.picture(views, 80) == PICTURE
    narrow = week.picture(views, 50, week.LETTERS).splitlines()
    assert narrow[1:3] == [
        "                  0     6     12    18    24",
        "  Tue 2026-05-05  +#######..........######",
    ]
    assert max(map(len, week.picture(views[:1], 30).splitlines()[1:])) <= 32


def test_week_is_a_list_where_no_terminal_is(capsys):
    views = (node(), NodeView(name="n2", phase=NodePhase.READY))
    lines = week.drawn(views).splitlines()
    assert lines[1:3] == [
        "  Tue 2026-05-05  00:10-08:00, 18:00-24:00",
        "  Wed 2026-05-06  00:00-24:00",
    ]
    assert lines[4] == "  Fri 2026-05-08  closed"
    assert lines[-1] == "n2: always open; it has no schedule"
