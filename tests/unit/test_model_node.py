import pytest

from orchestrator.model.node import Identity, Phase, Places, Program, service_instances
from orchestrator.model.work import Service

FFMPEG = Program(name="ffmpeg", path="/usr/bin/ffmpeg")
NODE = Identity(
    version="0",
    python="python",
    cores=2,
    memory_bytes=0,
    instances={"render": 2},
    programs=(FFMPEG,),
)


def test_program_is_found_by_name():
    assert NODE.program("ffmpeg") is FFMPEG
    assert NODE.program("maya") is None


def test_service_that_is_not_offered_has_no_instances():
    assert service_instances(NODE, Service.RENDER) == 2
    assert service_instances(NODE, Service.COMPRESSOR) == 0


@pytest.mark.parametrize("phase", Phase)
def test_only_what_may_still_do_something_is_live(phase):
    assert phase.is_live == (phase in {Phase.QUEUED, Phase.RUNNING})


def test_places_know_what_a_task_needs_and_nothing_else():
    where = Places(attempt="/s/a-2", results={"b/j/probe": "/s/a-1"}, programs={"python": "py"})
    assert where.result("b/j/probe") == "/s/a-1"
    assert (where.program("python"), where.source("/in/a.mov")) == ("py", "/in/a.mov")
    with pytest.raises(KeyError):
        where.result("b/j/other")
