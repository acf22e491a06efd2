"""A real runner with a scripted encoder below it, as a test holds it."""

import json
import os
import queue
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from orchestrator.agent.ear import Ear
from orchestrator.agent.files import write_whole
from orchestrator.agent.launcher import RUNNER
from orchestrator.model.codec import load
from orchestrator.model.work import Outcome

ENCODER = Path(__file__).parent / "faults" / "encoder.py"
WATCH = r"frame=\d+"


class Attempt:
    """One attempt: its spool, its script, its end."""

    def __init__(self, base, *, folder=None, argv=None, **more):
        self.spool = base / "spool" / "attempts" / "a1"
        self.folder = folder or base / "storage" / "a1"
        self.fifo = base / "script"
        self.lines = queue.SimpleQueue()
        self.spool.mkdir(parents=True)
        os.mkfifo(self.fifo)
        self._ear = Ear(base / "spool" / "progress", lambda attempt, line: self.lines.put(line))
        words = argv or [sys.executable, "-S", str(ENCODER), str(self.fifo)]
        spec = {"attempt": "a1", "argv": words, "folder": str(self.folder), **more}
        write_whole(self.spool / "spec.json", json.dumps(spec).encode())

    def start(self):
        self.runner = self.another()
        return self

    def another(self):
        """Start one more runner on the same spool."""
        words = [sys.executable, "-I", "-S", str(RUNNER), str(self.spool)]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, start_new_session=True)

    def play(self, *lines):
        """Let the encoder do these; returns when it has begun, without waiting for its end."""
        with open(self.fifo, "w") as script:
            script.writelines(f"{line}\n" for line in lines)
        return self

    def line(self):
        """Return the next progress line."""
        return self.lines.get(timeout=10)

    def encoder(self):
        """Return the running command."""
        (child,) = psutil.Process(self.runner.pid).children()
        return child

    def kill(self, grace_s=10.0):
        write_whole(self.spool / "kill.json", json.dumps({"grace": grace_s}).encode())
        self.runner.send_signal(signal.SIGTERM)

    def outcome(self):
        """Wait for the runner and return what it left."""
        assert self.runner.wait(20) == 0
        return load(Outcome, json.loads((self.spool / "exit.json").read_text()))

    def log(self):
        return (self.folder / "log").read_bytes()

    def close(self):
        self._ear.close()
        if self.runner.poll() is None:
            for child in psutil.Process(self.runner.pid).children(recursive=True):
                child.kill()
            self.runner.kill()
            self.runner.wait()
