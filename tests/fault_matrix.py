"""Which faults of the matrix are survived: tests marked `fault`, counted at the end of a run.

`make faults` runs them all and ends with the count; a fault is survived when it has tests here, and
every one of them passed.
"""

from collections import defaultdict

import pytest

ALL = frozenset(f"F{number:02d}" for number in range(1, 41))
LATER = frozenset(f"F{number}" for number in (36,))
"""Those of the Share Monitor, which is not there yet."""


class Matrix:
    """Hears how each marked test ended, and says the sum last of all."""

    def __init__(self) -> None:
        self._ids: dict[str, frozenset[str]] = {}
        self._ended: defaultdict[str, set[str]] = defaultdict(set)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            ids = {id for mark in item.iter_markers("fault") for id in mark.args}
            if unknown := ids - ALL:
                raise pytest.UsageError(f"{item.nodeid}: no such fault: {', '.join(unknown)}")
            self._ids[item.nodeid] = frozenset(ids)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            for id in self._ids.get(report.nodeid, ()):
                self._ended[id].add(report.outcome)

    def pytest_unconfigure(self) -> None:
        print(self.sentence())

    def sentence(self) -> str:
        """Say how many of how many were survived, and which were not."""
        due = sorted(ALL - LATER)
        survived = [id for id in due if self._ended[id] == {"passed"}]
        said = [f"Faults survived: {len(survived)} of {len(due)}"]
        for word, ids in (
            ("failed", [id for id in due if "failed" in self._ended[id]]),
            ("skipped", [id for id in due if {"skipped"} == self._ended[id] - {"passed"}]),
            ("without a test", [id for id in due if not self._ended[id]]),
            ("not yet due", sorted(LATER)),
        ):
            if ids:
                said.append(f"{word}: {' '.join(ids)}")
        return "; ".join(said)


def pytest_configure(config: pytest.Config) -> None:
    """Count where faults alone are asked for: ``pytest -m fault``."""
    if config.option.markexpr == "fault":
        config.pluginmanager.register(Matrix(), "fault-matrix")
