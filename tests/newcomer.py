"""A computer of somebody else's: an environment that sees our libraries, and plugins in it."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

CALL_MAX_S = 200


class Stranger:
    """An environment of its own, and what is typed there.  No network, nothing of ours is changed."""

    def __init__(self, folder):
        self.folder = folder
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        self.bin = folder / "venv" / "bin"
        self.python = self.bin / "python"
        (self.site,) = (folder / "venv").glob("lib/python*/site-packages")
        self.ours = sys.executable
        ours = sysconfig.get_path("purelib")
        (self.site / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
        theirs = ("ORCHESTRATOR_", "XDG_", "PYTEST_", "PYTHONPATH")
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(theirs)}
        self.env["XDG_STATE_HOME"] = str(folder / "state")
        self.env["PATH"] = f"{self.bin}{os.pathsep}{self.env['PATH']}"

    def call(self, *words, cwd=None, ends=0):
        """Run a module of Python there; return what it prints."""
        done = subprocess.run(
            [str(self.python), "-m", *map(str, words)],
            cwd=cwd or self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CALL_MAX_S,
            check=False,
        )
        assert done.returncode == ends, done.stdout + done.stderr
        return done.stdout

    def pip(self, *words):
        """Have our pip work there, with what is here."""
        ours = [sys.executable, "-m", "pip", "--python", str(self.python)]
        done = subprocess.run(
            [*ours, *map(str, words)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def install(self, *what):
        """Install what is on this disk; all that it needs is there."""
        self.pip("install", "-q", "--no-index", "--no-build-isolation", *what)

    def copy_core(self, root):
        """Have the core as a wheel brings it: mypy does not look through an editable install."""
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(root / "orchestrator", self.site / "orchestrator", ignore=hidden)
        schemas = self.site / "orchestrator" / "schemas"
        shutil.copytree(root / "schemas", schemas, ignore=hidden)

    def plugins(self):
        """Return the rows of `orchestrator plugins`, by name."""
        rows = json.loads(self.call("orchestrator", "plugins", "-o", "json"))
        return {row["name"]: row for row in rows}

    def files(self):
        """Return every file of the environment but compiled ones."""
        found = (path for path in self.site.rglob("*") if path.is_file())
        return {path.relative_to(self.site) for path in found if path.suffix != ".pyc"}


def built(source, folder):
    """Return the wheel of a plugin's source, built from a copy: nothing is left in the source."""
    copy = folder / "source"
    shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    subprocess.run([*words, str(copy)], check=True, capture_output=True, timeout=CALL_MAX_S)
    (wheel,) = Path(folder).glob("*.whl")
    return wheel
