"""What POV-Ray says when something is wrong.  It breaks lines at 80 columns, also within a name."""

from __future__ import annotations

from orchestrator.api import Trouble

TROUBLES: tuple[Trouble, ...] = (
    Trouble(
        line=r"(?:reading from|writing to) '(?P<file>[^']*)' is not permitted",
        says="POV-Ray may not use {file}; permit its folder in povray.conf on that node",
    ),
    Trouble(
        line=r"I/O restriction settings prohibit|IO Restrictions prohibit",
        says="POV-Ray may not use a file; permit its folder in povray.conf on that node",
    ),
    Trouble(
        line=r"Cannot open include file (?P<file>.+?)\.?$",
        says="POV-Ray does not find the include file {file}; name its folder in `library`",
    ),
    Trouble(
        line=r"Cannot open user file (?P<file>.*?)\.?$",
        says="POV-Ray cannot open {file}; put it where every node sees it, and may write it",
    ),
    Trouble(
        line=r"Cannot find file '(?P<file>[^']*)",
        says="POV-Ray does not find {file}; put it where every node sees it, or name its folder in "
        "`library`",
        fails=False,
    ),
    Trouble(
        line=r"Cannot find image file|Cannot open (?:input|font) file",
        says="POV-Ray does not find the scene, or an image or font of it; the log names it",
        fails=False,
    ),
    Trouble(
        line=r"Your scene file requires POV-Ray version (?P<version>[\d.]+)",
        says="the scene wants POV-Ray {version} or later; install that on the nodes",
    ),
    Trouble(
        line=r"Parse halted by #error directive: (?P<words>.*)",
        says="the scene stopped itself: {words}",
    ),
    Trouble(
        line=r"Could not allocate memory|[Oo]ut of memory|std::bad_alloc",
        says="POV-Ray found no memory; run fewer at once (instances), or render smaller",
    ),
    Trouble(line=r"(?<!Possible )Parse Error: (?P<what>.*)", says="POV-Ray cannot parse: {what}"),
    Trouble(line=r"Possible Parse Error: (?P<what>.*)", says="POV-Ray says: {what}", fails=False),
    Trouble(
        line=r"Failed to parse command-line option|Problem with option setting",
        says="POV-Ray does not know one of its options; see `options`, and its first lines in the log",
    ),
)
