"""Versions as programs print them, and conditions on them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.decide.versions import comparable, fault, fits


@pytest.mark.parametrize(
    ("printed", "wanted", "fit"),
    [
        ("n6.1.1", ">=6.1", True),
        ("5.1.6-0+deb12u1", "==5.1.6", True),
        ("5.1.6-0+deb12u1", "==5.1.*", True),
        ("3.7.0.10.unofficial", ">=3.7,<3.8", True),
        ("3.7.0.10.unofficial", ">3.7.0.10", False),
        ("2024", ">=2023", True),
        ("2024", ">=2024.1", False),
        ("16.5v3", ">=16.5v3", True),
        ("16.5v3", "<16.5v4, >=16.5", True),
        ("4.2.0 Alpha", ">=4.2", False),
        ("4.2.0 Alpha", ">=4.1", True),
        ("Blender 4.2.0", "~=4.0", True),
        ("4.2.0", "!=4.2.*", False),
        ("4.10", ">4.9", True),
        ("4.2.0", "", True),
        ("", "*", True),
        ("", ">=1", False),
        ("N-109542-g9e1b6b2", ">=6", False),
        ("N-109542-g9e1b6b2", "*", True),
    ],
)
def test_version_is_compared_as_people_mean_it(printed, wanted, fit):
    assert fits(printed, wanted) is fit


@pytest.mark.parametrize(
    "wanted", ["3.4", "yes", "=>3", ">=", ">=3.4,", "===3.4", ">=x", "~=4", ">=3 <4", ">=1.*"]
)
def test_what_is_no_condition_is_told_with_the_way_out(wanted):
    assert fault(wanted).startswith(f'{wanted!r} is no condition on a version; write ">=3.4"')
    with pytest.raises(ValueError, match=re.escape(wanted)):
        fits("1", wanted)


@given(st.text(max_size=40) | st.from_regex(r"[<>=!~]{0,3} ?[a-z]?[0-9.v]{0,9}[.]?[*]?"), st.text())
def test_no_text_is_too_odd_to_be_compared(text, printed):
    assert (comparable(text) is None) or str(comparable(text))
    if not fault(text):
        assert fits(printed, text) in {True, False}
