"""The wheelhouse: what it holds, and that it is filled once."""

import ast
import importlib.metadata as metadata
import subprocess
import sys
import zipfile
from dataclasses import replace
from types import SimpleNamespace

import pytest
from outsiders import named

from orchestrator.errors import Refusal
from orchestrator.remote import parts, sources, wheels
from orchestrator.remote import repack as repacking
from orchestrator.remote.repack import NotWhole, installed, repack

LINUX = parts.Target("linux-x86_64", "3.11")
ON_A_NODE = ("agent", "discovery", "engine", "model", "remote")
NEVER_ON_A_NODE = {"fastapi", "uvicorn", "keyring", "httpx", "rich", "ruamel-yaml", "argon2-cffi"}


@pytest.fixture
def small(monkeypatch):
    """A node's part of two small distributions, ours without a source."""
    monkeypatch.setattr(parts, "pins", lambda _: ("zict==0", "locket==0"))
    monkeypatch.setattr(wheels, "source_of", lambda _: None)
    monkeypatch.setattr(wheels, "_own", lambda _: ("toolz",))


def test_node_has_no_web_no_keyring_no_terminal():
    names = {pin.partition("==")[0] for pin in parts.pins(LINUX)}
    assert {*parts.ROOTS, "pip", "tornado"} <= names
    assert not names & NEVER_ON_A_NODE
    assert all("==" in pin for pin in parts.pins(LINUX))


def test_node_has_all_that_its_part_of_us_imports(root):
    """Every import of a third party in it belongs to one of the distributions that are sent."""
    folders = [root / "orchestrator" / name for name in ON_A_NODE]
    folders += list((root / "plugins").glob("*/work"))
    files = [file for folder in folders for file in folder.rglob("*.py")]
    named = {name for file in files for name in _imports(file)}
    owners = metadata.packages_distributions()
    foreign = {name for name in named - sys.stdlib_module_names if name in owners}
    sent = {pin.partition("==")[0] for pin in parts.pins(LINUX)} | {parts.OURS}
    lacks = {
        name
        for name in foreign
        if not {parts.canonicalize_name(each) for each in owners[name]} & sent
    }
    assert lacks == set()


def _imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_plugin_that_is_not_let_in_is_not_sent(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    named(tmp_path, "odd", "stranger_odd")
    assert parts.plugins() == ("acme-odd",)
    assert wheels._own(LINUX) == (parts.OURS, "acme-odd")
    assert wheels._own(replace(LINUX, shut=frozenset({"acme-odd"}))) == (parts.OURS,)


def test_what_only_another_system_needs_is_asked_for_it(monkeypatch):
    real = metadata.requires
    more = ["only-mac >= 2; sys_platform == 'darwin'"]
    monkeypatch.setattr(metadata, "requires", lambda name: (real(name) or []) + more)
    assert "only-mac" not in "".join(parts.pins(LINUX))
    assert "only-mac>=2" in parts.pins(parts.Target("darwin-arm64", "3.11"))


@pytest.mark.parametrize("platform", ["windows-amd64", "linux", "linux-x86_64;rm", "darwin-../x"])
def test_platform_that_no_node_has_is_refused(platform):
    with pytest.raises(Refusal, match="not known"):
        parts.target(platform)


def test_it_is_filled_once(small, tmp_path, monkeypatch):
    told = []
    first = wheels.fill(tmp_path, tell=told.append)
    names = sorted(wheel.name.partition("-")[0] for wheel in first.wheels)
    assert names == ["locket", "toolz", "zict"]
    assert told
    told.clear()
    assert wheels.fill(tmp_path, tell=told.append) == first == wheels.runtime_of(tmp_path)
    assert told == []
    monkeypatch.setattr(parts, "pins", lambda _: ("zict==1",))
    assert wheels.fill(tmp_path).digest != first.digest
    assert len(list(tmp_path.iterdir())) == 2


def test_it_says_what_to_type_where_it_is_empty(small, tmp_path):
    with pytest.raises(Refusal, match="orchestrator controller wheels --for linux-aarch64"):
        wheels.runtime_of(tmp_path, "linux-aarch64")


def test_what_cannot_be_had_leaves_nothing(small, tmp_path, monkeypatch):
    said = "ERROR: Could not find a version that satisfies the requirement zict==0\n"
    done = subprocess.CompletedProcess((), 1, "", said)
    monkeypatch.setattr(wheels.subprocess, "run", lambda *_, **__: done)
    with pytest.raises(Refusal, match=r"zict==0; is a package index reachable"):
        wheels.fill(tmp_path, "darwin-arm64")
    assert [each.name[:4] for each in tmp_path.iterdir()] == ["own-"]


def test_packed_again_it_is_what_is_installed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = repack("zict", tmp_path / "a"), repack("zict", tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as wheel:
        names = wheel.namelist()
        assert "zict/__init__.py" in names
        assert not [
            name for name in names if name.endswith((".pyc", "INSTALLER", "direct_url.json"))
        ]
        version = metadata.version("zict")
        record = wheel.read(f"zict-{version}.dist-info/RECORD").decode().splitlines()
        assert len(record) == len(names)


def test_what_cannot_be_packed_says_why(tmp_path, monkeypatch):
    for text, why in {
        "": "what it was made for",
        "Tag: cp311-cp311-linux_x86_64": "machine",
    }.items():
        installed = SimpleNamespace(read_text=lambda _, text=text: text)
        with pytest.raises(NotWhole, match=why):
            repacking._tags(installed)
    zict = metadata.distribution("zict")
    file = next(file for file in zict.files if file.name == "__init__.py")
    file.hash.value = "changed"
    changed = SimpleNamespace(files=[*zict.files, file], read_text=zict.read_text)
    monkeypatch.setattr(metadata, "distributions", lambda name: [changed])
    with pytest.raises(NotWhole, match="was changed after it was installed"):
        repack("zict", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_a_build_left_in_a_source_folder_is_not_what_is_installed(tmp_path, monkeypatch):
    left = tmp_path / "zict.egg-info"
    left.mkdir()
    (left / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: zict\nVersion: 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert metadata.version("zict") == "0"
    assert installed("zict").version != "0"


def test_source_is_known_by_its_files_alone(tmp_path):
    for name in ("setup.py", "plugin/__init__.py", "tests/x.py", ".git/config", "venv/pyvenv.cfg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    before = sources.stamp(tmp_path)
    (tmp_path / "tests" / "y.py").write_text("")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "z.py").write_text("")
    assert sources.stamp(tmp_path) == before
    (tmp_path / "plugin" / "__init__.py").write_text("1")
    assert sources.stamp(tmp_path) != before


def test_source_that_does_not_build_says_why(tmp_path, monkeypatch):
    (tmp_path / "source").mkdir()
    done = subprocess.CompletedProcess((), 1, "…\nERROR: no build file\n")
    monkeypatch.setattr(sources, "_run", lambda _: done)
    with pytest.raises(Refusal, match="cannot be built for nodes: ERROR: no build file"):
        sources.build("plugin", tmp_path / "source", tmp_path)


def test_our_own_interpreter_is_a_runtime_too():
    runtime = wheels.own_runtime()
    assert runtime == wheels.own_runtime()
    assert runtime.digest.startswith("own-")
    assert runtime.wheels == ()
