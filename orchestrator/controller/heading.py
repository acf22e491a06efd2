"""The head of an attempt's log: what it is, where, with which versions, and what was called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from orchestrator.decide.reconcile import Attempt
from orchestrator.model.node import Identity
from orchestrator.model.work import Command, Secret

LINE_CHARS_MAX = 4096
"""A longer line is cut, and says so: the head travels with what an agent is told."""

HIDDEN = "***"
SECRET_CHARS_MIN = 6
"""So long a value of a hidden variable is hidden in the words of the command, too."""

_TELLING = re.compile(r"pass|secret|token|key|credential|auth", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def heading(attempt: Attempt, identity: Identity, command: Command, env: Mapping[str, str]) -> str:
    """Return the lines; `env` is what is set for the command, its values as they are."""
    hidden = [env[name] for name in _hidden(env, command)]
    words = str(command)
    for value in hidden:
        words = words.replace(value, HIDDEN) if len(value) >= SECRET_CHARS_MIN else words
    lines = [
        f"# {attempt.task}: attempt {attempt.id} on {attempt.node}",
        f"# {', '.join(_versions(identity, command.words()))}",
    ]
    if env:
        lines.append(f"# environment: {environment(env, _hidden(env, command))}")
    return "".join(f"{_cut(_flat(line))}\n" for line in [*lines, f"$ {words}"])


def environment(env: Mapping[str, str], hidden: frozenset[str]) -> str:
    """Return ``NAME=value`` of each variable, in order; of those in `hidden` no value."""
    return " ".join(f"{name}={HIDDEN if name in hidden else env[name]}" for name in sorted(env))


def _hidden(env: Mapping[str, str], command: Command) -> frozenset[str]:
    """Return the variables whose values nobody is shown: secrets, and what is called like one."""
    secret = {name for name, value in command.env.items() if isinstance(value, Secret)}
    return frozenset(secret | {name for name in env if _TELLING.search(name)})


def _versions(identity: Identity, words: Sequence[str]) -> Iterator[str]:
    yield f"orchestrator {identity.version}"
    if identity.python_minor:
        yield f"Python {identity.python_minor}"
    if identity.system:
        yield identity.system
    for program in identity.programs:
        if program.path and program.path in words:
            yield f"{program.name} {program.version}".rstrip()


def _flat(line: str) -> str:
    """Return the line as one, whatever was in its words (T19)."""
    return _CONTROL.sub(lambda hit: f"\\x{ord(hit[0]):02x}", line)


def _cut(line: str) -> str:
    if len(line) <= LINE_CHARS_MAX:
        return line
    return f"{line[:LINE_CHARS_MAX]} [{len(line) - LINE_CHARS_MAX} characters left out]"
