"""Who follows docs/plugins.md word by word, in an empty folder, has a plugin that works."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from newcomer import CALL_MAX_S, Stranger
from plugin_pages import PAGE

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
TYPED = re.compile(r"^\$ (.+?)(?: +# (?:ends with (\d+))?.*)?$", re.M)


class Reader:
    """Does block by block what stands there."""

    def __init__(self, folder):
        self.stranger = Stranger(folder)
        self.here = folder
        self.typed = 0
        python = shlex.quote(str(self.stranger.python))
        words = {name: f"exec {python} -m {name}" for name in ("orchestrator", "pytest", "mypy")}
        words["pip"] = f"exec {shlex.quote(self.stranger.ours)} -m pip --python {python}"
        for name, line in words.items():
            program = self.stranger.bin / name
            program.write_text(f'#!/bin/sh\n{line} "$@"\n')
            program.chmod(0o755)
        self.env = {
            **self.stranger.env,
            "PATH": f"{self.stranger.env['PATH']}{os.pathsep}{Path(sys.executable).parent}",  # ruff
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip's own way to say that there is none
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def follow(self, kind, block):
        match kind:
            case "":
                for line, code in TYPED.findall(block):
                    self.type(line, int(code or 0))
            case "yml":
                (self.here / re.match(r"# (\S+)\n", block)[1]).write_text(block)
            case "diff":
                self.change(block)

    def type(self, line, ends):
        self.typed += 1
        if line.startswith("cd "):
            self.here = (self.here / line[3:]).resolve()
            return
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.here,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=CALL_MAX_S,
            check=False,
        )
        assert done.returncode == ends, f"$ {line}\n{done.stdout}{done.stderr}"

    def change(self, block):
        """Replace the lines with a minus by those with a plus, in the one file that has them."""
        old, new = ("".join(re.findall(rf"^{sign}(.*\n)", block, re.M)) for sign in (r"-", r"\+"))
        (file,) = (each for each in self.here.rglob("*.py") if old in each.read_text())
        file.write_text(file.read_text().replace(old, new))


def test_whoever_follows_the_page_has_a_plugin_that_works(root, tmp_path):
    reader = Reader(tmp_path)
    reader.stranger.copy_core(root)
    for kind, block in BLOCK.findall(PAGE.read_text()):
        reader.follow(kind, block)
    assert reader.typed >= 18
