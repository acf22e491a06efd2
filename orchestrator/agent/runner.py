"""The runner: owns the command of one attempt, and leaves its exit record (R3).

Started by file path, ``python -I -S runner.py SPOOL_FOLDER [WORD…]``, in a session of its own: it
outlives agent, terminal and Ctrl-C.  The words come before those of each command.  SIGTERM asks it
to end the command; ``kill.json`` says how patiently.
A file started by its path is compiled each time, so there is little in this one.
"""

from __future__ import annotations

import json
import os
import sys

sys.path.append(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from orchestrator.agent.attempt import Attempt
from orchestrator.agent.command import Bell
from orchestrator.agent.files import now_s, write_first
from orchestrator.agent.process import mark
from orchestrator.system import no_core_dumps


def main(spool: str, *wrap: str) -> None:
    """Run the attempt whose ``spec.json`` stands in `spool`, unless somebody does already."""
    bell = Bell(os.path.join(spool, "kill.json"))
    no_core_dumps()
    with open(os.path.join(spool, "spec.json"), "rb") as file:
        spec = json.load(file)
    if not write_first(os.path.join(spool, "pid.json"), json.dumps(mark(os.getpid())).encode()):
        return
    started = now_s()
    attempt = Attempt(spool, spec, bell, wrap)
    outcome = attempt.run()
    outcome |= {"attempt": spec["attempt"], "seconds": round(now_s() - started, 3)}
    attempt.leave(outcome, os.path.join(spool, "exit.json"))


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stderr.flush()
    os._exit(0)
