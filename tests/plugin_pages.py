"""The parts of docs/plugins.md that are made from the code.  Run as a program, it makes them anew."""

import inspect
import re
import textwrap
from enum import Enum
from pathlib import Path

from orchestrator import api
from orchestrator.frames.processor import FrameProcessor
from orchestrator.frames.renderer import Licensed, Renderer
from orchestrator.plugin import hooks
from orchestrator.plugin.processor import Follows, Processor, Sizes

PAGE = Path(__file__).parents[1] / "docs" / "plugins.md"
WIDE = 130
NAMELESS = {
    "TaskId": "The id of a task: `batch/job/target/segment/kind`, levels that do not apply left out.",
    "Verdict": "What `check` answers: `Accept`, `Reject`, `Again`, `Replan` or `Rework`.",
    "hookimpl": "Marks a function as the plugin's hook of that name.",
}
"""What has no docstring of its own."""

FIELD = re.compile(
    r"^    ([A-Za-z]\w*)(?:: ([^=#\n]+?))?(?: = [^\n]*?)?((?:  #: [^\n]*)?(?:\n    #: [^\n]*)*)$",
    re.M,
)
"""A field or a value in the source of a class, its type, and what is noted of it."""


def filled(text):
    """Return the page with each made part as it would be made now."""
    for name, made in PARTS.items():
        begin, end = f"<!-- {name}: made by tests/plugin_pages.py -->", f"<!-- end of {name} -->"
        assert text.count(begin) == text.count(end) == 1, name
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n\n{made().strip()}\n\n{end}{rest.partition(end)[2]}"
    return text


def names():
    """Return all that a plugin may import, each with what it has."""
    return "\n\n".join(_thing(name, thing) for name, thing in public())


def public():
    """Return each name of the facade with its thing, by name."""
    return sorted((n, t) for n, t in vars(api).items() if not n.startswith("_"))


def hook_texts():
    """Return every hook with its docstring."""
    found = [
        each
        for name, each in vars(hooks).items()
        if inspect.isfunction(each) and name.startswith("orchestrator_")
    ]
    return "\n\n".join(_described(each.__name__, each) for each in found)


def members(protocol):
    """Return every member of a Protocol with its docstring, in the order of the file."""
    own = {name: each for name, each in vars(protocol).items() if not name.startswith("_")}
    found = [
        (name, each.fget if isinstance(each, property) else each) for name, each in own.items()
    ]
    return "\n\n".join(_described(name, each, own[name]) for name, each in found if callable(each))


def _described(name, function, member=None):
    said = _plain(inspect.signature(function))
    if isinstance(member, property):
        said = ": " + said.removeprefix("() -> ")
    return f"**`{name}{said}`**\n\n{_text(inspect.getdoc(function))}"


def _text(doc):
    """Return a docstring as Markdown: what it takes and gives, as a list."""
    doc = _ticked(doc)
    doc = re.sub(r":returns: ", "- gives ", re.sub(r":param (\w+): ", r"- `\1`: ", doc))
    doc = re.sub(r"^(When|Errors): ", r"- *\1*: ", doc, flags=re.M)
    blocks = re.split(r"\n\s*\n|\n(?=- )", doc)
    lines = [_wrapped(" ".join(block.split())) for block in blocks]
    return "\n\n".join(lines).replace("\n\n- ", "\n- ")


def _wrapped(text):
    indent = "  " if text.startswith("- ") else ""
    wide = {"break_long_words": False, "break_on_hyphens": False}
    return "\n".join(textwrap.wrap(text, WIDE, subsequent_indent=indent, **wide))


def _thing(name, thing):
    """Return what is said of a name, and of its members."""
    title = f"{name}{_plain(inspect.signature(thing))}" if inspect.isfunction(thing) else name
    said = NAMELESS.get(name) or inspect.getdoc(thing)
    if thing in (Processor, Renderer, FrameProcessor):
        return f"**`{title}`**\n\n{_ticked(_first(said))}  See above."
    own = list(_members(thing)) if inspect.isclass(thing) and name not in NAMELESS else []
    return "\n".join([f"**`{title}`**\n\n{_text(said)}" + ("\n" if own else ""), *own])


def _members(thing):
    """Yield a line for each field, value, property and method of a class."""
    members = {each.name: each for each in thing} if issubclass(thing, Enum) else {}
    for name, kind, note in FIELD.findall(inspect.getsource(thing)):
        more = " ".join(note.replace("#:", " ").split())
        value = members.get(name)
        shown = f"{name}: {kind}" if value is None else f"{name} = {value.value!r}"
        yield _wrapped(f"- `{shown}`" + (f": {_ticked(more)}" if more else ""))
    for name, each in vars(thing).items():
        function = each.fget if isinstance(each, property) else each
        if inspect.isfunction(function) and not name.startswith("_"):
            signature = "" if isinstance(each, property) else _plain(inspect.signature(function))
            yield _wrapped(f"- `{name}{signature}`: {_ticked(_first(inspect.getdoc(function)))}")


def _plain(signature):
    params = [each for each in signature.parameters.values() if each.name != "self"]
    return str(signature.replace(parameters=params)).replace("'", "")


def _ticked(text):
    """Return text of the code as Markdown; the ids of rules are for who works on the core."""
    text = re.sub(r" \((?:(?:R\d+|[FT]\d+|F-[A-Z]+-\d+),? ?)+\)", "", text)
    return re.sub(r"``(.+?)``", r"`\1`", text, flags=re.S)


def _first(doc):
    """Return the first paragraph of a docstring."""
    return " ".join(doc.partition("\n\n")[0].split())


PARTS = {
    "names": names,
    "hooks": hook_texts,
    "processor": lambda: "\n\n".join(map(members, (Processor, Follows, Sizes))),
    "renderer": lambda: "\n\n".join(map(members, (Renderer, Licensed))),
}

if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
