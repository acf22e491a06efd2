"""`python -m orchestrator.testing FILE.yaml…`: what the processor says of a case now, to paste."""

from __future__ import annotations

import sys
from pathlib import Path

from orchestrator.errors import OrchestratorError
from orchestrator.manifest.write import yaml_text
from orchestrator.testing.case import read_case

USAGE = "usage: python -m orchestrator.testing FILE.yaml..."


def main() -> int:
    """Print every answer for each file; 2: a file cannot be read, 1: a plugin broke its contract."""
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):  # no file at all
        sys.stderr.write(f"{USAGE}\n")
        return 2
    code = 0
    for name in sys.argv[1:]:
        try:
            said = read_case(Path(name)).says()
        except OrchestratorError as error:
            sys.stderr.write(f"{error}\n")
            code = max(code, error.exit_code)
        else:
            probes = said.get("probe") is not None
            told = {key: each for key, each in said.items() if each or (key == "probe" and probes)}
            sys.stdout.write(f"# {name}: what the processor says now\n{yaml_text(told)}")
    return code


if __name__ == "__main__":
    sys.exit(main())
