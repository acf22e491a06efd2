"""Units for start at boot, checked without starting anything (T23)."""

import plistlib
import shutil
import subprocess
from pathlib import Path

import pytest

from orchestrator.cli import units
from orchestrator.cli.app import main
from orchestrator.cli.options import Layout

ODD = Path('/srv/my media/100% "raw" $x')


def controller(writes=()):
    return units.controller(Layout(Path("/var/lib/orchestrator/studio")), "media", writes)


def agent(writes=()):
    return units.agent(Path("/home/media/.local/state/orchestrator/node"), "media", writes)


@pytest.mark.parametrize("boot", [controller(), agent()], ids=["controller", "agent"])
@pytest.mark.parametrize(
    "line",
    [
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "KillMode=process",
        "Restart=on-failure",
        "RestartPreventExitStatus=2",
        "StartLimitIntervalSec=0",
        "User=media",
    ],
)
def test_unit_gives_few_rights_and_leaves_runners_alone(boot, line):
    assert line in units.systemd(boot).splitlines()


def test_unit_may_write_to_its_own_folder_and_those_named():
    (line,) = [each for each in units.systemd(controller([ODD])).splitlines() if "Writ" in each]
    odd = r'"-/srv/my media/100%% \"raw\" $x"'
    assert line == f"ReadWritePaths=-/var/lib/orchestrator {odd}"


@pytest.mark.parametrize("boot", [controller([ODD]), agent([ODD])], ids=["controller", "agent"])
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
def test_systemd_understands_the_unit(tmp_path, boot):
    file = tmp_path / f"{boot.name}.service"
    text = units.systemd(boot).replace(boot.words[0], shutil.which("true"), 1)
    file.write_text(text.replace("User=media", "User=root"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(file)], capture_output=True, text=True
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if file.name in line]) == (
        0,
        [],
    )


@pytest.mark.parametrize("words", [("studio",), ("studio", "--agent", "/home/m/node")])
def test_unit_is_printed_for_either_system(words, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["orchestrator", "controller", "unit", *words])
    monkeypatch.setenv("ORCHESTRATOR_STATE", str(tmp_path))
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    said = capsys.readouterr().out
    assert ("orchestrator.agent /home/m/node" in said) == (len(words) > 1)
    assert "/home/m/node/current/bin/python" in said or "controller run studio" in said


@pytest.mark.parametrize("boot", [controller([ODD]), agent([ODD])], ids=["controller", "agent"])
def test_plist_says_the_same_to_launchd(boot):
    said = plistlib.loads(units.launchd(boot).encode())
    assert said["ProgramArguments"] == list(boot.words)
    assert (said["AbandonProcessGroup"], said["RunAtLoad"], said["UserName"]) == (
        True,
        True,
        "media",
    )
    assert said["KeepAlive"] == {"SuccessfulExit": False}
