"""The plugin contract is its own manual: every hook and every method says what is promised."""

import inspect

import pytest

from orchestrator.plugin import hooks
from orchestrator.plugin.processor import Processor

HOOKS = {
    name: member
    for name, member in vars(hooks).items()
    if inspect.isfunction(member) and name.startswith("orchestrator_")
}
METHODS = {
    name: member.fget if isinstance(member, property) else member
    for name, member in vars(Processor).items()
    if not name.startswith("_") and callable(getattr(member, "fget", member))
}


def test_there_are_hooks_and_methods():
    assert len(HOOKS) >= 4
    assert {"name", "schema", "plan", "command", "check"} <= set(METHODS)


@pytest.mark.parametrize("name", HOOKS)
def test_hook_begins_with_one_sentence(name):
    first = inspect.getdoc(HOOKS[name]).splitlines()[0]
    assert first.endswith(".")
    assert len(first) <= 100


@pytest.mark.parametrize("name", HOOKS)
def test_hook_says_when_it_is_called_and_what_an_error_does(name):
    said = inspect.getdoc(HOOKS[name])
    assert "\nWhen: " in said
    assert "\nErrors: " in said


@pytest.mark.parametrize("name", HOOKS)
def test_hook_describes_what_it_takes_and_gives(name):
    signature, said = inspect.signature(HOOKS[name]), inspect.getdoc(HOOKS[name])
    missing = [param for param in signature.parameters if f":param {param}: " not in said]
    assert missing == []
    assert (":returns: " in said) == (signature.return_annotation != "None")


@pytest.mark.parametrize("name", METHODS)
def test_method_of_a_processor_is_described(name):
    assert inspect.getdoc(METHODS[name]).splitlines()[0].endswith((".", ";", "`"))
