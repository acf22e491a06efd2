"""Cues and chapters: what overlaps, what is shown together, and where chapters begin."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator_compressor import marks
from orchestrator_compressor.marks import MILLISECOND, SECOND, Chapter, Cue, Marks

times = st.integers(0, 5000)


def cue(start: int, end: int | None, text: str = "") -> Cue:
    """Return a cue by its milliseconds."""
    last = None if end is None else end * MILLISECOND
    return Cue(start=start * MILLISECOND, end=last, text=text)


@st.composite
def cues(draw: st.DrawFn) -> list[Cue]:
    starts = draw(st.lists(st.tuples(times, st.integers(1, 900)), max_size=30))
    return [cue(start, start + length, str(n)) for n, (start, length) in enumerate(starts)]


@given(cues())
def test_stacked_cues_never_overlap(found):
    shown = marks.stacked(found)
    assert not marks.overlap(shown)
    assert all(a.start < (a.end or 0) for a in shown)


@given(cues(), times)
def test_at_every_moment_the_same_lines_are_shown(found, at):
    def lines(among):
        moment = at * MILLISECOND
        texts = [c.text for c in among if c.start <= moment < (c.end or 0)]
        return sorted(line for text in texts for line in text.split("\n"))

    assert lines(marks.stacked(found)) == lines(found)


@pytest.mark.parametrize(
    ("second", "wanted"), [(cue(1000, 2000), False), (cue(999, 2000), False), (cue(500, 600), True)]
)
def test_rounding_is_no_overlap(second, wanted):
    assert marks.overlap([cue(0, 1000), second]) is wanted


def test_a_cue_without_an_end_overlaps_nothing():
    assert not marks.overlap([cue(0, None), cue(0, None), cue(5, 7)])


@given(cues(), st.lists(st.tuples(times, times, st.text()), max_size=9))
def test_a_file_gives_back_what_it_took(found, parts):
    plain = tuple(Cue(start=c.start, end=c.end) for c in found)
    chapters = tuple(Chapter(start=a, end=b, title=title) for a, b, title in parts)
    whole = Marks(cues={2: plain, 7: ()}, chapters=chapters)
    assert marks.load(marks.dump(whole)) == whole


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"cues": {"a": 1}, "chapters": []}'])
def test_a_damaged_file_is_refused(data):
    with pytest.raises(ValueError, match="damaged"):
        marks.load(data)


@pytest.mark.parametrize(
    ("container", "starts"), [("mkv", [1, 3]), ("mp4", [0, 1, 3]), ("mov", [0, 1, 3])]
)
def test_first_chapter_that_is_late_gets_one_before_it_where_they_are_a_track(container, starts):
    chapters = [
        Chapter(start=8 * SECOND, end=9 * SECOND, title="b"),
        Chapter(start=6 * SECOND, end=8 * SECOND, title="a"),
    ]
    found = marks.kept_chapters(chapters, Fraction(5), container)
    assert [each.start // SECOND for each in found] == starts
    assert [each.title for each in found][-2:] == ["a", "b"]
