"""What goes wrong in renders, once for every renderer: whole jobs, on this computer.

The renderers are stand-ins that read the real words (`tests/renderers.py`); all else is real: the
controller, the agent, runners, and what looks at frames and publishes them.  One batch a renderer
has every fault as a job of its own, so a test below asks what became of its job.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import pytest
import renderers

from orchestrator.agent.identity import this_identity
from orchestrator.agent.table import AgentTable
from orchestrator.api import FrameProcessor
from orchestrator.cli.build import Frame, assemble, open_ledger, place_of
from orchestrator.cli.options import CLUSTER, layout
from orchestrator.controller.keeper import kept
from orchestrator.controller.submit import check_able, submit
from orchestrator.decide.settle import Limits
from orchestrator.engine.dask.engine import InprocEngine
from orchestrator.errors import Refusal
from orchestrator.manifest.batch import read_batch
from orchestrator.plugin.caller import Caller
from orchestrator.plugin.manager import Plugins

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Case:
    """One job: its frames, what its scene does wrong with them, and what else is asked."""

    frames: dict
    faults: tuple = ()
    asks: dict = field(default_factory=dict)
    job: dict = field(default_factory=dict)  #: what stands beside `with`


@dataclass(frozen=True)
class Row:
    """How a renderer is asked to render a scene, and what it has beside."""

    name: str
    file: str  #: its program, as it is called where it is installed
    scene: str  #: the key of its scene
    calls: str = ""  #: the program beside it that renders; empty: it does itself
    asks: dict = field(default_factory=dict)  #: what else stands in `with`
    ending: str = ".png"
    says: str = ""  #: what is said of a refused licence; empty: it asks for none
    ignores: dict = field(default_factory=lambda: {"nonZeroIsFailure": False})
    own: dict[str, Case] = field(default_factory=dict)  #: cases that only it has
    is_own: bool = False  #: whether each job names its program: no node is asked for it


PLUGIN = 'Error: file: a.ma line 7: Plug-in, "mtoa", was not found on MAYA_PLUG_IN_PATH.'
OF_MAYA = {
    "plug-in": Case({"start": 1, "end": 1}, ({"what": "says", "line": PLUGIN, "calls": [1]},)),
    "between": Case({"start": -1, "end": 1, "step": 0.5}, asks={"renderLayer": "beauty"}),
}
HUNG, KILLED = {"what": "hang", "calls": [1]}, {"what": "signal", "number": 11, "calls": [1]}
OF_SHAKE = {
    "gone": Case({"start": 1, "end": 2}, ({"what": "missing", "frame": 2},)),
    "every-third": Case({"start": 1, "end": 10, "step": 3}, asks={"node": "Over1"}),
    "hung": Case({"start": 1, "end": 1}, (HUNG,), job={"stallAfter": "1s"}),
    "killed": Case({"start": 1, "end": 1}, (KILLED,)),
}
WORDS = ["--in", "{input}", "--first", "{start}", "--last", "{end}", "--step", "{step}"]
OF_GENERIC = {"absent": Case({"start": 1, "end": 1}, asks={"executable": "/nowhere/generic"})}
FORMAT = ["{executable}", *WORDS, "--out", "{output}/{prefix}{hashes}{suffix}"]
ERRORS = [{"line": "no licence", "says": "no licence is free", "waits": True}]
ROWS = [
    Row(
        "shake",
        "shake",
        "script",
        ending=".exr",
        says="licence",
        ignores={"ignoreScriptFailures": True},
        own=OF_SHAKE,
    ),
    Row(
        "maya",
        "maya",
        "scene",
        "Render",
        {"renderer": "sw"},
        says="FlexLM -15",
        own=OF_MAYA,
    ),
    Row("blender", "blender", "scene"),
    Row("povray", "povray", "scene"),
    Row(
        "generic",
        "generic",
        "input",
        "",
        {"format": FORMAT, "errors": ERRORS},
        ending=".tif",
        says="no licence is free",
        own=OF_GENERIC,
        is_own=True,
    ),
]
THERE = Plugins.installed().processors

#: What goes wrong with the second segment, one call after another
TROUBLED = (
    ({"what": "missing", "frame": 3}, {"what": "truncated", "frame": 4}),
    ({"what": "black", "frame": 4},),
    ({"what": "size", "frame": 4},),
    ({"what": "nothing", "segment": 3},),
    ({"what": "exit", "code": 3, "segment": 3},),
)
CASES = {
    "troubled": Case(
        {"start": 1, "end": 4},
        tuple({**one, "calls": [at]} for at, each in enumerate(TROUBLED, 1) for one in each),
        {"minFrames": 2, "blackFrames": "fail"},
    ),
    "ignored": Case(
        {"start": 1, "end": 2},
        ({"what": "exit", "code": 3}, {"what": "missing", "frame": 2, "calls": [1]}),
    ),
    "licence": Case({"start": 1, "end": 2}, ({"what": "licence", "calls": [1, 2]},)),
}
LIMITS = Limits(tries_max=len(TROUBLED) + 1, wait_first_s=0.01, wait_most_s=0.02)


class Studio:
    """One cluster of this computer alone, and all cases of one renderer done on it."""

    def __init__(self, folder: Path, row: Row) -> None:
        self.folder, self.row = folder, row
        self.plugins = Plugins.installed()
        self.caller = Caller(self.plugins)
        self.where = layout(folder / "state")
        self.program = renderers.installed(folder / "bin", row.name, row.file)
        if row.calls:
            renderers.installed(folder / "bin", row.name, row.calls)
        self.batch = read_batch(
            self.manifest(), self.plugins.processors, self.plugins.settings_folders()
        ).batch

    def manifest(self) -> Path:
        """Write the batch: a job for each case, each with a scene of its own."""
        jobs = []
        for name, case in {**CASES, **self.row.own}.items():
            if name == "licence" and not self.row.says:
                continue
            scene = self.folder / f"{name}.scene"
            scene.write_text(json.dumps({"faults": case.faults}))
            asks = {
                **self.row.asks,
                **({"executable": str(self.program)} if self.row.is_own else {}),
                self.row.scene: str(scene),
                "frames": case.frames,
                "destination": str(self.folder / "out" / name / f"f.####{self.row.ending}"),
                "sequenceCheck": name == "troubled",
                **(self.row.ignores if name == "ignored" else {}),
                **case.asks,
            }
            jobs.append({"name": name, "processor": self.row.name, "with": asks, **case.job})
        path = self.folder / "batch.yaml"
        head = {"apiVersion": "orchestrator/v1", "kind": "Batch", "metadata": {"name": "studio"}}
        path.write_text(json.dumps({**head, "spec": {"jobs": jobs}}))
        return path

    def identity(self, program: Path):
        """Return what this computer is with that program, of which only it is looked for."""
        checks = {
            check.name: check.argv
            for check in self.plugins.programs()
            if check.name == self.row.name
        }
        return this_identity(
            checks,
            paths={self.row.name: str(program)},
            instances={"render": 2, "compressor": 0},
            cache=self.folder / "programs.json",
        )

    def done(self) -> "Studio":
        """Do the batch to its end, however that is, and keep what is known of it."""
        who = self.identity(self.program)
        check_able(self.caller, self.batch, [who])
        self.where.root.mkdir(parents=True)
        with ExitStack() as stack:
            ledger = stack.enter_context(closing(open_ledger(self.where)))
            table = AgentTable(CLUSTER, who, self.where.spool)
            engine = InprocEngine([table], self.where.scratch)
            storage, _ = stack.enter_context(kept(ledger, place_of(self.where, ledger, None)))
            pool = stack.enter_context(ThreadPoolExecutor(8))
            frame = Frame(
                cluster=CLUSTER,
                ledger=ledger,
                engine=engine,
                caller=self.caller,
                storage=storage,
                pool=pool,
                limits=LIMITS,
            )
            controller, _ = assemble(frame)
            engine.open(controller.wake)
            stack.callback(table.close)
            stack.callback(engine.close)
            id = submit(ledger, self.caller, self.batch, time.time()).batch
            controller.run(lambda view: ledger.state(id).is_final, lambda view: None)
            self.standings = ledger.standings(id)
            self.tasks = ledger.tasks(id)
            self.attempts = ledger.attempts(id)
        return self

    def state(self, name: str) -> str:
        """Return how a job ended."""
        return next(p.state.value for p in self.standings if p.id.endswith(f"/{name}"))

    def reason(self, name: str) -> str:
        """Return why a job stands as it does."""
        return next(p.reason for p in self.standings if p.id.endswith(f"/{name}"))

    def said(self, name: str, segment: int = 0) -> list[str]:
        """Return what came of each attempt of a segment's render; empty: it was accepted."""
        end = f"/{name}/frames/{segment:06d}/render"
        return [each.why for each in self.attempts if each.task.endswith(end)]

    def tries(self, name: str) -> int:
        """Return how many tries were used up by all tasks of a job."""
        return sum(task.tries for task in self.tasks if task.job.name == name)

    def published(self, name: str) -> list[str]:
        """Return the numbers of the frames at the destination, each of which must be whole."""
        found = []
        for file in sorted((self.folder / "out" / name).glob("*")):
            number = file.name.removeprefix("f.").removesuffix(self.row.ending)
            rgb = renderers.pixels(Fraction(number))
            whole = renderers.image(file.suffix, rgb, renderers.WIDTH, renderers.HEIGHT)
            assert file.read_bytes() == whole, file
            found.append(number)
        return found


