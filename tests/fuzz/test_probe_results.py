"""Whatever a node says that it found: a plan, or a sentence; and no word of it in a filter (F25)."""

import json
import random
import time
import zlib
from copy import deepcopy

import pytest
import sample
from compressor_jobs import COMPRESSOR, ROOM, found, job, places, seen, split, steady
from pace import slowness

from orchestrator.api import Result
from orchestrator.errors import PluginError
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins
from orchestrator_compressor import table

pytestmark = pytest.mark.timeout(sample.LIMIT_S)

EVIL = "0,movie=evil"
LIMIT_S = 2.0  # of this process: what one job may cost all others
VALUES = [
    *(None, True, False, 0, -1, 1, 25, 10**30, -(10**400), 0.5, 1e308, -0.0, float("nan")),
    *("", "0", "-1", "1/0", "0/1", "nan", "inf", "1e99999999", "25/1", "9" * 4000, EVIL, "\ud800"),
    *("packets", "decoder", "tt", "index.bin", "unknown", "a\0b", "é\n"),
    *([], {}, [[]], [None], [{}], {"": 1}, {"index": 0}, ["a"], [0, 1]),
]
WHOLE = steady(100)
JOBS = [
    job("h264-1080p", "wav", split=split(frames=40)),
    job("prores-422-hq", "hevc-10bit"),
    job("ffv1-archive", split=split(seconds=1.5)),
]


def drawn(number):
    """Yield so many sources of chance, each its own."""
    return (random.Random(seed) for seed in range(sample.times(number)))


def places_in(data, path=()):
    """Yield the path of every value in JSON data."""
    for key in list(data) if isinstance(data, dict) else range(len(data)):
        yield (*path, key)
        if isinstance(data[key], dict | list):
            yield from places_in(data[key], (*path, key))


def changed(chance, data):
    """Return a copy of JSON data in which some values are others, or gone."""
    data = json.loads(json.dumps(data))
    for _ in range(chance.randint(1, 3)):
        *way, key = chance.choice([*places_in(data), ("new",)])
        holder = data
        for step in way:
            holder = holder[step]
        if chance.random() < 0.15 and isinstance(holder, dict):
            holder.pop(key, None)
        else:
            holder[key] = deepcopy(chance.choice(VALUES))
    return data


def tried(error, work, *args):
    """Return what `work` does, or None where `error` was raised, with a sentence."""
    begun = time.process_time()
    answer, said = None, "it answered"
    try:
        answer = work(*args)
    except error as raised:
        said = str(raised)
    took_s = time.process_time() - begun
    assert took_s < LIMIT_S or took_s < LIMIT_S * slowness()
    assert len(said) > 10
    return answer


def words(caller, task, where, values):
    """Return the words of a task's command; none where the processor cannot say."""
    done = {need: Result(attempt="a1", values={}) for need in task.needs}
    done[f"{task.job.id}/probe"] = Result(attempt="a1", values=values)
    command = tried(PluginError, caller.command, task, where, done)
    return command.words() if command else []


def test_any_probe_is_planned_or_refused_with_a_sentence():
    caller, planned = Caller(Plugins.installed()), 0
    for chance in drawn(5000):
        values = changed(chance, seen(WHOLE))
        facts = found(values, WHOLE)
        for target in tried(ValueError, COMPRESSOR.plan, chance.choice(JOBS), facts, ROOM) or ():
            planned += 1
            for task in target.tasks:
                for word in words(caller, task, places(target.tasks), values):
                    assert EVIL not in word, values
    assert planned


def broken(chance, data):
    """Return bytes with some of them others, gone, or more."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data))
        data[at : at + chance.choice([0, 1, 1, 8])] = chance.randbytes(chance.choice([0, 1, 1, 8]))
    return bytes(data[: chance.choice([len(data), chance.randint(0, len(data))])])


def answered(data):
    times = tried(ValueError, table.load, data)
    assert times is None or (times.pts and times.tb > 0)


def test_any_bytes_are_a_table_or_refused():
    whole = table.dump(WHOLE)
    start = len(table.MAGIC) + 1
    for chance in drawn(10_000):
        answered(broken(chance, whole))
        inside = broken(chance, zlib.decompress(whole[start:]))  # behind the checksum
        answered(whole[:start] + zlib.compress(inside, 1))


def test_any_head_of_a_table_is_answered():
    whole = table.dump(WHOLE)
    start = len(table.MAGIC) + 1
    line, _, body = zlib.decompress(whole[start:]).partition(b"\n")
    heads = [json.dumps(changed(chance, json.loads(line))).encode() for chance in drawn(5000)]
    for head in (*heads, b"[" * 100_000, b"null", b'"tb"', b"9" * 5000):
        answered(whole[:start] + zlib.compress(head + b"\n" + body, 1))
