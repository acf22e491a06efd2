"""Jobs that other jobs ask for: real jobs of the batch, however the manifest comes along."""

import functools
from dataclasses import dataclass
from typing import Any

import pytest
from fake_processors import PROCESSORS, FakeShell

from orchestrator.errors import ManifestError, PluginError
from orchestrator.manifest.accepted import manifest_text
from orchestrator.manifest.batch import digest, numbered, read_batch
from orchestrator.manifest.sent import parse_sent
from orchestrator.model.talk import Sheet
from orchestrator.model.work import Follower
from orchestrator.plugin.manager import Plugins

HEAD = "apiVersion: orchestrator/v1\nkind: Batch\nmetadata: {name: spin}\nspec:\n  jobs:\n"
RENDER = """\
  - name: turn
    processor: povray
    ifExists: replace
    with:
      scene: s.pov
      frames: {frames}
      destination: {destination}
      movie: {movie}
"""
MOVIE = "{setting: h264-1080p, destination: out/spin.mp4}"
MORE = """\
  - {name: told, processor: shell, after: [turn-movie], with: {command: [echo, done]}}
"""


@functools.cache
def plugins():
    return Plugins.installed()


def read(path, text):
    path.write_text(text)
    return read_batch(path, plugins().processors, plugins().settings_folders()).batch


def render(frames="{start: 1, end: 12}", destination="out/a.####.png", movie=MOVIE):
    text = RENDER.replace("{frames}", frames).replace("{destination}", destination)
    return HEAD + text.replace("{movie}", movie)


def faults(path, text):
    with pytest.raises(ManifestError) as refused:
        read(path, text)
    return [fault.removeprefix(f"{path}:") for fault in refused.value.faults]


def test_movie_is_a_job_after_its_frames_with_the_setting_it_names(tmp_path):
    batch = read(tmp_path / "job.yaml", render() + MORE)
    assert [each.name for each in batch.jobs] == ["turn", "turn-movie", "told"]
    movie = batch.jobs[1]
    assert (movie.processor, movie.after, movie.if_exists.value) == (
        "compressor",
        ("turn",),
        "replace",
    )
    assert movie.asks == {
        "source": f"{tmp_path}/out/a.%04d.png",
        "rate": 24,
        "in": 1,
        "out": 13,
        "outputs": [{"setting": "h264-1080p", "destination": f"{tmp_path}/out/spin.mp4"}],
    }
    assert movie.settings["h264-1080p"]["processor"] == "compressor"


def test_manifest_as_accepted_asks_for_nothing_twice(tmp_path):
    first = read(tmp_path / "job.yaml", render() + MORE)
    told = manifest_text(numbered(first, "spin-0007"))
    (tmp_path / "elsewhere").mkdir()
    again = read(tmp_path / "elsewhere" / "back.yaml", told)
    assert again == first
    assert digest(again) == digest(first)
    sheets = [Sheet(name="sent", text=told)]
    sent = parse_sent(sheets, plugins().processors, plugins().settings_folders())
    assert sent.batch == first
    assert set(sent.reviews) == {"turn", "turn-movie", "told"}