def _param(row: Row):
    absent = pytest.mark.skipif(row.name not in THERE, reason=f"nobody offers {row.name!r} yet")
    return pytest.param(row, id=row.name, marks=absent)


def of(*rows: Row):
    """Let a test have only these renderers."""
    return pytest.mark.parametrize("studio", [_param(row) for row in rows], indirect=True)


def named(name: str) -> Row:
    return next(row for row in ROWS if row.name == name)


@pytest.fixture(scope="module")
def studios(tmp_path_factory):
    """Give a renderer's studio, whose batch is done once for all tests."""
    done = {}

    def of_row(row: Row) -> Studio:
        if row.name not in done:
            done[row.name] = Studio(tmp_path_factory.mktemp(row.name), row).done()
        return done[row.name]

    return of_row


@pytest.fixture
def studio(request, studios):
    return studios(request.param)


EVERY = of(*ROWS)


@EVERY
def test_segment_with_a_bad_frame_fails_alone_and_is_rendered_again(studio):
    assert studio.state("troubled") == "Successful"
    assert studio.published("troubled") == ["0001", "0002", "0003", "0004"]
    assert studio.said("troubled", 0) == [""]
    missing, black, size, nothing, code, well = studio.said("troubled", 1)
    assert "0003" in missing
    assert "missing" in missing
    assert "0004 " in missing  # and broken
    assert "0004" in black
    assert "black" in black
    assert f"{renderers.WIDTH * 2}x{renderers.HEIGHT}" in size
    assert "0003" in nothing
    assert "missing" in nothing
    assert "3" in code  # all frames are whole: the code alone fails it
    assert well == ""


