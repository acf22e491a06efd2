"""What a node is sent needs nothing but a Python."""

import ast
import sys
from pathlib import Path

from orchestrator.remote import onnode

FOLDER = Path(onnode.__file__).parent
OURS = "orchestrator.remote.onnode."


def imports(name):
    """Return the modules that one of those sent imports."""
    tree = ast.parse((FOLDER / f"{name}.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module


def test_every_module_is_sent():
    assert {*onnode.SENT, "__init__"} == {file.stem for file in FOLDER.glob("*.py")}


def test_each_module_imports_the_standard_library_and_what_came_before_it():
    there = set(sys.stdlib_module_names)
    for name in onnode.SENT:
        odd = {
            each
            for each in imports(name)
            if each not in there and each.partition(".")[0] not in there
        }
        assert not odd, name
        there.add(OURS + name)