def test_job_of_a_followers_name_that_is_another_one_is_refused(tmp_path):
    other = "  - {name: turn-movie, processor: shell, with: {command: [echo]}}\n"
    (fault,) = faults(tmp_path / "job.yaml", render() + other)
    assert fault.startswith("13:14: spec.jobs[0].with.movie: job 'turn-movie' is there already")


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        (
            {"movie": "{setting: h264-1080q, destination: out/a.mp4}"},
            "13:24: spec.jobs[0].with.movie.setting: unknown setting 'h264-1080q'; did you mean",
        ),
        (
            {"movie": "{setting: h264-1080p, destination: 'out/{odd}.mp4'}"},
            "13:49: spec.jobs[0].with.movie.destination: ",
        ),
        (
            {"movie": "{setting: h264-1080p, destination: out/a.mp4, fps: 0/1}"},
            "13:14: spec.jobs[0].with.movie: is no frame rate; write 24",
        ),
        (
            {"destination": "out/a.####.tga"},
            "13:14: spec.jobs[0].with.movie: is no sequence of TIFF, PNG",
        ),
        ({"destination": "out/a.avi"}, "13:14: spec.jobs[0].with.movie: is made of numbered files"),
        (
            {"destination": "out/{job}.####.png"},
            "13:14: spec.jobs[0].with.movie: is made of files whose names are known",
        ),
        (
            {"frames": "{start: 1, end: 2, step: 0.5}"},
            "13:14: spec.jobs[0].with.movie: is made of files 1, 2, 3, …, and these have the "
            "numbers of frames from 1 by 0.5; write numberFrom: 1",
        ),
        (
            {"frames": "{start: -2, end: 2}"},
            "13:14: spec.jobs[0].with.movie: is made of files from 0 on, and the first has the "
            "number -2; write numberFrom: 0",
        ),
    ],
)
def test_what_is_wrong_with_a_movie_is_told_where_it_is_asked_for(tmp_path, keys, told):
    found = faults(tmp_path / "job.yaml", render(**keys))
    assert any(fault.startswith(told) for fault in found), found


def test_files_that_are_numbered_anew_make_a_movie_of_any_frames(tmp_path):
    text = render(frames="{start: -1, end: 1, step: 0.5}")
    movie = read(tmp_path / "job.yaml", text + "      numberFrom: 7\n").jobs[1]
    assert (movie.asks["in"], movie.asks["out"]) == (7, 12)


def test_movie_that_another_job_writes_too_is_refused(tmp_path):
    more = """\
  - name: other
    processor: compressor
    with: {source: a.mov, outputs: [{setting: h264-1080p, destination: out/spin.mp4}]}
"""
    told = faults(tmp_path / "job.yaml", render() + more)
    assert any("out/spin.mp4 already; name another file" in fault for fault in told), told


def test_circle_through_a_follower_is_refused(tmp_path):
    text = render().replace("processor: povray", "processor: povray\n    after: [turn-movie]")
    (fault,) = faults(tmp_path / "job.yaml", text)
    assert "jobs wait for each other: turn -> turn-movie -> turn" in fault


# -- what a stranger asks for


@dataclass(frozen=True, kw_only=True)
class Stranger(FakeShell):
    """A processor whose jobs are followed by whatever it is told."""

    name: str = "stranger"
    answer: Any = None

    def follow(self, job):
        return self.answer() if callable(self.answer) else self.answer


def strange(path, answer):
    path.write_text(f"{HEAD}  - {{name: a, processor: stranger, with: {{command: [x]}}}}\n")
    return read_batch(path, {**PROCESSORS, "stranger": Stranger(answer=answer)}).batch


def wants(**job):
    return (Follower(path=("command",), job=job),)


def far_away():
    raise PluginError("plugin 'acme', processor 'stranger': follow hangs")


def test_follower_of_any_processor_is_a_job(tmp_path):
    answer = wants(name="b", processor="shell", **{"with": {"command": ("echo", "it")}})
    batch = strange(tmp_path / "job.yaml", answer)
    assert [(each.name, each.after) for each in batch.jobs] == [("a", ()), ("b", ("a",))]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (lambda: 1 / 0, "'stranger': follow raised ZeroDivisionError: division by zero; tell its"),
        (far_away, "spec.jobs[0].processor: plugin 'acme', processor 'stranger': follow hangs"),
        (None, "'stranger': follow raised TypeError"),
        ([{"name": "b"}], "'stranger': follow raised TypeError: it answered dict"),
        (wants(name="b", processor=object()), "'stranger': follow raised TypeError"),
        (wants(name="b"), "spec.jobs[0].with.command: key 'processor' is missing"),
        (wants(name="A b", processor="shell"), "spec.jobs[0].with.command: "),
        (wants(name="b", processor="maya"), "unknown processor 'maya'"),
        (wants(name="b", processor="shell"), "key 'command' is missing"),
    ],
)
def test_what_a_stranger_gets_wrong_is_a_fault_of_its_job(tmp_path, answer, told):
    with pytest.raises(ManifestError) as refused:
        strange(tmp_path / "job.yaml", answer)
    assert told in str(refused.value)
