"""What every test may ask for, and nothing clever."""

from pathlib import Path

import pytest
import sample
from fault_matrix import pytest_configure as pytest_configure
from hypothesis import HealthCheck, settings

settings.register_profile(
    "fixed",  # the same cases each time: a flake is a finding, not a surprise
    max_examples=sample.times(1000),
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("fixed")


LONGEST = (
    "unit/test_manifest_fuzz.py",
    "acceptance/test_cluster.py",
    "acceptance/test_recovery.py",
    "contract/test_ledger_properties.py",
    "faults/test_killed_run.py",
    "simulation/test_nights.py",
    "fuzz/test_api.py",
)
"""Begun first, so that no one of them is waited for at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files before the others."""
    items.sort(key=lambda item: not item.path.as_posix().endswith(LONGEST))


@pytest.fixture(scope="session")
def root(request: pytest.FixtureRequest) -> Path:
    """Return the folder of the checkout."""
    return request.config.rootpath
