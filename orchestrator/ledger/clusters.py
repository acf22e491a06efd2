"""What is applied, who leaves by it, and which nodes a person has paused."""

from __future__ import annotations

from orchestrator.decide.leaving import leaving
from orchestrator.ledger import events, rows
from orchestrator.ledger.change import Change
from orchestrator.ledger.protocol import Application
from orchestrator.model.cluster import Cluster


def apply(change: Change, application: Application) -> None:
    """Store what is wanted from now on; what was wanted before stays as history."""
    _let_leave(change, application.cluster)
    change.db.execute(
        'INSERT INTO applied (revision, at, "commit", sheets, cluster) VALUES (?, ?, ?, ?, ?)',
        (
            application.revision,
            change.stamp.wall,
            rows.clean(application.commit),
            rows.compact(application.sheets),
            rows.compact(application.cluster),
        ),
    )
    change.note("applied", application.cluster.name, events.applied(application))


def _let_leave(change: Change, wanted: Cluster) -> None:
    """Remember the nodes that are no longer wanted; those that are again stay."""
    left = change.db.execute("SELECT node FROM leaving_node").fetchall()
    last = change.db.execute("SELECT * FROM applied ORDER BY number DESC LIMIT 1").fetchone()
    stood = rows.application(last).cluster.nodes if last else ()
    gone = leaving((*map(rows.node, left), *stood), wanted.nodes)
    change.db.execute("DELETE FROM leaving_node")
    change.db.executemany(
        "INSERT INTO leaving_node VALUES (?, ?)",
        [(node.name, rows.compact(node)) for node in gone],
    )


def node_left(change: Change, name: str) -> bool:
    """Forget a node that has left; False: it was not leaving."""
    row = change.db.execute("DELETE FROM leaving_node WHERE name = ?", (name,))
    if row.rowcount:
        change.note("node-left", name, {})
    return bool(row.rowcount)


def pause_node(change: Change, name: str) -> bool:
    """Store that a node takes no new work; False: it was so."""
    row = change.db.execute("INSERT INTO paused_node VALUES (?) ON CONFLICT DO NOTHING", (name,))
    if row.rowcount:
        change.note("node-paused", name, {})
    return bool(row.rowcount)


def resume_node(change: Change, name: str) -> bool:
    """Take that back; False: it was not so."""
    row = change.db.execute("DELETE FROM paused_node WHERE name = ?", (name,))
    if row.rowcount:
        change.note("node-resumed", name, {})
    return bool(row.rowcount)
