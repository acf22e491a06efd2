"""The real command line in a process that writes down every process it starts, and its runners'.

``python audited.py TRACE ARGUMENTS…`` is ``orchestrator ARGUMENTS…``; each line of TRACE is JSON:
who (agent or runner), the audit event, its words, its environment (None: inherited).
"""

import importlib
import json
import os
import runpy
import sys

TRACE = "ORCHESTRATOR_TEST_TRACE"
RUNNER = "ORCHESTRATOR_TEST_RUNNER"
STARTS = {"subprocess.Popen", "os.posix_spawn", "os.exec", "os.system", "os.spawn", "pty.spawn"}


def listen(who):
    """Write down the processes that this one starts from now on; there is no way back."""
    path = os.environ[TRACE]

    def hear(event, args):
        if event in STARTS:
            words = list(args) if event == "os.system" else [os.fsdecode(word) for word in args[1]]
            env = dict(args[2]) if event == "os.posix_spawn" else None
            with open(path, "a") as trace:
                trace.write(json.dumps([who, event, words, env]) + "\n")

    sys.addaudithook(hear)


def be_runner():
    """Run as a runner: the launcher starts this file for one."""
    listen("runner")
    runpy.run_path(os.environ[RUNNER], run_name="__main__")


def be_agent():
    """Run as `orchestrator`."""
    launcher = importlib.import_module("orchestrator.agent.launcher")
    os.environ[TRACE], os.environ[RUNNER] = sys.argv.pop(1), str(launcher.RUNNER)
    launcher.RUNNER = launcher.Path(__file__)
    listen("agent")
    importlib.import_module("orchestrator.cli.app").main()


if __name__ == "__main__":
    be_runner() if TRACE in os.environ else be_agent()
