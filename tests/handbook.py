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


def files(page):
    """Return every block that begins with the name of a file, by that name."""
    found = re.findall(r"^```\w[^\n]*\n(# (\S+\.\w+)\n.*?)^```$", page.read_text(), re.M | re.S)
    return {name: text for text, name in found}


def commands(page, program="orchestrator"):
    """Return each `$ orchestrator …` line with the exit code that its comment names, else 0."""
    lines = re.findall(rf"^\$ ({program} .+?)(?:  +# ends with (\d+).*)?$", page.read_text(), re.M)
    return [(line, int(code or 0)) for line, code in lines]
