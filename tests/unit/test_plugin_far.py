"""A plugin that other people wrote harms nobody but its own jobs (F26 to F28)."""

import logging
import os
import re
import resource
import sys
import threading
import types
from contextlib import suppress
from pathlib import Path

import pytest
from outsiders import stranger

from orchestrator.api import Facts, Kind, Outcome, Places, Progress, Room, hookimpl
from orchestrator.errors import ManifestError, PluginError
from orchestrator.manifest.batch import read_batch
from orchestrator.manifest.schema import fault_of
from orchestrator.manifest.sent import parse_sent
from orchestrator.model.cluster import PluginRules
from orchestrator.model.talk import Sheet
from orchestrator.model.work import Ending, Job, Task
from orchestrator.plugin.caller import Caller, Unplannable
from orchestrator.plugin.far import USUAL, Deadlines
from orchestrator.plugin.hasty import Hasty, NotYet
from orchestrator.plugin.manager import Plugins

QUICK = Deadlines(call_s=1.0)
JOB = Job(id="b-0001/j", name="j", processor="odd", asks={})
TASK = Task(id="b-0001/j/t/render", job=JOB, kind=Kind.RENDER, target="t")
ROOM = Room(instances=1, cores=1, node_instances=1)
CALLS = {
    "review": (JOB,),
    "probe": (JOB,),
    "plan": (JOB, Facts(files={"table": b"\0\xff"}), ROOM),
    "command": (TASK, Places(attempt="/s/a-1"), {}),
    "check": (TASK, Outcome(attempt="a-1", ending=Ending.EXITED, exit_code=0)),
}


