"""Lines of Shake's output that say what went wrong; its manual lists none, so they are broad."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.api import Cause, Trouble

_NOT = r"(?:no|not|cannot|can't|can not|couldn't|could not|unable|failed|failure|denied|expired)"

_LINES = (
    Trouble(
        line=rf"\b{_NOT}\b.*\blicen[sc]es?\b|\blicen[sc]e\b.*(?:\b{_NOT}\b|\berror\b)",
        says="Shake gets no licence; it waits for one: look at the licence server, or let "
        "`limits.licences` say how many there are",
        cause=Cause.UNREADY,
        fails=False,  # it may have got one from another server
    ),
    Trouble(
        line=r"out of memory|cannot allocate|bad_alloc",
        says="Shake has no memory left; let the node do fewer at once, or lower `cpus`",
    ),
    Trouble(
        line=r"""\b(?:could not|couldn't|cannot|can't|unable to) (?:open|read|find|load) """
        r"""(?:the )?(?:(?:plug-?in|macro|library)\b[ :]*)['"]?(?P<what>[^'"\s]*)""",
        says="Shake does not find the plug-in or macro {what}; install it on every node, or name "
        "its folder in NR_INCLUDE_PATH of the job's `env`",
    ),
    Trouble(
        line=r"""\bfont\b(?:[^'"]*['"])?[: ]*(?P<font>[^'"]*?)['"]?\s(?:was )?not found"""
        r"""|\b(?:could not|cannot|can't) (?:find|load) font:? ['"]?(?P<named>[^'"]*)""",
        says="Shake does not find the font {font}{named}; install it on every node, or name its "
        "folder in NR_FONT_PATH of the job's `env`",
    ),
    Trouble(
        line=r"""(?:undefined|unknown|undeclared) (?:function|variable|macro|identifier)"""
        r"""[ :]*['"]?(?P<what>[^'"\s]*)""",
        says="the script uses {what}, which this Shake does not know; install the macro or plug-in "
        "on every node",
    ),
    Trouble(
        line=r"""\b(?:could not|couldn't|cannot|can't|unable to) (?:open|read|find|load) """
        r"""(?:the )?(?:file|image|script)?[ :]*['"]?(?P<file>[^'"]*?)['"]?[.]?$""",
        says="Shake cannot open {file}; put it where every node sees it under that name",
        unless="ignoreScriptFailures",
    ),
)

TROUBLES = tuple(replace(each, line=f"(?i:{each.line})") for each in _LINES)
"""Large letters and small are alike in them."""
