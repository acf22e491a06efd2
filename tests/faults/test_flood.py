"""Commands that say too much, below a real `orchestrator run` (F29), and leave results in no form."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from shop import Shop

from orchestrator.agent.logs import HEAD_BYTES, TAIL_BYTES
from orchestrator.manifest.write import yaml_text

pytestmark = [pytest.mark.timeout(300), pytest.mark.fault("F29")]

FLOOD_BYTES = 1 << 30
LINE_BYTES = 100 << 20
GROWTH_MAX_BYTES = 100 << 20
JUNK = rb"\033[31mred\033[0m a\0b \377\376 \033]0;title\a \233 end"


@pytest.fixture
def shop(tmp_path):
    return Shop(tmp_path)


def write(shop, **commands):
    """Write a batch of shell jobs, each after the one before it."""
    jobs = [
        {"name": name, "processor": "shell", "with": {"command": ["sh", "-c", text]}}
        for name, text in commands.items()
    ]
    batch = {"kind": "Batch", "metadata": {"name": "shop"}}
    spec = {"serialize": True, "jobs": jobs}
    shop.job.write_text(yaml_text({"apiVersion": "orchestrator/v1", **batch, "spec": spec}))
    return shop


def log(shop, job):
    (attempt,) = shop.attempts(f"shop-0001/{job}")
    return shop.state / "this-computer" / "storage" / "attempts" / attempt.id / "log"


def told_bytes(file):
    """Return how long the lines are before the output of a command."""
    told = 0
    for line in file:
        told += len(line)
        if line.startswith(b"# inherited: "):
            return told
    raise AssertionError("the log has no head")


def peak_bytes(running):
    """Return the most memory that a running `run` has had so far."""
    lines = Path(f"/proc/{running.process.pid}/status").read_text().splitlines()
    (peak,) = [line for line in lines if line.startswith("VmHWM:")]
    return int(peak.split()[1]) << 10


def test_flood_is_drained_bounded_and_costs_the_run_no_memory(shop):
    """The run waits idle in `calm` until somebody writes into its pipe, then the flood begins."""
    for name in ("calm", "after"):
        os.mkfifo(shop.folder / name)
    gate = {name: f"read x < {shop.folder / name}" for name in ("calm", "after")}
    flood = f"yes {'x' * 78} | head -c {FLOOD_BYTES}"
    line = f"head -c {LINE_BYTES} /dev/zero"
    write(shop, calm=gate["calm"], flood=flood, line=line, after=gate["after"])
    running = shop.start()
    running.wait_for(r"calm/command/render: attempt \S+ on")
    idle = peak_bytes(running)
    (shop.folder / "calm").write_text("go\n")
    running.wait_for(r"after/command/render: attempt \S+ on")
    assert peak_bytes(running) - idle < GROWTH_MAX_BYTES
    (shop.folder / "after").write_text("go\n")
    running.end()
    for name, size in (("flood", FLOOD_BYTES), ("line", LINE_BYTES)):
        with log(shop, name).open("rb") as file:
            told = told_bytes(file)
            kept = os.fstat(file.fileno()).st_size - told
            assert HEAD_BYTES + TAIL_BYTES <= kept < HEAD_BYTES + TAIL_BYTES + 100
            file.seek(told + HEAD_BYTES)
            dropped = size - HEAD_BYTES - TAIL_BYTES
            said = b"\n[%d bytes of output were dropped here]\n" % dropped
            assert file.read(len(said)) == said


def test_junk_is_kept_and_never_reaches_a_terminal(shop):
    write(shop, junk=f"printf '%b' '{JUNK.decode()}'; exit 3")
    said = shop.run(ends=1)
    shown = [said.stdout, said.stderr]
    for words in (["logs", "shop-0001"], ["explain", "shop-0001"], ["status", "shop-0001"]):
        shown.append(shop.call(*words).stdout)
        shown.append(shop.call(*words, "-o", "json").stdout if words[0] != "logs" else "")
    for text in shown:
        assert not {"\x1b", "\0", "\x07", "\x9b"} & set(text)
    assert "red ab" in shown[2]


RESULTS = {
    "deep": f'{{"a": {"[" * 600}{"]" * 600}}}',
    "half": '{"frames": 1',
    "list": "[1]",
    "infinite": '{"a": 1e999}',
    "large": json.dumps({"a": "x" * 9000}),
}


def test_result_in_no_form_fails_its_command_and_nothing_else(shop):
    for name, text in RESULTS.items():
        (shop.folder / name).write_text(text)
    commands = {name: f"cp {shop.folder / name} result.json" for name in RESULTS}
    commands["surrogate"] = r"""printf '{"a":"\\ud800\\u0000"}' > result.json"""
    jobs = write(shop, **commands).job
    jobs.write_text(jobs.read_text().replace("serialize: true", "serialize: false"))
    shop.run(ends=1)
    with shop.ledger() as ledger:
        ends = {each.name: each for each in ledger.standings("shop-0001") if each.level == "job"}
    assert ends.pop("surrogate").state.value == "Successful"
    for name, job in ends.items():
        assert job.state.value == "Failed"
        assert "result.json" in job.reason, name
    words = [sys.executable, "-c", "import json, sys; json.load(sys.stdin)"]
    told = shop.call("explain", "shop-0001", "-o", "json").stdout
    subprocess.run(words, input=told, text=True, check=True)
