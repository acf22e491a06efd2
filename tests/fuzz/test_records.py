"""Whatever a disk or a program gives us is answered: exit records, results, progress, names (F21).

Cheap cases, many of them, all drawn from fixed numbers: a failure prints what was drawn.
"""

import json
import random
import re
from pathlib import PurePosixPath

import pytest
import sample

from orchestrator.agent.exits import RESULT_BYTES_MAX, read_result
from orchestrator.agent.logs import clean
from orchestrator.agent.spool import Spool, is_attempt_id
from orchestrator.model.codec import canonical
from orchestrator.model.work import Cause, Ending, Job, Kind, Outcome, Progress, Task
from orchestrator_compressor import destination
from orchestrator_compressor.processor import load as compressor
from orchestrator_compressor.settings import Setting
from orchestrator_shell import Shell

pytestmark = [pytest.mark.timeout(sample.LIMIT_S), pytest.mark.fault("F21")]

GOOD = Outcome(
    attempt="3f9c21-000017",
    ending=Ending.EXITED,
    exit_code=0,
    cause=Cause.FAILED,
    result={"frames": 25, "parts": [1, {"a": None}]},
    log_tail="done\n",
    seconds=1.5,
)
VALUES = [None, True, -1, 10**400, 1e300, "", "exited", "x" * 9000, [], [[]], {}, {"": {}}]
WORDS = ["frame=", " fps=", "17", "25.0", "1.2.3", "9" * 5000, "²", ".", "-", "\x1b[2J", "é", "\0"]
NAMES = ["..", ".", "/", "a", "3f9c21-000017", "\0", " ", "-y", "é", "\n", "a/b", "~", "x" * 101]
PARTS = [
    "{",
    "}",
    "{{",
    "}}",
    *(f"{{{token}}}" for token in destination.KNOWN),
    "a",
    "/",
    "{x}",
    ".",
]


def drawn(number):
    """Yield so many sources of chance, each its own."""
    return (random.Random(seed) for seed in range(sample.times(number)))


def joined(chance, words, most):
    return "".join(chance.choices(words, k=chance.randint(0, most)))


def damaged(chance, text):
    """Return the JSON `text` with some values exchanged, or its bytes broken."""
    if chance.random() < 0.5:
        data = json.loads(text)
        for key in chance.sample([*data, "unknown"], k=chance.randint(1, 3)):
            data[key] = chance.choice(VALUES)
        return json.dumps(data).encode()
    data = bytearray(text.encode())
    for _ in range(chance.randint(1, 4)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: chance.randint(0, len(data))])


def test_any_exit_record_is_an_outcome_of_its_attempt(tmp_path):
    spool = Spool(tmp_path)
    spool.settle(GOOD)
    record = spool.folder(GOOD.attempt) / "exit.json"
    for chance in drawn(5000):
        record.write_bytes(damaged(chance, canonical(GOOD)))
        outcome = spool.outcome(GOOD.attempt)
        assert outcome is not None
        assert outcome.attempt == GOOD.attempt, record.read_bytes()
        assert isinstance(outcome.exit_code, int | None), record.read_bytes()
        assert isinstance(outcome.log_tail + outcome.why, str)
        assert isinstance(outcome.result, dict)


def test_any_result_is_a_mapping_or_a_reason(tmp_path):
    written = json.dumps({"frames": 25, "sha256": "0" * 64, "parts": [1, {"a": None}]})
    for chance in drawn(5000):
        (tmp_path / "result.json").write_bytes(damaged(chance, written))
        values, why = read_result(str(tmp_path))
        assert isinstance(values, dict)
        assert not (values and why)
        assert len(json.dumps(values, ensure_ascii=False).encode()) <= 4 * RESULT_BYTES_MAX


@pytest.mark.parametrize("processor", [compressor(), Shell()], ids=lambda each: each.name)
def test_any_line_is_progress_or_nothing(processor):
    job = Job(id="b/j", name="j", processor=processor.name, asks={})
    task = Task(id="b/j/t/encode", job=job, kind=Kind.ENCODE)
    for chance in drawn(15_000):
        line = joined(chance, WORDS, 6)
        found = processor.progress(task, line)
        assert found is None or isinstance(found, Progress), line
        assert found is None or found.frames >= 0, line


def test_any_name_of_an_attempt_is_one_plain_component():
    for chance in drawn(15_000):
        name = joined(chance, NAMES, 3)
        if is_attempt_id(name):
            assert PurePosixPath("/spool", name).parts == ("/", "spool", name)
            assert name not in {".", ".."}
            assert len(name) <= 100


def test_any_output_is_clean_before_it_is_shown():
    for chance in drawn(5000):
        shown = clean(chance.randbytes(chance.randint(0, 60)) + joined(chance, WORDS, 3).encode())
        assert re.search(r"[\x00-\x08\x0b-\x1f\x7f]", shown) is None, shown


def test_any_destination_is_refused_or_filled_whole():
    setting = Setting(name="web", container="mp4")
    for chance in drawn(15_000):
        template = joined(chance, PARTS, 6)
        values = dict.fromkeys(destination.KNOWN, "v")
        if not list(destination.faults(template, setting)):
            filled = destination.fill(template.replace("{{", "").replace("}}", ""), values)
            assert not re.search(r"[{}]", filled), template
