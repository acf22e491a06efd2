"""The pages that people read, and what stands in them to be run."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def pages():
    """Return every page of the project, the README first."""
    inner = [*ROOT.glob("docs/*.md"), *ROOT.glob("plugins/*/*.md")]
    return [*sorted(ROOT.glob("*.md"), key=lambda path: path.name != "README.md"), *sorted(inner)]


def blocks(page, language):
    """Return the fenced blocks of one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


def titled(page, name):
    """Return the block whose first line is the comment `# name`, as a file would be called."""
    return files(page)[name]


def chapter(page, title):
    """Return the text below a heading `## title`, up to the next one."""
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page.read_text(), re.M | re.S)[1]


def files(page):
    """Return every block that begins with the name of a file, by that name."""
    return named_blocks(page.read_text())


def named_blocks(text):
    """Return every block of a text that begins with the name of a file, by that name."""
    found = re.findall(r"^```\w[^\n]*\n(# (\S+\.\w+)\n.*?)^```$", text, re.M | re.S)
    return {name: block for block, name in found}


def commands(text, program="orchestrator"):
    """Return each `$ orchestrator …` line with the exit code that its comment names, else 0."""
    return [(line, code) for _, line, code in typed(text) if line.startswith(f"{program} ")]


def typed(text):
    """Return each line after `$`: what stands before the `$`, the line, its exit code."""
    lines = re.findall(r"^(\w*)\$ (.+?)(?: +# (?:ends with (\d+))?.*)?$", text, re.M)
    return [(where, line, int(code or 0)) for where, line, code in lines]
