"""Plain words mean what YAML 1.2 says, or are refused."""

import pytest

from orchestrator.manifest.scalar import resolve

MEANT = {
    "": None,
    "~": None,
    "null": None,
    "true": True,
    "FALSE": False,
    "0": 0,
    "-12": -12,
    "+7": 7,
    "2.5": 2.5,
    ".5": 0.5,
    "1e3": 1000.0,
    "-1.5E-2": -0.015,
    "999999999999999": 999999999999999,
}
TEXT = ["22:30", "on", "no", "yes", "2026-01-01", "1.2.3", "1h30m", "tRue", "+", "-", ".", "1,5"]
TEXT += ["0.0.0.0", "a_b", "192.168.0.1", "1920x1080", "12:30:45", "3-4", "é", "-x", "1e", "_1"]
REFUSED = ["0755", "00", "-01", "00.5", "1_000", "1_0.5", ".inf", "-.INF", ".nan", "0x1f", "0o17"]
REFUSED += ["0b11", "1e999", "9" * 16, "9" * 5000]


@pytest.mark.parametrize(("word", "value"), MEANT.items(), ids=repr)
def test_a_word_means_its_value(word, value):
    assert resolve(word) == value
    assert type(resolve(word)) is type(value)


@pytest.mark.parametrize("word", TEXT)
def test_a_word_stays_text(word):
    assert resolve(word) == word


@pytest.mark.parametrize("word", REFUSED, ids=lambda word: word[:20])
def test_a_number_that_readers_read_differently_is_refused(word):
    with pytest.raises(ValueError, match="quote it") as caught:
        resolve(word)
    assert len(str(caught.value)) < 150
