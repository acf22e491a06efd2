"""A cluster on one machine: how soon it is ready, what the way to a node costs, what nodes are worth.

`python -m tests.bench.cluster` (as root) makes five hosts in network namespaces and tells, as JSON,

* how long `apply` takes from four fresh nodes to four ready ones, wheels gathered before;
* how long 40 commands that do nothing take on one instance of a node, over SSH and TLS, and of this
  computer in one process: their difference, a task;
* how long 16 commands of 2 s take on four nodes, and on one of them.  They sleep: this machine has
  not a core for each node, so a transcode would only show that.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.kit import ORCHESTRATOR, helper, report, run

NODES = ("n1", "n2", "n3", "n4")
EMPTY = 40
NAPS = 16
NAP_S = 2
AGAINST_ONE_MAX = 0.40


def shells(count: int, *words: str) -> list[dict[str, object]]:
    """Return so many jobs that run the words."""
    return [
        {"name": f"j{number}", "processor": "shell", "with": {"command": list(words)}}
        for number in range(count)
    ]


def here(folder: Path) -> float:
    """Return the seconds that the empty commands take on one instance in one process."""
    node = {"spec": {"services": {"render": {"instances": 1}}}, "metadata": {"name": "here"}}
    batch = {"spec": {"jobs": shells(EMPTY, "true")}, "metadata": {"name": "empty"}}
    head = {"apiVersion": "orchestrator/v1"}
    documents = [{**head, "kind": "Node", **node}, {**head, "kind": "Batch", **batch}]
    job = folder / "empty.yaml"
    job.write_text("---\n".join(json.dumps(each) + "\n" for each in documents))
    began = time.monotonic()
    run([*ORCHESTRATOR, "run", str(job), "--state", str(folder / "state")])
    return time.monotonic() - began


def main() -> int:
    """Measure, and print."""
    netfarm, studios = helper("netfarm"), helper("studio")
    if why := netfarm.missing():
        print(f"no farm can be made here: {why}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        studio = studios.Studio(folder / "studio", nodes=NODES)
        try:
            figures = measured(studio, folder)
        finally:
            studio.close()
    bars = {"four_nodes_against_one": figures["four_nodes_against_one"] <= AGAINST_ONE_MAX}
    return report(figures, bars)


def measured(studio: Any, folder: Path) -> dict[str, float]:
    """Return all figures."""
    studio.gather()

    def took(name: str, *jobs: dict[str, object]) -> float:
        file = studio.job(name, *jobs)
        began = time.monotonic()
        studio.call("submit", file, "--wait", limit_s=300)
        return time.monotonic() - began

    began = time.monotonic()
    studio.apply()
    apply_s = time.monotonic() - began
    four_s = took("four", *shells(NAPS, "sleep", str(NAP_S)))
    for other in NODES[1:]:
        studio.call("pause", other, "--cluster", "studio")
    one_s = took("one", *shells(NAPS, "sleep", str(NAP_S)))
    far_s, near_s = took("empty", *shells(EMPTY, "true")), here(folder)
    return {
        "apply_four_fresh_nodes_s": round(apply_s, 1),
        "four_nodes_s": round(four_s, 2),
        "one_node_s": round(one_s, 2),
        "four_nodes_against_one": round(four_s / one_s, 3),
        "empty_task_on_a_node_s": round(far_s / EMPTY, 3),
        "empty_task_in_one_process_s": round(near_s / EMPTY, 3),
        "overhead_a_task_ms": round((far_s - near_s) / EMPTY * 1000, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
