"""A file stands in the folder that was written, whatever its source is called (F-SUB-15)."""

import posixpath
import random
from dataclasses import replace

import pytest
import sample
from compressor_jobs import COMPRESSOR, ROOM, found, job, seen, steady

from orchestrator_compressor import destination

pytestmark = pytest.mark.timeout(sample.LIMIT_S)

TIMES = steady(50)
USUAL = job("h264-1080p")
NAMES = ["a", ".", "..", "...", "é", " ", "-", "{", "}", "{batch}", "{{", "%", "~", "\n", "\\", "$"]
PARTS = [*NAMES, "{{", "}}", "/", "/", *(f"{{{token}}}" for token in sorted(destination.KNOWN))]


def drawn(number):
    return (random.Random(seed) for seed in range(sample.times(number)))


def joined(chance, parts, most):
    return "".join(chance.choices(parts, k=chance.randint(1, most)))


def asked(source, template):
    """Return a job with one output."""
    outputs = [{"setting": "h264-1080p", "destination": template}]
    return replace(USUAL, asks={"source": source, "outputs": outputs})


def planned(asked):
    """Return the destination of a job's one target; None if it was refused with a sentence."""
    if faults := COMPRESSOR.review(asked).faults:
        assert all(fault.text for fault in faults)
        return None
    try:
        (target,) = COMPRESSOR.plan(asked, found(seen(TIMES), TIMES), ROOM)
    except ValueError:
        return None
    return target.destination


def written(template):
    """Return the names of a template; None where a token stands in one."""
    plain = template.replace("{{", "\ue000").replace("}}", "\ue001")
    names = (None if "{" in name else name for name in plain.split("/"))
    return [name and name.replace("\ue000", "{").replace("\ue001", "}") for name in names]


def test_any_destination_is_where_it_was_written():
    accepted = 0
    for chance in drawn(10_000):
        name = joined(chance, NAMES, 4)
        template = posixpath.normpath(f"/o/{joined(chance, PARTS, 5)}/x.mp4")
        path = planned(asked(f"/in/{name}", template))
        if path is None:
            continue
        accepted += 1
        names = path.split("/")
        assert posixpath.normpath(path) == path, (name, template)
        assert len(names) == len(written(template)), (name, template)
        for wanted, made in zip(written(template), names, strict=True):
            assert wanted in (None, made), (name, template)
    assert accepted


@pytest.mark.parametrize(
    ("source", "template"),
    [
        ("/in/...x", "/o/{source.stem}/x.mp4"),  # its stem is ..
        ("/in/..x", "/o/{source.stem}/x.mp4"),
        ("/in/clip", "/o/{source.ext}/x.mp4"),
        ("/in/clip", "/o/x.{source.ext}"),
        ("/in/...x", "/o/{source.stem}"),
    ],
)
def test_a_name_that_becomes_another_folder_is_refused(source, template):
    texts = COMPRESSOR.review(asked(source, template)).faults
    if template != "/o/x.{source.ext}":
        assert "here; add to it, or leave it out" in texts[0].text
    else:
        assert texts == ()
