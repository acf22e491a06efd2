"""Extended nodes without SSH: a shell of this machine, with a home and a PATH of its own."""

import os
import subprocess
from pathlib import Path

from orchestrator.errors import Unreachable

TOOLS = frozenset(
    [
        "cat",
        "dd",
        "du",
        "head",
        "mkdir",
        "mkfifo",
        "mv",
        "nohup",
        "ps",
        "rm",
        "rmdir",
        "sed",
        "seq",
        "setsid",
        "sh",
        "sleep",
        "tail",
        "tr",
        "true",
        "wc",
        "yes",
        "printf",
        "false",
        "env",
        "kill",
        "chmod",
        "touch",
    ]
)
"""What an extended node has: no Python among it."""


def tools(folder, without=()):
    """Return a PATH with these tools alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in set(TOOLS) - set(without):
        for place in ("/bin", "/usr/bin"):
            if Path(place, name).exists() and not (folder / name).exists():
                (folder / name).symlink_to(Path(place, name))
    return str(folder)


class LocalShell:
    """Implements `Shell` with a shell of this machine."""

    def __init__(self, home, path, chatter=""):
        self._env = {"HOME": str(home), "PATH": path}
        self._chatter = chatter
        self.is_cut = False

    def say(self, script, limit_s):
        if self.is_cut:
            raise Unreachable("old-01", "cut")
        process = subprocess.run(
            ["/bin/sh"],
            input=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._env,
            timeout=limit_s,
            check=False,
            start_new_session=True,  # as sshd does for each channel
        )
        return self._chatter.encode() + process.stdout

    def close(self):
        """Nothing is held."""


def processes_of(home):
    """Return the pids whose working directory is in `home`, or who hold a file there."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if os.readlink(f"/proc/{entry.name}/cwd").startswith(str(home)):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found
