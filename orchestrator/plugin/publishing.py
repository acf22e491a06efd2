"""The last step of most processors: finished files to their destinations."""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.model.node import Places
from orchestrator.model.work import Command, IfExists

WORK = "orchestrator.agent.placing"


def publishing(where: Places, files: Iterable[tuple[str, str]], if_exists: IfExists) -> Command:
    """Return the command of a publish task: each file in its place, whole or not at all.

    An attempt that is made twice is made once.  Its result has ``files`` and ``size``, and
    ``destination`` if there is only one: that may have got a number.

    :param files: (path of a finished file on the node, destination as the manifest has it)
    :param if_exists: the job's own: what becomes of a destination that is there already
    """
    pairs = [{"made": made, "destination": where.original(to)} for made, to in files]
    argv = (where.program("python"), "-m", WORK)
    return Command(argv, input={"files": pairs, "ifExists": if_exists.value})
