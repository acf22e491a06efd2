"""A plugin that nobody in the core knows: built, installed, used, removed.  And new ones.

That a package which was just written installs and passes its tests is tried in test_plugin_page.py.
"""

import hashlib
import shutil
import subprocess
import sys

import pytest
from newcomer import Stranger, built

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

QUIET = ("-q", "-p", "no:cacheprovider")


@pytest.fixture
def stranger(tmp_path):
    return Stranger(tmp_path)


def test_wheel_of_a_stranger_is_installed_used_and_gone_without_a_trace(root, tmp_path, stranger):
    source = root / "examples" / "plugin"
    before = stranger.files()
    stranger.install(built(source, tmp_path / "built"))
    row = stranger.plugins()["checksum"]
    assert (row["distribution"], row["version"]) == ("orchestrator-checksum", "1.2.0")
    assert row["processors"] == ["checksum"]

    work = tmp_path / "work"
    work.mkdir()
    for name in ("job.yaml", "README.md", "pyproject.toml"):
        shutil.copy(source / name, work)
    assert "Batch" in stranger.call("orchestrator", "validate", "job.yaml", cwd=work)
    stranger.call("orchestrator", "run", "job.yaml", cwd=work)
    sums = (work / "out" / "offload.sha256").read_text().splitlines()
    wanted = [
        hashlib.sha256((work / n).read_bytes()).hexdigest() for n in ("README.md", "pyproject.toml")
    ]
    assert [line.split()[0] for line in sums] == wanted

    shutil.copytree(source / "tests", tmp_path / "theirs")
    stranger.call("pytest", *QUIET, "theirs")

    stranger.pip("uninstall", "-q", "-y", "orchestrator-checksum")
    assert stranger.files() == before
    assert "checksum" not in stranger.plugins()
    stranger.call("orchestrator", "validate", "job.yaml", cwd=work, ends=2)


def test_package_that_was_just_written_is_clean(root, tmp_path, stranger):
    stranger.copy_core(root)
    stranger.call("orchestrator", "plugins", "new", "contact-sheet", "--folder", "a/plugin")
    stranger.call("orchestrator", "plugins", "new", "an-extremely-long-name-for-a-processor-x")
    stranger.call("orchestrator", "plugins", "new", "x-" * 19 + "yz", "--frames")
    folders = [tmp_path / "a" / "plugin", *tmp_path.glob("orchestrator-*")]
    assert len(folders) == 3
    for folder in [*folders, root / "examples" / "plugin"]:
        for words in (("check", "--no-cache", "."), ("format", "--no-cache", "--check", ".")):
            ruff(folder, *words)
    (frames,) = (each for each in folders if each.name.endswith("yz"))  # the page tries the other
    stranger.call("mypy", "--python-executable", stranger.python, cwd=frames)


def ruff(folder, *words):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
