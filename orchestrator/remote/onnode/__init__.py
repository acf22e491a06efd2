"""What is done on a node, by the node's own Python: sent as text on stdin, nothing is installed.

Standard library only, Python 3.11 or newer; these modules know each other and nothing else of this
package.  `remote.exchange` sends them in the order of `SENT`, `remote.load` makes modules of them
there.  The next line on stdin says what to do, as JSON; the answer stands between two lines that
nobody can guess.

Folder of a node, ``orchestrator/node``, or another beside it as the question's ``folder`` says:
``owner.json``, ``wheels/``, ``runtime/<digest>/`` with ``complete`` in it,
``installed.json`` (the newest runtime), ``started.json`` (what the agent was last started with),
``settings.json``, ``tls/``, ``spool/``, ``scratch/``, ``agent.{log,pid,lock}``.  A free node has
``free.{json,log,pid,lock}``, ``{service,maker}.key``, ``claim.json`` and ``clusters/<id>/`` instead.

Folder of controllers, ``orchestrator/controller``: ``wheels/`` and ``runtime/`` alike, and
``of/<cluster>.json``, what each cluster's controller was last started with.
"""

SENT = (
    *("question", "files", "places", "processes", "running", "owner", "programs", "computer"),
    *("runtimes", "agents", "controllers", "main"),
)
"""Each module stands after those it imports; the last one has `main`."""
