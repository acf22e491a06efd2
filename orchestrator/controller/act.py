"""Actions to the outside world: the one place where a decision has an effect.

Store first, act second (R7).  Actions of one look are grouped: all settlements are one transaction,
all leases another.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass, field, replace

from orchestrator.controller import onward
from orchestrator.controller.blames import Blames
from orchestrator.controller.brief import Briefing
from orchestrator.controller.builds import TargetBuilds
from orchestrator.controller.courier import Courier
from orchestrator.controller.plan import Planner
from orchestrator.controller.storage import Storage
from orchestrator.decide import copying
from orchestrator.decide.reconcile import (
    Ack,
    Action,
    Bring,
    Close,
    Kill,
    Lease,
    Plan,
    Refuse,
    Reprobe,
    Send,
    SetAside,
    Settle,
    TakeBack,
    Tally,
    View,
)
from orchestrator.decide.settle import (
    Limits,
    Settled,
    judge,
    rework,
    settle,
    settle_late,
    withdraw,
)
from orchestrator.engine.protocol import Engine
from orchestrator.errors import Busy, PluginError, Refusal
from orchestrator.ledger.protocol import Ledger, Settlement
from orchestrator.model.node import Member, Spec
from orchestrator.model.talk import Sheet
from orchestrator.model.work import (
    Accept,
    Again,
    AttemptId,
    Cause,
    Ending,
    Job,
    Kind,
    Outcome,
    Reject,
    Replan,
    Rework,
    State,
    Task,
    TaskId,
    Verdict,
    task_id,
)
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.hasty import NotYet

log = logging.getLogger(__name__)

KILL_GRACE_S = 10.0

SPOILED = "spoiled"
"""In ``result.json``, beside ``error``: ids of attempts whose files are not what they were."""


@dataclass(slots=True)
class Hands:
    """Carries out what was decided, and says each thing once."""

    ledger: Ledger
    engine: Engine
    courier: Courier
    caller: Caller
    storage: Storage
    briefing: Briefing
    planner: Planner
    limits: Limits = field(default_factory=Limits)
    builds: TargetBuilds | None = None  #: None: one node, one build
    blames: Blames | None = None  #: None: no node is set aside
    submit_next: Callable[[Task, Sheet], object] | None = None  #: None: actions submit nothing

    def act(self, actions: Sequence[Action], view: View, now: float) -> bool:
        """Carry out the actions of one look; return whether the ledger changed: look again."""
        alive = {member for member in view.members if member.node not in view.lost}
        changed = self._settle([each for each in actions if isinstance(each, Settle)], now, alive)
        self._ack(each for each in actions if isinstance(each, Ack))
        for action in actions:
            match action:
                case Kill(member, attempt):
                    self.engine.kill(member, attempt, KILL_GRACE_S)
                    _say("attempt_killed", "attempt %s: no longer wanted, ended", attempt)
                case SetAside(node, why):
                    changed |= self.ledger.set_aside(node, why)
                    _say("node_quarantined", "node %s: set aside: %s", node, why)
                case TakeBack(node, why):
                    changed |= self._take_back(node, why)
                case Plan(job):
                    changed |= self._plan(job, view)
                case Bring() | Reprobe() | Refuse():
                    changed |= self._prepare(action)
                case Close(part, state):
                    changed |= self._close(part, state)
        sends = [each for each in actions if isinstance(each, Send)]
        sends += self._lease([each for each in actions if isinstance(each, Lease)])
        return self._send(sends, view, now) or changed

    def _plan(self, job: Job, view: View) -> bool:
        """Divide a job among the nodes that take new work; if none does now, among all."""
        if self.builds:  # nothing of it is done: any build will do
            self.builds.forget(job.id)
        members, shut = view.members.items(), {*view.closed, *view.past.blind.get(job.id, ())}
        open_now = [report for member, report in members if member.node not in shut]
        return self.planner.plan(job, open_now or view.members.values())

    def _prepare(self, action: Bring | Reprobe | Refuse) -> bool:
        """Do what a job needs before it can begin, or say that it cannot."""
        match action:
            case Bring(task, at_once):
                paths = ", ".join(copying.paths_of(task))
                if not self.ledger.copy(task, at_once=at_once):
                    return False
                _say(
                    "copy_wanted", "job %s: copied to cluster storage first: %s", task.job.id, paths
                )
            case Reprobe(job, changes, why):
                self.ledger.replan(job.id, changes, why)
                _say("job_replanned", "job %s: planned anew: %s", job.id, why)
            case Refuse(job, why):
                self.ledger.plan_failed(job.id, why)
                log.warning("job %s: %s", job.id, why, extra={"action": "plan_failed"})
        return True

    def _take_back(self, node: str, why: str) -> bool:
        if self.blames:
            self.blames.failed()
        _say("node_taken_back", "node %s: no longer set aside: %s", node, why)
        return self.ledger.take_back(node, why)

    def _settle(
        self, settles: Sequence[Settle], now: float, alive: Set[Member] = frozenset()
    ) -> bool:
        settlements: list[Settlement] = []
        nodes = {each.attempt.id: each.attempt.node for each in settles}
        replans: dict[str, Replan] = {}
        for told in settles:
            outcome = self.briefing.home(told.attempt, told.outcome)
            each = replace(told, outcome=outcome)
            task = self.ledger.task(each.attempt.task)
            if task is None:  # its job was planned anew in the meantime, which closed the attempt
                continue
            try:
                verdict = self._verdict(task, each.outcome)
            except NotYet:
                continue  # it is told again until it is settled
            if each.is_late:
                settlements.append(_late(each, settle_late(task, verdict)))
            elif isinstance(verdict, Replan):
                replans.setdefault(task.job.id, verdict)
            else:
                verdict, withdrawn = self._withdrawals(task, each.outcome, verdict)
                deaths = self._deaths(each, task, verdict, alive)
                settlements.append(self._settlement(each, task, verdict, now, deaths))
                settlements += withdrawn  # after it: what falls with them must find it waiting
        done = self.ledger.settle(settlements) if settlements else ()
        for settlement, fresh in zip(settlements, done, strict=True):
            if fresh:
                self._settled(settlement)
                if not settlement.is_withdrawn:
                    self._blame(settlement, nodes[settlement.attempt])
        for job, replan in replans.items():  # closes the job's attempts in the same transaction
            self.ledger.replan(job, replan.changes, replan.why, keeps=True)
            _say("job_replanned", "job %s: planned anew: %s", job, replan.why)
        return any(done) or bool(replans)

    def _withdrawals(
        self, task: Task, outcome: Outcome, verdict: Accept | Reject | Again | Rework
    ) -> tuple[Accept | Reject | Again | Rework, list[Settlement]]:
        """Return what is done again of what a task needs, and the verdict as it then is."""
        if isinstance(verdict, Rework):
            return self._reworked(task, verdict)
        spoiled = self._spoiled(task, outcome, verdict)
        if isinstance(verdict, Reject) and spoiled:
            verdict = Reject(verdict.why, Cause.UNREADY)
        return verdict, spoiled

    def _spoiled(self, task: Task, outcome: Outcome, verdict: Verdict) -> list[Settlement]:
        """Return the withdrawals of what the task found changed since it was accepted (T21)."""
        named = outcome.result.get(SPOILED)
        if not isinstance(verdict, Reject) or not isinstance(named, list | tuple):
            return []
        accepted = {result.attempt: id for id, result in self.ledger.results(task.needs).items()}
        ids = {str(each): accepted[str(each)] for each in named if str(each) in accepted}
        needs = self._replaceable(task, ids.values())
        return [
            _withdrawal(id, needs[need], self.limits) for id, need in ids.items() if need in needs
        ]

    def _reworked(self, task: Task, verdict: Rework) -> tuple[Reject | Rework, list[Settlement]]:
        """Return the withdrawals of what a task wants done otherwise: of all of it, or it is over."""
        accepted = self.ledger.results([id for id in task.needs if id in verdict.changes])
        needs = {
            id: need
            for id, need in self._replaceable(task, accepted).items()
            if need.agains < self.limits.agains_max
        }
        if not needs or needs.keys() != verdict.changes.keys():
            return Reject(verdict.why, final=True), []
        return verdict, [
            _withdrawn(accepted[id].attempt, rework(need, verdict.changes[id], verdict.why))
            for id, need in needs.items()
        ]

    def _replaceable(self, task: Task, ids: Iterable[TaskId]) -> dict[TaskId, Task]:
        """Return those of the accepted tasks that may be done again.

        A probe stays, for a plan was made of it, and so does what something accepted was made of;
        an analysis took only what others told, not their files, and nothing is made of what was
        published: a render only waits for it.
        """
        if not (wanted := set(ids)):
            return {}
        tasks = self.ledger.tasks(task.job.id)
        done = (each for each in tasks if each.state is State.SUCCESSFUL)
        makers = (each for each in done if each.kind is not Kind.ANALYSE)
        used = {need for each in makers for need in each.needs if not _is_published(need)}
        return {
            each.id: each
            for each in tasks
            if each.id in wanted - used and each.kind is not Kind.PROBE
        }

    def _deaths(
        self,
        each: Settle,
        task: Task,
        verdict: Accept | Reject | Again | Rework,
        alive: Set[Member],
    ) -> int:
        """Count the lives of nodes that ended while they ran a task (F31).

        A life that is heard of again was only out of reach, or lost a runner and no more.
        """
        is_lost = isinstance(verdict, Reject) and verdict.cause is Cause.LOST
        if not is_lost or task.losses + 1 < self.limits.deaths_max:
            return 0
        found = [r for r in self.ledger.attempts(task.id) if r.cause == Cause.LOST.value]
        lives = {Member(r.node, r.incarnation) for r in found[len(found) - task.losses :]}
        lives.add(Member(each.attempt.node, each.attempt.incarnation))
        return len(lives - alive)

    def _settlement(
        self,
        each: Settle,
        task: Task,
        verdict: Accept | Reject | Again | Rework,
        now: float,
        deaths: int,
    ) -> Settlement:
        after = settle(task, verdict, self.limits, deaths)
        return Settlement(
            attempt=each.attempt.id,
            outcome=each.outcome,
            task=after.task,
            accepted=after.accepted,
            reach=after.reach,
            not_before=now + after.wait_s if after.wait_s else 0.0,
            is_awaited=each.is_awaited,
        )

    def _verdict(self, task: Task, outcome: Outcome) -> Verdict:
        if (no := judge(outcome)) is not None:
            return no
        if task.kind is Kind.ACTION:
            return outcome.exit_fault or self._onward(task)
        if task.kind is Kind.COPY:
            return copying.check(task, outcome)
        verdict = self._accept(task, outcome)
        if isinstance(verdict, Replan) and not self._may_replan(task):
            return Reject(verdict.why, final=True)
        return verdict

    def _onward(self, task: Task) -> Accept | Reject:
        """Submit what an action submits; of others nothing is left to do."""
        text = onward.sheet(task.args)
        if text is None or self.submit_next is None or task.state.is_final:
            return Accept()  # of what is over, by late words too, nothing comes any more
        try:
            self.submit_next(task, text)
        except Busy as error:
            return Reject(str(error), Cause.UNREADY)
        except (Refusal, PluginError) as error:
            return Reject(str(error), final=True)
        return Accept()

    def _may_replan(self, task: Task) -> bool:
        """Whether the task's job may be probed once more: there is a probe, and a limit."""
        probe = self.ledger.task(task_id(task.job.id, Kind.PROBE))
        return probe is not None and probe.agains < self.limits.agains_max

    def _accept(self, task: Task, outcome: Outcome) -> Verdict:
        try:
            return self.caller.check(task, outcome)
        except PluginError as error:
            return Reject(str(error), final=True)

    def _settled(self, settlement: Settlement) -> None:
        task = settlement.task
        why = f": {task.reason}" if task.reason else ""
        level = logging.INFO if settlement.accepted else logging.WARNING
        extra = {"action": "task_settled", "attempt": settlement.attempt}
        log.log(level, "task %s: %s%s", task.id, task.state.value, why, extra=extra)
        if not settlement.accepted and not settlement.is_awaited:
            self.storage.clear(settlement.attempt)

    def _blame(self, settlement: Settlement, node: str) -> None:
        if self.blames and settlement.accepted:
            self.blames.succeeded(node)
        elif self.blames:
            self.blames.failed()

    def _ack(self, acks: Iterable[Ack]) -> None:
        by_member: defaultdict[Member, list[AttemptId]] = defaultdict(list)
        for each in acks:
            by_member[each.member].append(each.attempt)
        for member, attempts in by_member.items():
            self.engine.ack(member, attempts)

    def _lease(self, leases: Sequence[Lease]) -> list[Send]:
        """Store attempts; return what is to be sent, which the next look would find, too."""
        if not leases:
            return []
        opened = self.ledger.lease([(each.task, each.member) for each in leases])
        for attempt in opened:
            _say("task_leased", "task %s: attempt %s on %s", attempt.task, attempt.id, attempt.node)
        return [Send(each, Member(each.node, each.incarnation)) for each in opened]

    def _send(self, sends: Sequence[Send], view: View, now: float) -> bool:
        """Start deliveries; return whether some were settled instead: nobody can say what to do."""
        ready: list[tuple[Send, Spec]] = []
        words: dict[AttemptId, str] = {}
        unsaid: list[Settle] = []
        for each in sends:
            attempt, report = each.attempt, view.members[each.member]
            if (task := self.ledger.task(attempt.task)) is None:
                continue
            try:
                spec, command = self.briefing.spec(attempt, task, report.identity)
            except PluginError as error:
                outcome = Outcome(attempt=attempt.id, ending=Ending.UNSTARTED, why=str(error))
                unsaid.append(Settle(attempt, outcome))
                continue
            except NotYet:
                continue  # the next look finds it unsent
            except OSError as error:
                why = f"cluster storage {self.storage.root}: {error.strerror}; it goes on by itself"
                log.warning("%s", why, extra={"action": "storage_failed"})
                continue
            ready.append((each, spec))
            words[attempt.id] = str(command)
        if words:
            self.ledger.sent(words)
        for each, spec in self._of_one_build(ready, view):
            self.courier.carry(each.member, spec, view.members[each.member].beat)
        return self._settle(unsaid, now)

    def _of_one_build(
        self, ready: Sequence[tuple[Send, Spec]], view: View
    ) -> Sequence[tuple[Send, Spec]]:
        """Remember with which builds targets begin, before any of it is sent (F-ROLE-6)."""
        if self.builds is None:
            return ready
        try:
            self.builds.fix(
                (each.attempt.task, view.members[each.member].identity) for each, _ in ready
            )
        except OSError as error:
            log.warning("builds of targets: %s", error, extra={"action": "storage_failed"})
            return ()
        return ready

    def _close(self, part: Tally, state: State) -> bool:
        """End a part; what comes with it is done first, so that a crash between repeats it."""
        if part.level == "job" and state is State.SUCCESSFUL:
            if self.builds:
                self.builds.forget(part.id)
            for record in self.ledger.attempts(part.id):
                self.storage.clear(record.id)
        if part.level == "batch":
            self.storage.clear_inputs(part.id)
            failed = sum(
                standing.level == "target" and standing.state is State.FAILED
                for standing in self.ledger.standings(part.id)
            )
            try:
                self.caller.ended(part.id, failed)
            except NotYet:
                return False
        self.ledger.close_part(part.id, part.level, state, part.reason)
        _say("part_closed", "%s %s: %s", part.level, part.id, state.value)
        return True


def _is_published(task: TaskId) -> bool:
    return task.endswith(f"/{Kind.PUBLISH.value}")


def _late(each: Settle, after: Settled) -> Settlement:
    return Settlement(
        attempt=each.attempt.id,
        outcome=each.outcome,
        task=after.task,
        accepted=after.accepted,
        is_late=True,
    )


def _withdrawal(attempt: AttemptId, task: Task, limits: Limits) -> Settlement:
    why = f"the files of attempt {attempt} were changed since it was accepted"
    return _withdrawn(attempt, withdraw(task, why, limits))


def _withdrawn(attempt: AttemptId, after: Settled) -> Settlement:
    return Settlement(
        attempt=attempt,
        outcome=Outcome(attempt=attempt, ending=Ending.LOST, why=after.task.reason),
        task=after.task,
        reach=after.reach,
        is_withdrawn=True,
    )


def _say(action: str, sentence: str, *words: object) -> None:
    log.info(sentence, *words, extra={"action": action})
