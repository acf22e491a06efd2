"""Start at boot, without anyone logging in (F-SVC-12): a systemd unit or a launchd plist, as text.

Both leave alone what the process has started (runners outlive it), and give it no rights that it
does not need (T23).
"""

from __future__ import annotations

import plistlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from orchestrator.cli import starting
from orchestrator.cli.options import Layout

AGAIN_AFTER_S = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Boot:
    """What is to be started at boot."""

    name: str  #: of the unit, as ``orchestrator-studio``
    about: str  #: one sentence for people
    words: Sequence[str]  #: the command; its first word is an absolute path
    user: str
    writes: Sequence[PurePath]  #: folders it may write to; no other
    umask: int = 0o077  #: of what it makes


def controller(where: Layout, user: str, writes: Sequence[Path]) -> Boot:
    """Return how the controller of a cluster is started."""
    return Boot(
        name=f"orchestrator-{where.cluster}",
        about=f"Controller of the orchestrator cluster {where.cluster}",
        words=starting.words(where),
        user=user,
        writes=(where.root.parent, *writes),
    )


def agent(home: PurePath, user: str, writes: Sequence[PurePath]) -> Boot:
    """Return how the agent of a node is started, whose folder is `home`.

    It may write where its work does: name cluster storage and the folders of destinations.
    """
    return Boot(
        name="orchestrator-agent",
        about="Agent of an orchestrator cluster",
        words=(
            str(home / "current" / "bin" / "python"),
            "-P",
            "-m",
            "orchestrator.agent",
            str(home),
        ),
        user=user,
        writes=(home, *writes),
        umask=0o022,  # results are for others, too
    )


def systemd(boot: Boot) -> str:
    """Return a system unit; it goes to ``/etc/systemd/system/NAME.service``."""
    writes = " ".join(_word(f"-{path}", command=False) for path in boot.writes)
    return f"""\
[Unit]
Description={boot.about.replace("%", "%%")}
After=network-online.target remote-fs.target
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User={_word(boot.user, command=False)}
ExecStart={" ".join(_word(each, command=True) for each in boot.words)}
Restart=on-failure
RestartSec={AGAIN_AFTER_S}
RestartPreventExitStatus=2
KillMode=process
TimeoutStopSec=60
UMask={boot.umask:04o}
LimitCORE=0
LimitNOFILE=65536
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={writes}
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK

[Install]
WantedBy=multi-user.target
"""


def launchd(boot: Boot) -> str:
    """Return a property list; it goes to ``/Library/LaunchDaemons/NAME.plist``.

    launchd knows no folders to write to: there the user's own rights are the limit.
    """
    return plistlib.dumps(
        {
            "Label": boot.name,
            "ProgramArguments": list(boot.words),
            "UserName": boot.user,
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": AGAIN_AFTER_S,
            "AbandonProcessGroup": True,
            "ExitTimeOut": 60,
            "Umask": boot.umask,
            "HardResourceLimits": {"Core": 0},
            "SoftResourceLimits": {"Core": 0, "NumberOfFiles": 8192},
            "ProcessType": "Background",
        }
    ).decode()


def _word(word: str, *, command: bool) -> str:
    """Return a word as systemd reads it back: no specifier, no variable, one word."""
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    if command:
        text = text.replace("$", "$$")
    return f'"{text}"' if text != word or any(c.isspace() or c in "';" for c in text) else text
