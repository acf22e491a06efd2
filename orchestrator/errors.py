"""Everything this package raises on purpose.

    OrchestratorError       something a person must read; carries an exit code (1)
    ├── Refusal             not accepted, nothing was changed: old ffmpeg, other cluster (exit 2)
    │   ├── ManifestError   what a file says cannot be accepted: every fault, with its place
    │   ├── NotThere        an id or name that nothing has (HTTP 404)
    │   ├── Forbidden       the client's role or ownership does not reach (401, 403)
    │   ├── Conflict        something else stands there: revision, key, owner (409)
    │   └── Busy            too much at once, queue full: the same will do later (429)
    ├── PluginError         a plugin broke its contract; names the plugin and the hook
    ├── LedgerError         the durable record cannot be written: stop, never go on in memory
    │   ├── LedgerFull      its disk is full: nothing was stored, and nothing is begun until it can be
    │   └── LedgerDamaged   it contradicts itself: a person decides, nothing was changed (exit 2)
    └── NodeError           a machine did not do what it was told; names the node
        ├── Unreachable     worth trying again: it may come back
        └── Rejected        not worth trying again: key, host key, permission, other version

A message is *subject: fact; what to do*.  A failed *task* is not an exception: it is an ordinary
`Outcome`.
"""

from __future__ import annotations


class OrchestratorError(Exception):
    """Base class; the CLI prints it without a traceback and exits with `exit_code`."""

    exit_code = 1


class Refusal(OrchestratorError):
    """What was asked for was not accepted; nothing was changed."""

    exit_code = 2


class ManifestError(Refusal):
    """A manifest was refused; `faults` lists every fault found, in file order."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class NotThere(Refusal):
    """Nothing has this id or name; the message says what is near."""


class Forbidden(Refusal):
    """The client may not do this; the message says what it takes."""


class Conflict(Refusal):
    """Something else stands there already: another revision, body or owner."""


class Busy(Refusal):
    """Too much was asked at once; the message says when to ask again."""


class PluginError(OrchestratorError):
    """A plugin broke its contract; the message names the plugin and the hook."""


class LedgerError(OrchestratorError):
    """The durable record cannot be read or written; the controller stops (R13)."""


class LedgerFull(LedgerError):
    """The disk of the record is full: nothing was stored; the same will do when there is room."""


class LedgerDamaged(LedgerError):
    """The durable record contradicts itself; nothing was changed."""

    exit_code = 2


class NodeError(OrchestratorError):
    """A node did not do what it was told."""

    def __init__(self, node: str, why: str) -> None:
        super().__init__(f"node {node!r}: {why}")
        self.node = node


class Unreachable(NodeError):
    """The node did not answer; it may come back."""


class Rejected(NodeError):
    """The node answered and said no; asking again will not help."""
