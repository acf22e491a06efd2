"""One build of a program a job: when it was changed in between, the job is planned anew.

Two builds of one encoder write segments that do not fit together, and not always visibly
(F-ROLE-6); so what was begun with one build is not gone on with by another.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import PluginError
from orchestrator.ledger.protocol import Ledger, Standing
from orchestrator.model.node import Identity
from orchestrator.model.work import State
from orchestrator.plugin.caller import Caller

log = logging.getLogger(__name__)

Builds = Mapping[str, str]  #: program -> sha256 of its binary


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """Remembers, in a file beside the ledger, with which builds each unfinished job was begun."""

    path: Path
    ledger: Ledger
    caller: Caller

    def renew(self, identity: Identity, retried: str | None) -> frozenset[str]:
        """Plan open jobs anew whose programs are others now.

        Returns the failed jobs of the batch `retried` (an id, or None) that must begin anew, too.
        """
        before, now = self._read(), _builds(identity)
        record: dict[str, Builds] = {}
        restarts: set[str] = set()
        for batch in self.ledger.standings():
            if batch.state is State.SUCCESSFUL:
                continue
            if batch.state.is_final and batch.id != retried:
                record |= {job: was for job, was in before.items() if _of(job, batch.id)}
                continue
            for job, mine in self._needed(batch.id, now):
                record[job.id] = mine
                if before.get(job.id, mine) != mine and (again := self._anew(job)):
                    restarts |= again
                    record[job.id] = before[job.id]  # until it is begun anew
        self._write(record)
        return frozenset(restarts)

    def begin(self, batch: str, identity: Identity) -> None:
        """Remember the builds of a batch that has just been accepted."""
        now = _builds(identity)
        mine = {job.id: builds for job, builds in self._needed(batch, now)}
        self._write({**self._read(), **mine})

    def _needed(self, batch: str, now: Builds) -> Iterator[tuple[Standing, Builds]]:
        """Yield each job of a batch with the builds of the programs it needs."""
        whole = self.ledger.batch(batch)
        parts = {part.id: part for part in self.ledger.standings(batch)}
        for job in whole.jobs if whole else ():
            try:
                needs = self.caller.review(job).needs
            except PluginError:
                continue  # its plugin is gone: that is for the job's own command to say
            yield parts[job.id], {name: sha for name, sha in now.items() if name in needs}

    def _anew(self, job: Standing) -> set[str]:
        why = "its program is another build than the one it was begun with; begun anew"
        if job.state is State.SUCCESSFUL:
            return set()
        log.warning("job %s: %s", job.id, why, extra={"action": "job_replanned"})
        if job.state.is_final:
            return {job.id}
        self.ledger.replan(job.id, {}, why)
        return set()

    def _read(self) -> Mapping[str, Builds]:
        try:
            data = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def _write(self, record: Mapping[str, Builds]) -> None:
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps(record), "utf-8")
        part.replace(self.path)


def _builds(identity: Identity) -> Builds:
    return {program.name: program.sha256 for program in identity.programs if program.path}


def _of(job: str, batch: str) -> bool:
    return job.startswith(f"{batch}/")
