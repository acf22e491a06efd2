"""Any program's frames by `orchestrator run`: its page followed, and what is sent with every segment."""

import sys

import pytest
from handbook import ROOT, files
from shop import Shop

from orchestrator.manifest.write import yaml_text

pytestmark = [pytest.mark.timeout(300), pytest.mark.slow]

PAGE = ROOT / "plugins/orchestrator_generic/README.md"

RENDERER = """\
import os, sys
first, last, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
with open(os.environ["SEEN"], "a") as seen:
    seen.write(f"render {first} {os.environ['LOOK']} {os.getcwd()}\\n")
for number in range(first, last + 1):
    with open(f"{path}{number}.ppm", "wb") as file:
        file.write(b"P6 8 8 255\\n" + bytes([number]) * 8 * 8 * 3)
"""
PREFLIGHT = """\
import os, sys
open(os.environ["SEEN"], "a").write(f"preflight {os.environ['LOOK']} {os.getcwd()}\\n")
sys.exit(sys.argv[1] if len(sys.argv) > 1 else 0)
"""


class Studio(Shop):
    """A shop with a renderer, and a job of 20 frames for it."""

    def __init__(self, folder):
        super().__init__(folder)
        self.seen = folder / "seen"
        (folder / "scenes").mkdir()
        (folder / "render.py").write_text(RENDERER)
        (folder / "check.py").write_text(PREFLIGHT)

    def renders(self):
        """Return the attempts at segments that are over."""
        return [each for each in self.attempts() if each.outcome and each.task.endswith("/render")]

    def render(self, *preflight, **asks):
        job = {
            "name": "beauty",
            "processor": "generic",
            "env": {"LOOK": "night blue", "SEEN": str(self.seen)},
            "workingDirectory": "scenes",
            "preflight": [sys.executable, str(self.folder / "check.py"), *preflight],
            "with": {
                "executable": sys.executable,
                "input": "render.py",
                "frames": {"start": 1, "end": 20},
                "destination": "out/beauty.####.ppm",
                "format": ["{executable}", "{input}", "{start}", "{end}", "{output}/f"],
                "frameName": "f%d.ppm",
                **asks,
            },
        }
        spec = {"jobs": [job]}
        head = {"apiVersion": "orchestrator/v1", "kind": "Batch", "metadata": {"name": "shop"}}
        self.job.write_text(yaml_text({**head, "spec": spec}))
        return self


@pytest.fixture
def studio(tmp_path):
    return Studio(tmp_path)


def test_the_page_can_be_followed(tmp_path):
    shop = Shop(tmp_path)
    for name, text in files(PAGE).items():
        (tmp_path / name).write_text(text)
    shop.call("run", "grey.yaml")
    made = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in made] == [f"grey.{number:04d}.ppm" for number in range(1, 31)]
    assert made[4].read_bytes()[-1] == 40 + 5


def test_every_segment_is_sent_its_job_s_surroundings(studio):
    """F-SUB-6, F-SUB-7: variables, working directory, and what runs before each command."""
    studio.render().run()
    there = f"night blue {studio.folder / 'scenes'}"
    wanted = [f"preflight {there}"] * 2 + [f"render {first} {there}" for first in (1, 11)]
    assert sorted(studio.seen.read_text().splitlines()) == wanted
    assert len(list((studio.folder / "out").iterdir())) == 20


def test_a_preflight_that_fails_is_a_failed_attempt_with_its_last_line(studio):
    studio.render("the volume is not mounted", minFrames=20).run(ends=1)
    said = {each.outcome.why for each in studio.renders()}
    assert said == {f"preflight {sys.executable}: exit code 1: the volume is not mounted"}
    assert "render" not in studio.seen.read_text()
    assert not (studio.folder / "out").exists()


def test_a_dry_run_shows_all_that_a_segment_is_sent(studio):
    """F-SUB-12: nothing that decides what runs is kept back."""
    studio.render("two words", minFrames=20)
    (job,) = studio.json("run", studio.job, "--dry-run")["jobs"]
    tasks = {each["id"].rpartition("/")[2]: each for each in job["targets"][0]["tasks"]}
    render, publish = tasks["render"], tasks["publish"]
    assert render["env"] == {"LOOK": "night blue", "SEEN": str(studio.seen)}
    check = f"{sys.executable} {studio.folder / 'check.py'} 'two words'"
    assert render["preflight"] == check
    assert render["workingDirectory"] == str(studio.folder / "scenes")
    assert publish["preflight"] == publish["workingDirectory"] == ""
    assert not studio.seen.exists()
