"""The layers and doors of setup.cfg hold, and each would be missed."""

import configparser
import os
import shutil
import subprocess
import sys

import pytest

LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

#: One line for every contract, and the module in which it must not stand
TRESPASSES = {
    "layers": ("orchestrator/model", "import orchestrator.decide"),
    "pure": ("orchestrator/decide", "import time"),
    "agent": ("orchestrator/agent", "import orchestrator.decide"),
    "door-ledger": ("orchestrator/controller", "import sqlite3"),
    "door-engine": ("orchestrator/controller", "import distributed"),
    "door-plugin": ("orchestrator/controller", "import pluggy"),
    "door-manifest": ("orchestrator/controller", "import ruamel.yaml"),
    "door-terminal": ("orchestrator/controller", "import click"),
    "door-remote": ("orchestrator/controller", "import fabric"),
    "door-timers": ("orchestrator/controller", "import apscheduler"),
    "door-discovery": ("orchestrator/controller", "import zeroconf"),
    "door-web": ("orchestrator/controller", "import fastapi"),
    "door-client": ("orchestrator/cli", "import httpx"),
    "door-keyring": ("orchestrator/controller", "import keyring"),
    "door-mail": ("orchestrator/controller", "import aiosmtplib"),
    "door-certificates": ("orchestrator/controller", "import cryptography"),
    "door-passwords": ("orchestrator/controller", "import argon2"),
    "core-ignores-plugins": ("orchestrator/controller", "import orchestrator_shell"),
    "plugins-see-the-facade": ("plugins/orchestrator_shell", "import orchestrator.model.work"),
}


def lint(folder, *paths):
    """In a process of its own: called in ours, it would switch off the loggers we test."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    command = [sys.executable, "-c", LINT]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)


def contracts(root):
    """Return each contract's key with its name."""
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg")
    sections = [name for name in config.sections() if name.startswith("importlinter:contract:")]
    return {name.rpartition(":")[2]: config[name]["name"] for name in sections}


def test_contracts_are_kept(root):
    done = lint(root)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_contract_has_its_trespass(root):
    assert set(TRESPASSES) == set(contracts(root))


@pytest.mark.timeout(120)
def test_every_contract_can_break(root, tmp_path):
    for name in ("orchestrator", "plugins"):
        shutil.copytree(root / name, tmp_path / name)
    shutil.copytree(root / "schemas", tmp_path / "orchestrator" / "schemas")
    shutil.copy(root / "setup.cfg", tmp_path)
    for key, (folder, line) in TRESPASSES.items():
        trespass = tmp_path / folder / f"trespass_{key.replace('-', '_')}.py"
        trespass.write_text(f"{line}\n")
    said = lint(tmp_path, tmp_path, tmp_path / "plugins").stdout.splitlines()
    broken = {line.removesuffix(" BROKEN").strip() for line in said if line.endswith(" BROKEN")}
    assert broken == set(contracts(root).values())
