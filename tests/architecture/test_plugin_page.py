"""docs/plugins.md says what the code says: every name, every hook, every method."""

import inspect
import re

import plugin_pages
import pytest

from orchestrator import api
from orchestrator.plugin import hooks
from orchestrator.testing.form import ANSWERS, ASKED

TEXT = plugin_pages.PAGE.read_text()
NAMES = [name for name, _ in plugin_pages.public()]


def test_parts_made_from_the_code_are_as_they_would_be_made_now():
    made = plugin_pages.filled(TEXT)
    assert made == TEXT, "run: python tests/plugin_pages.py"


@pytest.mark.parametrize("name", NAMES)
def test_every_name_of_the_facade_is_documented(name):
    assert f"\n**`{name}" in TEXT.partition("## All names")[2]


def test_every_name_of_the_facade_has_its_place_on_the_map():
    assert [name for name in NAMES if f"`{name}`" not in api.__doc__] == []


def test_nothing_stands_in_the_facade_by_accident():
    """`import X as X` is meant; anything else that an import leaves behind is not."""
    meant = re.findall(r"^from [\w.]+ import (\w+) as \1$|^(\w+) = ", inspect.getsource(api), re.M)
    assert sorted(map("".join, meant)) == NAMES


def test_every_hook_is_documented():
    found = [name for name in vars(hooks) if name.startswith("orchestrator_")]
    assert [name for name in found if f"**`{name}(" not in TEXT] == []


def test_every_key_of_a_golden_file_is_named():
    assert [key for key in (*ASKED, *ANSWERS) if f"`{key}`" not in TEXT] == []
