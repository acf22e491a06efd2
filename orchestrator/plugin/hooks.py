"""The hooks a plugin may implement.  This file is the plugin contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pluggy

from orchestrator.plugin.processor import Processor

PROJECT = "orchestrator"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class ProgramCheck:
    """How a node finds and tries a program that processors run.

    `argv` is run on the node with its Python (``{python}``) and the path that the node's
    `programs` names (``{path}``, empty if none).  On an extended node nothing of ours is there: a
    check with ``{way}`` among its words is run on the node that leads there, and gets as JSON the
    words that run a command on that machine (empty: it is this one); one without it is not made
    for an extended node, which then does not have the program.  It prints one JSON object: ``path version sha256
    parts`` of the program, or ``why`` it cannot be used and what to do.  A capability, which is no
    program, is there where it prints ``present`` (true), with its ``version`` if it has one.

    It is run without a terminal and a display, for a minute at most, and all that it started is
    ended with it.  It must open no window and take no licence.
    """

    name: str
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Subcommand:
    """A subcommand of `orchestrator` that a plugin brings.

    `name` is the word behind ``orchestrator``, `help` one sentence.  `entry` is
    ``package.module:function``, imported only when the subcommand is typed.  The function takes the
    words behind the name as a list, reads them with what it likes (argparse, for example), prints,
    and returns the exit code: 0 done, 1 ran and failed, 2 refused; None is 0.
    """

    name: str
    help: str
    entry: str


def version_check(name: str, words: tuple[str, ...], pattern: str) -> ProgramCheck:
    """Return the check of a program that tells its version when it is called with `words`.

    It is the one that the node's `programs` names, else the one of that name on the path.
    `pattern`: a regular expression with a group ``version``, searched in all that it prints.  No
    `words`: it is not called, and the pattern is searched in its path.
    """
    own = (
        "{python}",
        "-m",
        "orchestrator.agent.versions",
        name,
        "{path}",
        pattern,
        "{way}",
        *words,
    )
    return ProgramCheck(name, own)


# Offers: called once, at start; every plugin's answer counts.


@hookspec
def orchestrator_processors() -> Iterable[Processor]:
    """Offer processors to batches.

    When: once, while the program starts, before any manifest is read.
    Errors: of two plugins with a processor of one name, one of ours keeps it; of two others neither
    has it, and jobs that ask for it are refused with both names.  A plugin that is not ours and whose
    processor cannot be used is left out, and `orchestrator plugins` says why.

    :returns: the processors this plugin brings
    """


@hookspec
def orchestrator_settings() -> Path:
    """Offer built-in Settings, as files that people can copy.

    When: once, before a manifest is read or settings are listed.
    Errors: a file that is not a valid Setting is named: of ours it stops the start, of another
    plugin it is left out.  A name that two plugins give: as with processors.

    :returns: a folder of ``*.yaml`` files, each a Setting
    """


@hookspec
def orchestrator_programs() -> Iterable[ProgramCheck]:
    """Name the programs that this plugin's processors run on a node.

    When: once, at a node's start; the answer of a check is kept until the program changes.
    Errors: a check that fails leaves the program missing, with its last line as the reason; a
    name that another plugin looks for by other words is left to that one, and a warning names both.

    :returns: how to find and try each program
    """


@hookspec
def orchestrator_capabilities() -> Iterable[ProgramCheck]:
    """Name what a node may have besides programs: a GPU, a font, a plug-in, a mounted volume.

    A job asks for it as for a program: ``requires: {gpu: ">=8"}``, or ``"*"`` for any.

    When: once, at a node's start; what has no ``path`` is looked for again at each start.
    Errors: a check that fails leaves it missing, with its last line as the reason; a name that
    another plugin looks for is left to that one, and a warning names both.

    :returns: how to find each capability; its check prints ``present`` (true), or ``why`` not
    """


@hookspec
def orchestrator_commands() -> Iterable[Subcommand]:
    """Offer subcommands of `orchestrator`.

    When: before `orchestrator --help` lists them, and when a subcommand is typed that is none of
    our own.  It may be called in a process that does nothing else.
    Errors: a name that is ours, or that two plugins offer, is refused and both are named; the other
    subcommands stay, also where a plugin that is not ours has no answer or a wrong one.  One that raises ends with 1, and the plugin is named.

    :returns: the subcommands this plugin brings
    """


@hookspec
def orchestrator_job_defaults(processor: str) -> Mapping[str, object]:
    """Say what keys of a job are where a manifest does not say them.

    When: before a job is checked, where it is typed and where it is accepted; once a processor.
    Whatever the manifest says counts more: `with`, `env` and `requires` key by key, any other key
    as a whole.  `status --manifest` shows a job with what was laid under it.
    Errors: two plugins that give one key different values are refused and both are named; a value
    that the schema refuses is a fault that names the plugin.  What a plugin that is not ours raises,
    or answers and is no mapping, is logged with its name and counts as nothing; only jobs of its own
    processors are refused for it.

    :param processor: the processor of the jobs, as ``maya``
    :returns: keys as below ``jobs:`` in a manifest, all but `name`, `processor` and `after`; paths
        are absolute; empty: it says nothing of such jobs
    """


# Notices: told to everyone; answers are ignored.


@hookspec
def orchestrator_batch_ended(batch: str, failed: int) -> None:
    """Learn that a batch has come to its end.

    When: after the batch's last outcome is in the ledger; again after a restart if the
    controller died in between, so be ready to hear it twice.
    Errors: logged with the plugin's name; the controller goes on.

    :param batch: the batch's id
    :param failed: how many of its targets were given up
    """


@hookspec
def orchestrator_notice(kind: str, subject: str, text: str) -> None:
    """Receive every notice that the controller has for people.

    When: after it is in the ledger, some seconds later at most; again after a restart if the
    controller died in between, so be ready to hear it twice.  A thread of its own calls it.
    Errors: logged with the plugin's name; the controller goes on.

    :param kind: as ``service-stopped``, ``service-down``, ``quarantined``, ``alarm``,
        ``storage-low``, ``batch-done``, ``batch-failed``, ``batch-cancelled`` or ``batch-held``
    :param subject: the node, batch or part of the controller that it is about
    :param text: one sentence for people
    """
