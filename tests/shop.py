"""A folder with a job in it, and the real command line run on it as a person would."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import psutil

from orchestrator.ledger.sqlite import SqliteLedger
from orchestrator.manifest.write import yaml_text

RUN_MAX_S = 240
ACCEPTED = {"accepted", "published"}  # the last is a publish task's


class Shop:
    """Runs `orchestrator` in a folder of its own, with a state of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.job = folder / "job.yaml"

    def shells(self, *jobs):
        """Write a batch of shell jobs: (name, words, other keys)."""
        listed = [
            {"name": name, "processor": "shell", "with": {"command": words}, **keys}
            for name, words, keys in jobs
        ]
        self.job.write_text(_batch(listed))

    def write(self, *outputs, source, node=None, **keys):
        """Write a job of one source with these outputs: (setting, destination) or mappings."""
        listed = [
            dict(zip(("setting", "destination"), each, strict=True))
            if isinstance(each, tuple)
            else each
            for each in outputs
        ]
        job = {"name": "clip", "processor": "compressor", **keys}
        job["with"] = {"source": str(source), "outputs": listed}
        text = _batch([job])
        if node:
            document = {
                "apiVersion": "orchestrator/v1",
                "kind": "Node",
                "metadata": {"name": "here"},
                "spec": node,
            }
            text = f"{text}---\n{yaml_text(document)}"
        self.job.write_text(text)
        return self

    def command(self, *words):
        return [sys.executable, "-m", "orchestrator", *map(str, words)]

    def environment(self):
        return {**os.environ, "ORCHESTRATOR_STATE": str(self.state)}

    def run(self, *words, ends=0):
        """Run the job to its end; check the exit code and return what was printed."""
        return self.call("run", self.job, *words, ends=ends)

    def call(self, *words, ends=0):
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=RUN_MAX_S,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == ends, f"ended with {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def json(self, *words, ends=0):
        return json.loads(self.call(*words, "-o", "json", ends=ends).stdout)

    def start(self, *words):
        """Start the job and return it while it runs, telling what it does on stderr."""
        return Running(
            subprocess.Popen(
                self.command("-v", "run", self.job, *words),
                cwd=self.folder,
                env=self.environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                stdin=subprocess.DEVNULL,
            )
        )

    def ledger(self):
        return closing(SqliteLedger(self.state / "this-computer/ledger.db", read_only=True))

    def acceptances(self):
        """Return how often each task was accepted, from the events."""
        with self.ledger() as ledger:
            events = ledger.events(0, 100_000)
        return Counter(
            event.subject for event in events if event.kind in ACCEPTED and "/" in event.subject
        )

    def attempts(self, under="shop-0001"):
        with self.ledger() as ledger:
            return ledger.attempts(under)

    def explain(self):
        return self.call("explain", "shop-0001").stdout


class Running:
    """A `run` under way."""

    def __init__(self, process):
        self.process = process
        self.said = []

    def wait_for(self, pattern):
        """Read what it says until a line matches."""
        for line in self.process.stderr:
            self.said.append(line)
            if re.search(pattern, line):
                return line
        raise AssertionError(f"never said {pattern!r}:\n{''.join(self.said)}")

    def kill(self):
        """End it as `kill -9` does: only the `run` itself, not what it started."""
        self.process.kill()
        self.process.communicate()

    def end(self, ends=0):
        """Wait for its end; check the exit code, return all it said."""
        out, err = self.process.communicate(timeout=RUN_MAX_S)
        said = "".join(self.said) + err + out
        assert self.process.returncode == ends, f"ended with {self.process.returncode}\n{said}"
        return said


def encoders(folder):
    """Return the ffmpeg processes that write below `folder`."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        words = process.info["cmdline"] or []
        if "ffmpeg" in (process.info["name"] or "") and any(str(folder) in word for word in words):
            found.append(process)
    return found


def _batch(jobs):
    return yaml_text(
        {
            "apiVersion": "orchestrator/v1",
            "kind": "Batch",
            "metadata": {"name": "shop"},
            "spec": {"jobs": jobs},
        }
    )
