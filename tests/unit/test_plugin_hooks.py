import inspect

import pytest

from orchestrator.plugin import hooks
from orchestrator.plugin.processor import Processor

HOOKS = [hook for name, hook in vars(hooks).items() if name.startswith("orchestrator_")]
MEMBERS = [name for name in vars(Processor) if not name.startswith("_")]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook.__name__)
def test_hook_says_when_and_what_an_error_does(hook):
    promised = ["When:", "Errors:"]
    promised += [f":param {name}:" for name in inspect.signature(hook).parameters]
    assert [word for word in promised if word not in hook.__doc__] == []


@pytest.mark.parametrize("name", MEMBERS)
def test_processor_promises_something_of_each_member(name):
    assert inspect.getdoc(getattr(Processor, name))