@EVERY
def test_exit_code_means_nothing_where_the_job_says_so_and_missing_frames_still_do(studio):
    assert studio.state("ignored") == "Successful"
    missing, well = studio.said("ignored")
    assert "0002" in missing
    assert well == ""
    assert studio.published("ignored") == ["0001", "0002"]


@of(*(row for row in ROWS if row.says))
def test_refused_licence_costs_no_try(studio):
    assert studio.state("licence") == "Successful"
    *refused, last = studio.said("licence")
    assert [studio.row.says in each for each in refused] == [True, True]
    assert last == ""
    assert studio.tries("licence") == 0
    assert studio.published("licence") == ["0001", "0002"]


@pytest.mark.parametrize("row", [_param(row) for row in ROWS if not row.is_own])
def test_missing_program_is_refused_with_a_sentence(row, tmp_path):
    studio = Studio(tmp_path, row)
    absent = studio.identity(tmp_path / "nowhere")
    with pytest.raises(Refusal, match="nowhere") as refused:
        check_able(studio.caller, studio.batch, [absent])
    assert refused.value.exit_code == 2
    assert len(str(refused.value).splitlines()) == len(studio.batch.jobs)


def test_every_renderer_there_is_has_a_row():
    offered = {name for name, each in THERE.items() if isinstance(each, FrameProcessor)}
    assert offered <= {row.name for row in ROWS}


@of(named("maya"))
def test_plugin_error_fails_a_segment_whose_frames_are_all_there(studio):
    error, well = studio.said("plug-in")
    assert "mtoa" in error
    assert well == ""


@of(named("shake"))
def test_job_that_always_lacks_a_frame_fails_and_publishes_nothing_of_its_segment(studio):
    assert studio.state("gone") == "Failed"
    assert "0002" in studio.reason("gone")
    assert studio.published("gone") == []


@of(named("maya"))
def test_frames_between_frames_get_the_names_people_want(studio):
    assert studio.published("between") == ["-0000.5", "-0001.0", "0000.0", "0000.5", "0001.0"]


@of(named("shake"))
def test_frames_of_a_step_are_all_there_is(studio):
    assert studio.published("every-third") == ["0001", "0004", "0007", "0010"]


@of(named("shake"))
@pytest.mark.parametrize(("name", "says"), [("hung", "no progress"), ("killed", "SIGSEGV")])
def test_program_that_hangs_or_is_killed_is_begun_again(studio, name, says):
    first, well = studio.said(name)
    assert says in first
    assert well == ""
    assert studio.published(name) == ["0001"]


@of(named("generic"))
def test_program_that_a_job_names_and_nobody_has_fails_it_with_a_sentence(studio):
    assert studio.state("absent") == "Failed"
    assert "/nowhere/generic" in studio.reason("absent")