@pytest.fixture
def loaded(tmp_path, monkeypatch):
    """Return the plugins with a stranger among them; their processes are gone at the end."""
    monkeypatch.syspath_prepend(tmp_path)
    opened = []

    def load(rules=None, deadlines=USUAL, **strangers):
        for name, more in strangers.items():
            stranger(tmp_path, name, more)
        plugins = Plugins.installed(rules, deadlines, fault_of)
        opened.append(plugins)
        return plugins

    yield load
    pids = [far._process.pid for each in opened for far in each._far() if far._process]
    for each in opened:
        each.close()
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def doing(method, body):
    """Return the text of a plugin whose method does that."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return f"def {method}(self, *args):\n{lines}\nodd.{method} = {method}\n"


def asked(plugins, method):
    return getattr(Caller(plugins), method)(*CALLS[method])


def state(plugins, name="odd"):
    return next(each.state for each in plugins.origins() if each.name == name)


def test_stranger_answers_from_a_process_of_its_own(loaded):
    plugins = loaded(odd="import os\n" + doing("command", "return Command((str(os.getpid()),))"))
    assert asked(plugins, "command").words() != [str(os.getpid())]
    assert "stranger_odd" not in sys.modules
    assert Caller(plugins).progress(TASK, "7") == Progress(7)
    assert asked(plugins, "plan")[0].tasks[0].job is JOB


RAISES = ["KeyError('frames')", "SystemExit(3)", "KeyboardInterrupt()", "Mute()"]
MUTE = "class Mute(BaseException):\n    def __repr__(self): raise self\n    __str__ = __repr__\n"


@pytest.mark.fault("F26")
def test_whatever_a_stranger_raises_wherever_is_named_and_three_in_a_row_shut_it_down(loaded):
    def text(error):
        return MUTE + "".join(doing(method, f"raise {error}") for method in CALLS)

    plugins = loaded(odd=text("KeyError('frames')"), well="")
    for method in list(CALLS)[:3]:
        with pytest.raises(PluginError, match=f"'odd', processor 'odd': {method} raised KeyError"):
            asked(plugins, method)
    with pytest.raises(PluginError, match="command is not asked: the plugin is down: 3 faults"):
        asked(plugins, "command")
    assert state(plugins).startswith("down: 3 faults in a row, of which the last: plan raised")
    assert state(plugins, "well") == "ok"


@pytest.mark.fault("F26")
@pytest.mark.parametrize("error", RAISES)
def test_no_error_of_a_stranger_goes_further(loaded, error):
    plugins = loaded(odd=MUTE + doing("check", f"raise {error}"))
    with pytest.raises(PluginError, match=f"check raised {error.partition('(')[0]}"):
        asked(plugins, "check")
    assert asked(plugins, "command").words() == ["true"]


@pytest.mark.fault("F26")
def test_error_of_a_plugin_of_ours_goes_no_further_either(caplog):
    namespace = {}
    exec(MUTE.replace("BaseException", "Exception"), namespace)
    mute = namespace["Mute"]

    class Odd:
        name = "odd"

        def review(self, job):
            raise SystemExit(3)

        def probe(self, job):
            raise mute

    module = types.ModuleType("given")
    module.orchestrator_processors = hookimpl(lambda: [Odd()])

    def deaf(batch, failed):
        raise SystemExit(1)

    module.orchestrator_batch_ended = hookimpl(deaf)
    plugins = Plugins.given(odd=module)
    with pytest.raises(PluginError, match="review raised SystemExit: 3"):
        asked(plugins, "review")
    with pytest.raises(PluginError, match=r"probe raised Mute: .it cannot say what"):
        asked(plugins, "probe")
    with caplog.at_level(logging.ERROR):
        plugins.batch_ended("b-0001", 0)
    assert [record.action for record in caplog.records] == ["plugin_failed"]


@pytest.mark.fault("F26")
def test_review_of_a_stranger_that_raises_is_a_fault_of_its_job_in_the_manifest(loaded, tmp_path):
    plugins = loaded(odd=doing("review", "raise KeyError('frames')"))
    file = tmp_path / "job.yaml"
    jobs = "".join(f"    - {{name: {name}, processor: odd}}\n" for name in "ab")
    head = "apiVersion: orchestrator/v1\nkind: Batch\nmetadata: {name: b}\nspec:\n  jobs:\n"
    file.write_text(head + jobs)
    with pytest.raises(ManifestError) as told:
        read_batch(file, plugins.processors, plugins.settings_folders())
    assert [fault.split(":")[1] for fault in told.value.faults] == ["6", "7"]
    assert "spec.jobs[1].processor: plugin 'odd', processor 'odd': review raised" in str(told.value)


def test_loop_is_told_later_and_woken_by_the_answer(loaded):
    body = "import time\ntime.sleep(0.3)\nreturn Command(('late',))"
    plugins, woken = loaded(odd=doing("command", body)), threading.Event()
    hasty = Hasty.beside(Caller(plugins), woken.set)
    with pytest.raises(NotYet):
        hasty.command(*CALLS["command"])
    with pytest.raises(NotYet):
        hasty.check(*CALLS["check"])
    assert woken.wait(20)
    assert hasty.command(*CALLS["command"]).words() == ["late"]


def test_hooks_of_a_stranger_hear_what_they_ask_for(loaded, tmp_path):
    text = (
        "@hookimpl\ndef orchestrator_notice(text, kind):\n"
        f"    open({str(tmp_path / 'heard')!r}, 'w').write(kind + text)\n"
        "@hookimpl\ndef orchestrator_batch_ended(batch):\n    raise KeyError(batch)\n"
    )
    plugins = loaded(odd=text)
    plugins.notice("alarm", "n1", "!")
    plugins.batch_ended("b-0001", 2)
    assert (tmp_path / "heard").read_text() == "alarm!"


@pytest.mark.fault("F26")
def test_progress_that_a_stranger_cannot_read_is_no_fault(loaded):
    plugins = loaded(
        None, Deadlines(progress_every_s=0.0), odd=doing("progress", "raise KeyError(args)")
    )
    for line in ("no number", *"abcd"):
        assert Caller(plugins).progress(TASK, line) is None
    assert state(plugins) == "ok"


def test_good_answer_between_faults_forgives_them(loaded):
    body = "if args[0].id.endswith('bad'): raise KeyError\nreturn Review()"
    caller = Caller(loaded(odd=doing("review", body)))
    for number in range(4):
        with pytest.raises(PluginError, match="raised KeyError"):
            caller.review(Job(id=f"b-{number}/bad", name="j", processor="odd", asks={}))
        caller.review(Job(id=f"b-{number}/good", name="j", processor="odd", asks={}))


@pytest.mark.fault("F26")
@pytest.mark.parametrize(
    ("method", "body", "says"),
    [
        ("review", "return None", "NoneType where Review is promised"),
        ("plan", "return (Target(name=3, tasks=()),)", "Target.name: int where str is promised"),
        ("plan", "return 'web'", "str where tuple is promised"),
        ("command", "return Command(('x', 1))", "Command.argv: int where str or Secret"),
        ("command", "import pathlib\nreturn Command(('x',), input={'a': object()})", "not JSON"),
        ("check", "return True", "bool where Accept or Reject"),
        ("check", "return Reject('x' * (5 << 20))", "more than can be taken"),
        ("check", "return Reject([0] * 600000)", "more than can be taken"),
    ],
)
def test_nonsense_of_a_stranger_is_named(loaded, method, body, says):
    plugins = loaded(odd=doing(method, body))
    with pytest.raises(PluginError, match=f"processor 'odd': {method} answered .*{says}"):
        asked(plugins, method)


def test_impossible_job_is_no_fault_of_a_stranger(loaded):
    plugins = loaded(odd=doing("plan", "raise ValueError('no frames in it')"))
    for _ in range(4):
        with pytest.raises(Unplannable, match=r"^no frames in it$"):
            asked(plugins, "plan")


HANGS = {
    "sleeps": "import time\ntime.sleep(60)",
    "holds the interpreter": "import re\nre.match('(a|a)*b', 'a' * 40)",
    "stops itself": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
}


@pytest.mark.fault("F27")
@pytest.mark.parametrize("body", HANGS.values(), ids=HANGS)
def test_stranger_that_hangs_is_ended_at_its_deadline_and_begun_again(loaded, body):
    plugins = loaded(odd=doing("command", body), deadlines=QUICK)
    with pytest.raises(PluginError, match=r"'odd': command took more than 1 s; tell its author"):
        asked(plugins, "command")
    assert asked(plugins, "check") is not None


@pytest.mark.fault("F27")
def test_stranger_that_ends_again_and_again_is_down_by_the_table_of_services(loaded):
    plugins = loaded(odd=doing("command", "import os\nos._exit(3)"))
    for _ in range(3):
        with pytest.raises(PluginError, match="command ended its process"):
            asked(plugins, "command")
        asked_other = state(plugins)
    assert asked_other.startswith("down: ")
    with pytest.raises(PluginError, match="is not asked: the plugin is down"):
        asked(plugins, "check")


WILD = {
    "prints without end": "while True: print('x' * 100000)",
    "ends": "import os\nos._exit(0)",
    "takes all memory": "return Command(('x' * (8 << 30),))",
    "forks": "import os\nos.fork()\nreturn Command(('forked',))",
    "forks and waits": "import os, time\nif not os.fork(): time.sleep(60)\nreturn Command(('a',))",
    "changes folder, umask, handlers": (
        "import os, signal\nos.chdir('/tmp')\nos.umask(0)\nsignal.alarm(0)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.close(0)\nos.close(1)\n"
        "os.environ.clear()\nreturn Command(('changed',))"
    ),
}


@pytest.mark.fault("F28")
@pytest.mark.parametrize("body", WILD.values(), ids=WILD)
def test_nothing_wild_that_a_stranger_does_reaches_us(loaded, body):
    plugins = loaded(odd=doing("command", body), well="")
    before = (os.getcwd(), os.umask(0o22), dict(os.environ), _memory_kib())
    os.umask(before[1])
    with suppress(PluginError):
        asked(plugins, "command")
    assert (os.getcwd(), dict(os.environ)) == (before[0], before[2])
    assert os.umask(before[1]) == before[1]
    assert _memory_kib() - before[3] < 50_000
    well = Job(id="b-0001/w", name="w", processor="well", asks={})
    assert Caller(plugins).probe(well) is None
    assert asked(plugins, "check") is not None


def _memory_kib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


@pytest.mark.fault("F28")
def test_what_a_stranger_prints_is_told_in_part_and_disturbs_no_answer(loaded, caplog):
    body = "import os\nprint('hello \\x1b[31m' * 9)\nos.write(1, b'raw')\nreturn Command(('ok',))"
    plugins = loaded(odd=doing("command", body))
    with caplog.at_level(logging.INFO):
        assert asked(plugins, "command").words() == ["ok"]
        plugins.close()
    (said,) = [r.getMessage() for r in caplog.records if r.action == "plugin_printed"]
    assert "hello" in said
    assert "raw" in said
    assert "\x1b" not in said


def test_environment_of_a_stranger_has_no_secret_of_ours(loaded, monkeypatch):
    monkeypatch.setenv("STUDIO_ADMIN", "hush")
    text = "import os\n" + doing("command", "return Command(tuple(os.environ))")
    assert "STUDIO_ADMIN" not in asked(loaded(odd=text), "command").words()


IMPORTS = {
    "raises": ("raise RuntimeError('no licence')", "raised RuntimeError: no licence"),
    "hangs": ("while True: pass", "took more than 1 s"),
    "ends": ("import os; os._exit(0)", "ended its process"),
    "lacks a module": ("import no_such_module", "No module named 'no_such_module'"),
    "misspells a hook": (
        "@hookimpl\ndef orchestrator_procesors(): return ()",
        "orchestrator_procesors",
    ),
    "colours its error": ("raise OSError('\\x1b[31mred')", "OSError:  \\[31mred"),
    "has no hook": ("del orchestrator_processors", "it has no hook; write @hookimpl above"),
    "lacks a method": ("del odd.check", "processor 'odd' has no check"),
    "has no schema": ("odd.schema = {'type': 'strange'}", "its schema is no JSON Schema"),
    "has an open schema": ("odd.schema = {'type': 'object'}", "additionalProperties open"),
    "has a schema in circles": (
        "odd.schema = {'$ref': '#/$defs/a', '$defs': {'a': {'$ref': '#/$defs/a'}}}",
        "refers to what is not in it, or to itself",
    ),
    "has a schema elsewhere": ("odd.schema = {'$ref': 'http://x/y'}", "refers to what is not"),
    "has no service": ("odd.service = 'render'", "str where Service is promised"),
    "has a name that is none": ("odd.name = 'O d d'", "that is no name"),
}


BOMB = """
parts = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(40)}
odd.schema = {**odd.schema, "$ref": "#/$defs/a0", "$defs": {**parts, "a40": {}}}
"""
MANIFEST = """apiVersion: orchestrator/v1
kind: Batch
metadata: {name: b}
spec: {jobs: [{name: j, processor: odd, with: {a: %s}}]}
"""


def sent(plugins, text):
    sheet = Sheet(name="job.yaml", text=MANIFEST % text)
    return parse_sent([sheet], plugins.processors, ())


@pytest.mark.fault("F27")
def test_schema_of_a_stranger_that_takes_for_ever_to_read_is_refused(loaded):
    plugins = loaded(odd=BOMB, deadlines=QUICK)
    assert "processor 'odd': its schema took more than 1 s" in state(plugins)


@pytest.mark.fault("F27")
@pytest.mark.parametrize("rule", ['"pattern": "^(a+)+$"', '"anyOf": [{"pattern": "^(a+)+$"}, {}]'])
def test_pattern_of_a_stranger_that_never_ends_harms_its_own_job(loaded, rule):
    schema = f'odd.schema["properties"]["a"] = {{"type": "string", {rule}}}\n'
    plugins = loaded(odd=schema, deadlines=Deadlines(call_s=2.0))
    with pytest.raises(ManifestError, match="processor 'odd': to read `with` took more than 2 s"):
        sent(plugins, "a" * 40 + "!")
    assert sent(plugins, "aaa").batch.jobs


@pytest.mark.fault("F26")
def test_wrong_defaults_of_a_stranger_harm_jobs_of_its_own_alone(loaded, caplog):
    hooks = ("job_defaults(processor): return 5", "commands(): return 5")
    wrong = "".join(f"@hookimpl\ndef orchestrator_{each}\n" for each in hooks)
    well = "@hookimpl\ndef orchestrator_commands(): return [Subcommand('well', 'W.', 'a:b')]\n"
    plugins = loaded(odd=wrong, well=well)
    assert plugins.job_defaults("shell") == ()
    assert "plugin 'odd': orchestrator_job_defaults answered int; tell its author" in caplog.text
    with pytest.raises(PluginError, match="plugin 'odd': orchestrator_job_defaults answered int"):
        plugins.job_defaults("odd")
    assert list(plugins.subcommands(()).by_name) == ["well"]
    assert "plugin 'odd': orchestrator_commands answered int; tell its author" in caplog.text


@pytest.mark.fault("F26")
@pytest.mark.parametrize(("text", "says"), IMPORTS.values(), ids=IMPORTS)
def test_stranger_that_cannot_be_loaded_is_listed_with_the_reason(loaded, text, says):
    load_s = 1.0 if text == "while True: pass" else USUAL.load_s
    plugins = loaded(odd=text, deadlines=Deadlines(load_s=load_s))
    assert "shell" in plugins.processors
    assert "odd" not in plugins.processors

    assert re.search(f"^refused: .*{says}", state(plugins))
    with pytest.raises(
        PluginError, match=r"known: .*; not loaded: 'odd'; `orchestrator plugins` says why"
    ):
        plugins.processor("odd")


BROKEN = {
    "no metadata": ("METADATA", None),
    "no name": ("METADATA", b"Version: 1\n"),
    "no text": ("entry_points.txt", b"[orchestrator]\nodd = \xff\n"),
    "no form": ("entry_points.txt", b"[orchestrator]\nodd\n"),
    "no module": ("entry_points.txt", b"[orchestrator]\nodd = no module!\n"),
}


@pytest.mark.fault("F26")
@pytest.mark.parametrize(("name", "data"), BROKEN.values(), ids=BROKEN)
def test_broken_metadata_of_a_stranger_is_named_and_stops_nobody(
    loaded, tmp_path, caplog, name, data
):
    stranger(tmp_path, "odd")
    file = tmp_path / "acme_odd-1.2.dist-info" / name
    file.write_bytes(data) if data else file.unlink()
    plugins = loaded(well="")
    assert "well" in plugins.processors
    assert "odd" not in plugins.processors
    listed = [each.state for each in plugins.origins() if each.name == "odd"]
    assert listed == ["refused: 'no module!' names no module"] or str(file.parent) in caplog.text


def test_stranger_that_is_not_allowed_is_not_imported(loaded, tmp_path):
    writes = f"import os\nopen({str(tmp_path)!r} + '/' + __name__, 'w').close()"
    rules = PluginRules(allow=("Acme_Well",), deny=("shell",))
    plugins = loaded(rules, odd=writes, well=writes)
    assert [file.name for file in tmp_path.glob("stranger_*") if not file.suffix] == [
        "stranger_well"
    ]
    assert state(plugins) == "denied: plugins.allow does not name it"
    assert state(plugins, "shell") == "denied: plugins.deny names it"
    assert {"well", "povray"} <= plugins.processors.keys()
    assert "shell" not in plugins.processors
    assert plugins.distributions().keys() == {"media-orchestrator", "acme-well"}
