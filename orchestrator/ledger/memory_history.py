"""History that ends, in dicts."""

from __future__ import annotations

from orchestrator.ledger import rows
from orchestrator.ledger.compacting import EVENTS_MAX, EVENTS_MIN
from orchestrator.ledger.memory_holding import MemoryHolds
from orchestrator.ledger.store import Part


class MemoryHistory(MemoryHolds):
    """What leaves a ledger when its time is over."""

    def compact(self, before: str) -> bool:
        over = (part for part in self._store.of("batch") if not part.is_open)
        gone = next((part for part in over if part.ended < before), None)
        if gone is not None:
            self._forget_batch(gone)
            return True
        return self._cut(before)

    def _forget_batch(self, batch: Part) -> None:
        store = self._store
        tasks = [id for id in store.steps if id.startswith(f"{batch.id}/")]
        records = [each for each in store.records.values() if each.task.startswith(f"{batch.id}/")]
        for id in tasks:
            del store.steps[id]
        for record in records:
            del store.records[record.id]
        for id in [id for id in store.parts if batch.id in rows.lineage(id)]:
            del store.parts[id]
        for key in [key for key, (id, _) in store.submissions.items() if id == batch.id]:
            del store.submissions[key]
        for id in [id for id in store.gates if batch.id in rows.lineage(id)]:
            del store.gates[id]
            store.opened.discard(id)
        store.serials[batch.name] = max(store.serials.get(batch.name, 0), rows.serial(batch.noun))
        self.note("compacted", batch.id, {"tasks": len(tasks), "attempts": len(records)})

    def _cut(self, before: str) -> bool:
        store, number = self._store, 0
        for event in store.events[:-1][:EVENTS_MAX]:
            is_known = event.subject in store.parts and event.kind == "accepted"
            if event.wall >= before or is_known:
                break
            number += 1
        if number < EVENTS_MIN:
            return False
        last = store.events[number - 1]
        store.anchor = last.seq, last.hash
        del store.events[:number]
        paused = sorted(store.paused_nodes)
        told = {"seq": last.seq, "hash": last.hash, "paused_nodes": paused}
        self.note("compacted", self.id, told)
        return True
