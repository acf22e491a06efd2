"""Whatever a text holds: nouns, or one ManifestError with places (T08, F25)."""

import json

import pytest
import sample
from hypothesis import given, settings
from hypothesis import strategies as st
from wanted import EVERY_KEY, FREE_KEYS, QUICK_KEYS

from orchestrator.errors import ManifestError
from orchestrator.manifest.applied import Applicable, parse_sheets
from orchestrator.manifest.cluster import revision, secrets
from orchestrator.model import codec
from orchestrator.model.cluster import Cluster, Node
from orchestrator.model.talk import Sheet

GOOD = "---\n".join((EVERY_KEY, QUICK_KEYS, FREE_KEYS))
PIECES = st.sampled_from([*":{}[],&*!|>%@`#-?\"'\n\t \\~", "- ", "---\n", "null", "0", "auto", "/"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 99999) | st.text("abc:{}/é.~", max_size=9),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text("abc/", max_size=3), each),
    max_leaves=5,
)
WORDS = [word for word in GOOD.replace("{", " ").replace("}", " ").split() if word.endswith(":")]

pytestmark = pytest.mark.timeout(sample.LIMIT_S)
quick = settings(max_examples=sample.times(300))


def read(text):
    """Return what a text says, or nothing and every fault."""
    try:
        return parse_sheets([Sheet(name="sheet", text=text)]), ()
    except ManifestError as error:
        return Applicable(clusters=(), nodes=(), sheets=()), error.faults


def answer(text):
    """Read `text` as a controller does."""
    found, faults = read(text)
    assert all(fault.startswith("sheet:") for fault in faults)
    for each in found.clusters:
        assert codec.load(Cluster, json.loads(json.dumps(codec.dump(each)))) == each
        assert len(revision(each)) == 12
        secrets(each)
    for each in found.nodes:
        assert codec.load(Node, json.loads(json.dumps(codec.dump(each)))) == each


def test_the_sample_is_good():
    found = parse_sheets([Sheet(name="sheet", text=GOOD)])
    assert (len(found.clusters), len(found.nodes)) == (2, 1)
    answer(GOOD)


@quick
@given(at=st.integers(0, len(GOOD)), length=st.integers(0, 30), put=st.lists(PIECES, max_size=3))
def test_any_damage_to_a_good_manifest_is_answered(at, length, put):
    answer(GOOD[:at] + "".join(put) + GOOD[at + length :])


@quick
@given(at=st.integers(0, len(WORDS) - 1), value=VALUES)
def test_any_value_at_any_key_is_answered(at, value):
    """JSON is YAML: put `value` where a known key stands."""
    word, before = WORDS[at], WORDS[:at].count(WORDS[at])
    parts = GOOD.split(word)
    put = f"{word} {json.dumps(value)} #"
    answer(word.join(parts[: before + 1]) + put + word.join(parts[before + 1 :]))


@pytest.mark.parametrize("text", ["\x00", "\ufeff", "{}", "kind: Cluster", "- kind: Node"])
def test_what_is_hardly_a_manifest_is_answered(text):
    answer(text)
