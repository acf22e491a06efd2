import pytest

from orchestrator.decide.restart import may_restart, recent


def restarts(*ran, most=4):
    """Count the restarts until one is refused."""
    allowed = [may_restart(ran[:stops], most) for stops in range(1, len(ran) + 1)]
    return allowed.index(False) if False in allowed else len(allowed)


@pytest.mark.parametrize(
    ("ran", "count"),
    [
        ((1, 1, 1), 2),
        ((1, 1, 10, 10, 99), 4),
        ((1, 1, 10, 9), 3),
        ((99, 99, 9), 2),
        ((), 0),
        ((0.1,), 1),
    ],
)
def test_a_service_is_restarted_as_the_table_says(ran, count):  # F-REC-3
    assert restarts(*ran) == count


def test_an_hour_without_a_stop_forgives_what_was_before():  # F-REC-4
    assert restarts(1, 1, 10, 10, 3600, 1, 10, 10) == 8
    assert recent((1, 1, 3600, 5)) == (3600, 5)


def test_a_cluster_may_allow_fewer():
    assert restarts(1, 1, 10, most=0) == 0
    assert restarts(99, 99, most=1) == 1
