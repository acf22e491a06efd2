"""Every tests/golden/<plugin>/*.yaml is one test: a job in; segments, commands, progress out.

Beside the keys of the kit (`orchestrator.testing`) a case may have ``table``: the times of the
frames of its source.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from orchestrator.testing import Case, golden_cases
from orchestrator_compressor import table

CASES = golden_cases(Path(__file__).parent, own=("table",))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_golden(case: Case) -> None:
    case.check(_files(case))


def _files(case: Case) -> dict[str, bytes]:
    if "table" not in case.own:
        return {}
    return {case.data["facts"]["table"]["file"]: _table(**case.own["table"])}


def _table(frames: int, step: int, tb: str, gop: int, first: int = 0) -> bytes:
    return table.dump(
        table.Table(
            tb=Fraction(tb),
            pts=tuple(range(first, first + frames * step, step)),
            keys=tuple(range(0, frames, gop)),
            last_duration=step,
        )
    )
