"""Our wheel, built from a copy of the tree."""

import shutil
import subprocess
import sys

FOLDERS = ("orchestrator", "plugins", "schemas")
FILES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
BUILD_MAX_S = 300


def build(root, folder):
    """Return the wheel of the checkout at `root`; neither a stale `build/` nor ours leaves traces."""
    copy, out = folder / "tree", folder / "wheel"
    for name in FOLDERS:
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(root / name, copy)
    words = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*words, str(copy)], check=True, capture_output=True, timeout=BUILD_MAX_S)
    (wheel,) = out.glob("*.whl")
    return wheel
