"""No row of the pitfalls is without a test that shows it."""

import pitfalls


def test_every_pitfall_has_a_test_or_a_reason(root):
    shown = set(pitfalls.shown((root / "tests").rglob("test_*.py")))
    assert shown <= set(pitfalls.ROWS), "no such row"
    assert set(pitfalls.LATER) & shown == set(), "shown: take it out of LATER"
    assert set(pitfalls.ROWS) - shown - set(pitfalls.LATER) == set(), "without a test"
