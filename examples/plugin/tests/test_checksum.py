"""What the processor says, as files; what every processor keeps.  Two jobs, from end to end."""

import hashlib
from pathlib import Path

import pytest
from orchestrator.testing import Case, check_plugin, golden_cases, run_job

import orchestrator_checksum

GOLDEN = golden_cases(Path(__file__).parent / "golden")


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_golden(case: Case) -> None:
    case.check()


def test_contract_is_kept() -> None:
    check_plugin(orchestrator_checksum)


def test_list_has_every_file_in_order(tmp_path: Path) -> None:
    for name in ("b.bin", "a.bin", "c.bin"):
        (tmp_path / name).write_bytes(name.encode() * 300_000)
    asks = {"files": ["b.bin", "a.bin", "c.bin"], "destination": "out/all.sha256"}
    ran = run_job(tmp_path, "checksum", {**asks, "segmentMegabytes": 2})
    assert ran.code == 0, ran.reason or ran.said
    (target,) = ran.data["targets"]
    assert (target["segments"], target["frames"]) == (2, 3)
    wanted = [
        f"{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}  ../{name}"
        for name in asks["files"]
    ]
    assert (tmp_path / "out" / "all.sha256").read_text().splitlines() == wanted


def test_file_that_is_not_there_fails_with_its_name(tmp_path: Path) -> None:
    ran = run_job(tmp_path, "checksum", {"files": ["gone.bin"], "destination": "all.sha256"})
    assert ran.code == 1
    assert "gone.bin" in ran.reason
    assert not (tmp_path / "all.sha256").exists()
