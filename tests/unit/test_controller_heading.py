"""The head of an attempt's log says all that is needed to do it again, and no secret (T11)."""

from orchestrator.controller.heading import LINE_CHARS_MAX, heading
from orchestrator.decide.reconcile import Attempt
from orchestrator.model.node import Identity, Program
from orchestrator.model.work import Command, Secret, Service

ATTEMPT = Attempt(
    id="3f9c21-000017",
    task="b-0001/j/t/000000/encode",
    service=Service.COMPRESSOR,
    node="mac-01",
    incarnation="x",
    lease=7,
)
IDENTITY = Identity(
    version="0.4.0",
    python="/usr/bin/python3",
    cores=2,
    memory_bytes=1,
    instances={},
    python_minor="3.11",
    system="Linux x86_64",
    programs=(
        Program(name="ffmpeg", path="/opt/ffmpeg", version="7.1"),
        Program(name="other", path="/opt/other", version="1"),
    ),
)


def head(*words, **env):
    command = Command(tuple(words), env={name: env[name] for name in env})
    plain = {name: getattr(value, "value", value) for name, value in env.items()}
    return heading(ATTEMPT, IDENTITY, command, plain)


def test_head_names_task_node_versions_environment_and_command():
    assert head("/opt/ffmpeg", "-i", "a b.mov", OCIO="/mnt/ocio") == (
        "# b-0001/j/t/000000/encode: attempt 3f9c21-000017 on mac-01\n"
        "# orchestrator 0.4.0, Python 3.11, Linux x86_64, ffmpeg 7.1\n"
        "# environment: OCIO=/mnt/ocio\n"
        "$ /opt/ffmpeg -i 'a b.mov'\n"
    )


def test_secrets_are_hidden_by_value_and_by_name():
    said = head(
        "render", Secret("canary-1"), "--with=canary-22", LICENCE=Secret("canary-3"),
        API_TOKEN="canary-22", SHOW="x",
    )  # fmt: skip
    assert "canary" not in said
    assert "# environment: API_TOKEN=*** LICENCE=*** SHOW=x\n" in said
    assert said.endswith("$ render *** --with=***\n")


def test_word_cannot_begin_a_line_nor_fill_the_disk():
    said = head("sh", "-c", "a\nb\x1b[2J" + "x" * (2 * LINE_CHARS_MAX))
    assert len(said.splitlines()) == 3
    assert "\x1b" not in said
    assert "characters left out]" in said
