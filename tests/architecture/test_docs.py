"""What is written is true: ids have a row, links lead somewhere, lists say what there is."""

import configparser
import re
import subprocess

import pytest
from handbook import ROOT, blocks, pages

from orchestrator import __version__
from orchestrator.cli.app import VERBS
from orchestrator.manifest.validate import validate
from orchestrator.plugin.manager import Plugins

IDS = re.compile(r"(?<![\w-])(R\d{1,2}|T\d\d|F\d\d|P\d{1,2}|F-[A-Z]+-\d+)(?![\w:-])")
OURS = ("orchestrator", "plugins", "schemas", "tests", "examples", "clusters.d", "docs")
TEXTS = {".py", ".md", ".sql", ".yaml", ".json", ".cfg", ".toml"}
#: Notes that are not in this repository; put together here, so that this file does not name them
ELSEWHERE = [
    *(f"{name}.md" for name in ("design", "features", "transcoding", "reliability", "style")),
    "/".join(("..", "shared")),
    "_".join(("style", "example")),
]


def texts(root):
    """Return each text file of the project with its content."""
    files = [path for name in OURS for path in (root / name).rglob("*")]
    files += [path for path in root.iterdir() if path.suffix in TEXTS or path.name == "Makefile"]
    for path in files:
        hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
        if path.suffix in TEXTS | {""} and path.is_file() and not hidden:
            yield path.relative_to(root), path.read_text(encoding="utf-8", errors="replace")


def test_every_rule_that_is_named_has_a_row(root):
    rows = set(re.findall(r"^\| ([A-Z][\w-]+) \|", (root / "docs/rules.md").read_text(), re.M))
    named = {
        id: str(path)
        for path, text in texts(root)
        if path.suffix in {".py", ".sql", ".md"} and path.name != "test_docs.py"
        for id in IDS.findall(text)
    }
    assert {id: where for id, where in named.items() if id not in rows} == {}


def test_nothing_leans_on_notes_that_are_not_here(root):
    found = [f"{path}: {name}" for path, text in texts(root) for name in ELSEWHERE if name in text]
    assert found == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(root, page):
    text = page.read_text()
    linked = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    named = re.findall(
        r"`((?:orchestrator|plugins|tests|schemas|examples|docs|clusters\.d)/[\w./-]*)`", text
    )
    assert [path for path in linked if not (page.parent / path).exists()] == []
    assert [path for path in named if not (root / path).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_make_targets_that_are_named_exist(root, page):
    there = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.M))
    named = set(re.findall(r"(?:^\$ |`)make ([a-z]+)", page.read_text(), re.M))
    assert named - there == set()


def test_every_library_is_named_with_its_reason(root):
    config = configparser.ConfigParser()
    config.read(root / "setup.cfg")
    needed = {re.split(r"[ <>=]", line)[0] for line in requirements(config)}
    table = (root / "README.md").read_text().partition("## Built on")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| \[?`?([\w.-]+)", table, re.M)) >= needed


def requirements(config):
    return [line for line in config["options"]["install_requires"].splitlines() if line]


def test_every_subcommand_is_shown_in_the_readme(root):
    text = (root / "README.md").read_text()
    assert [verb for verb in VERBS if f"orchestrator {verb}" not in text] == []


def test_changelog_has_this_version(root):
    text = (root / "CHANGELOG.md").read_text()
    assert f"## [{__version__}]" in text or "## [Unreleased]" in text


def test_every_make_target_says_what_it_does(root):
    done = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=True)
    listed = set(re.findall(r"^  make ([a-z]+)", done.stdout, re.M))
    phony = re.search(r"^\.PHONY: (.+)$", (root / "Makefile").read_text(), re.M)
    assert listed == set(phony[1].split())


def shown():
    """Return every YAML document of pages, examples and the clusters that people copy."""
    for page in pages():
        for number, block in enumerate(blocks(page, "yaml"), 1):
            yield pytest.param(block, id=f"{page.name}-{number}")
    for folder in ("examples", "clusters.d"):
        for path in sorted((ROOT / folder).glob("*.yaml")):
            yield pytest.param(path.read_text(), id=path.name)


@pytest.mark.parametrize("text", list(shown()))
def test_yaml_that_is_shown_is_valid(text, tmp_path):
    path = tmp_path / "shown.yaml"
    path.write_text(text)
    plugins = Plugins.installed()
    assert validate([path], plugins.processors, plugins.settings_folders())
