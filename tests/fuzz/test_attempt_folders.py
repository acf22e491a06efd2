"""A folder of an attempt that is not as its runner left it never counts as done (F21)."""

import json
import os
import random
import shutil

import pytest
from agents import ScriptedLauncher, spec, table

from orchestrator.decide.settle import judge
from orchestrator.engine.fake import well
from orchestrator.model.codec import canonical
from orchestrator.model.work import Ending

pytestmark = pytest.mark.fault("F21")

GOOD = canonical(well("a1"))
DEEP = "[" * 5000 + "]" * 5000


def changed(**keys):
    return json.dumps({**json.loads(GOOD), **keys})


def link(path):
    aside = path.parents[2] / "aside"
    aside.write_text(GOOD)
    path.symlink_to(aside)


#: what stands where ``exit.json`` should: bytes, a text, or how it is made
RECORDS = {
    "zero bytes for its text": bytes(len(GOOD)),
    "right size, wrong bytes": random.Random(1).randbytes(len(GOOD)),
    "half": GOOD[: len(GOOD) // 2],
    "whole and more": GOOD + GOOD,
    "no UTF-8": GOOD.encode().replace(b"a1", b"a\xff"),
    "no ending": changed(ending=None),
    "false for 0": changed(exit_code=False),
    "text for a number": changed(exit_code="0"),
    "no result": changed(result=None),
    "a list as result": changed(result=[]),
    "another key": changed(accepted=True),
    "no number": GOOD[:-1] + ', "seconds": NaN}',
    "too large a number": GOOD[:-1] + ', "seconds": 1e999}',
    "deep": GOOD[:-1] + f', "result": {{"a": {DEEP}}}}}',
    "not quite as deep": GOOD[:-1] + f', "result": {{"a": {"[" * 400}{"]" * 400}}}}}',
    "endless": GOOD[:-1] + " " * (2 << 20) + "}",
    "a folder": os.mkdir,
    "a pipe": os.mkfifo,
    "a link": link,
    "a device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.fixture
def spool(tmp_path):
    """Return the folder of attempt a1, which an earlier agent took and whose runner has been."""
    folder = tmp_path / "spool-n1" / "attempts" / "a1"
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(canonical(spec("a1")))
    (folder / "pid.json").write_text("{}")
    return folder


def told(tmp_path):
    """Return what the next agent says of each attempt: outcome, or None."""
    one = table("n1", tmp_path, ScriptedLauncher())
    report = one.report()
    one.close()
    ended = {outcome.attempt: outcome for outcome in report.outcomes}
    return {id: ended.get(id) for id in report.attempts}


def test_a_good_record_is_believed(spool, tmp_path):
    (spool / "exit.json").write_text(GOOD)
    assert told(tmp_path) == {"a1": well("a1")}


@pytest.mark.parametrize("name", RECORDS)
def test_any_other_record_means_lost(spool, tmp_path, name):
    record, path = RECORDS[name], spool / "exit.json"
    if callable(record):
        record(path)
    else:
        path.write_bytes(record if isinstance(record, bytes) else record.encode())
    for _ in range(2):  # whoever comes next says the same
        outcome = told(tmp_path)["a1"]
        assert outcome.ending is Ending.LOST
        assert outcome.why.startswith("its exit record ")
        assert judge(outcome) is not None
        canonical(outcome).encode()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", canonical(spec("a2")), DEEP, "\udcff"], ids=range(7)
)
def test_spec_that_is_not_its_own_starts_nothing(spool, tmp_path, text):
    (spool / "spec.json").write_text(text, errors="surrogateescape")
    (spool / "pid.json").unlink()
    outcome = told(tmp_path)["a1"]
    assert outcome.ending is Ending.LOST
    assert outcome.why == "its spec in the spool is not whole"


def test_what_no_agent_left_is_not_looked_at(spool, tmp_path):
    shutil.rmtree(spool)
    (spool.parent / "notes").write_text("a file")
    (spool.parent / ".trash").mkdir()
    (spool.parent / "a b").mkdir()
    (spool.parent / "elsewhere").symlink_to(tmp_path)
    assert told(tmp_path) == {}
