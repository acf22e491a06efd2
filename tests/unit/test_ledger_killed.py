"""What was answered outlives `kill -9`."""

import subprocess
import sys

from ledgers import check

from orchestrator.ledger.sqlite import SqliteLedger

WRITE = """
import sys
from itertools import count
from pathlib import Path
from ledgers import Desk, batch
from orchestrator.ledger.sqlite import SqliteLedger
desk = Desk(SqliteLedger(Path(sys.argv[1])))
for number in count(1):
    desk.accept(batch(number=number))
    desk.do(f"b-{number:04d}/j/probe")
    sys.stdout.write(f"b-{number:04d}\\n")
    sys.stdout.flush()
"""


def test_every_answer_is_in_the_file_after_a_kill(tmp_path, request):
    words = [sys.executable, "-c", WRITE, str(tmp_path / "ledger.db")]
    tests = str(request.config.rootpath / "tests")
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": tests}
    ) as process:
        answered = [process.stdout.readline().strip() for _ in range(40)]
        process.kill()
        answered += process.stdout.read().split("\n")[:-1]
    with SqliteLedger(tmp_path / "ledger.db") as ledger:
        stored = [standing.id for standing in ledger.standings()]
        assert stored[: len(answered)] == answered
        assert len(stored) <= len(answered) + 1
        assert len(ledger.results([f"{id}/j/probe" for id in answered])) == len(answered)
        check(ledger)
