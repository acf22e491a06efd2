"""Lines that Maya and its renderers print when something is wrong, and what they mean.

Licences first: nothing that comes after a refused one says more.
"""

from __future__ import annotations

from dataclasses import replace

from orchestrator.api import Cause, Trouble

_FLEX = {
    "-4": "all of them are in use",
    "-5": "the server has no such licence",
    "-9": "it is for another computer",
    "-10": "it has expired",
    "-15": "the licence server does not answer",
    "-18": "the server does not have this product's licences",
    "-96": "the licence server is down, or its name is wrong",
    "-97": "the vendor's daemon on the licence server is down",
}
_WAITS = "it waits for a licence"


def _flex(code: str, meaning: str) -> Trouble:
    line = rf"(?:flex|licen[sc])[^-\d]*(?:error|code|fail)[^-\d]*{code}(?!\d)"
    return Trouble(
        line=line,
        says=f"no licence (FlexLM {code}: {meaning}); {_WAITS}",
        cause=Cause.UNREADY,
        fails=False,  # it may have got one from another server
    )


LICENCES = (
    *(_flex(code, meaning) for code, meaning in _FLEX.items()),
    Trouble(
        line=r"rendering with watermarks|\[clm[^]]*\].*error|could not initialize license"
        r"|\[(?:rlm|network)\].*(?:error|fail|denied)|arnold.*licen[sc]e.*(?:fail|error|not)",
        says=f"Arnold gets no licence, and would render with a watermark; {_WAITS}",
        cause=Cause.UNREADY,
    ),
    Trouble(
        line=r"could not obtain a license|v-ray.*(?:no|invalid) licen[sc]e"
        r"|v-ray.*licen[sc]e.*(?:fail|error)",
        says=f"V-Ray gets no licence; {_WAITS}",
        cause=Cause.UNREADY,
    ),
    Trouble(
        line=r"maxon licensing error|redshift.*licen[sc]e.*(?:fail|error|not)",
        says=f"Redshift gets no licence; {_WAITS}",
        cause=Cause.UNREADY,
    ),
    Trouble(
        line=r"licen[sc]e was not obtained|could not get a licen[sc]e|flexlm error"
        r"|\blicensing (?:error|fail)|licen[sc]e.*(?:denied|not available|checkout (?:error|fail))",
        says=f"Maya gets no licence; {_WAITS}: look at the licence server, or let "
        "`limits.licences` say how many there are",
        cause=Cause.UNREADY,
        fails=False,
    ),
)

SCENE = (
    Trouble(
        line=r"out of memory|bad_alloc|not enough (?:storage|memory) is available"
        r"|memory exception thrown",
        says="Maya has no memory left; let the node do fewer renders at once, or lower the "
        "scene's texture and tile sizes",
    ),
    Trouble(
        line=r"cannot open project[ :'\"]*(?P<project>[^'\"]*)",
        says="Maya cannot open the project {project}; put it where every node sees it",
    ),
    Trouble(
        line=r"(?:cannot load scene|scene was not loaded properly|could not open file\. ?:"
        r"|error reading file\. ?:)[ '\"]*(?P<file>[^'\"]*)",
        says="Maya cannot load the scene {file}; open it in Maya once on such a node",
    ),
    Trouble(
        line=r"camera ['\"]?(?P<camera>[\w:|]*)['\"]? does not exist",
        says="the scene has no camera {camera}; correct `camera`",
    ),
    Trouble(
        line=r"does not have any renderable cameras|no render camera found",
        says="the scene has no renderable camera; name one in `camera`",
    ),
    Trouble(
        line=r"usage: (?:\./)?Render\b|invalid flag|cannot parse command line",
        says="Maya does not know one of the words; look at `options` and `renderer`",
    ),
)

PLUGINS = (
    Trouble(
        line=r"plug-?in,? ['\"]?(?P<plugin>[\w.-]+)['\"]?,? (?:was |is )?not "
        r"(?:found|available|loaded|installed)",
        says="Maya's plug-in {plugin} is missing; install it on every node, or set "
        "MAYA_PLUG_IN_PATH in the job's `env`",
        unless="ignorePluginErrors",
    ),
    Trouble(
        line=r"error: .*(?:could not load|cannot load|error loading|failed to load|"
        r"unable to (?:load|dynamically load)) *:? ?(?P<what>.*)",
        says="Maya could not load {what}; install it on every node",
        unless="ignorePluginErrors",
    ),
    Trouble(
        line=r"unknown node type|unrecognized node type ['\"]?(?P<node>\w*)"
        r"|preserving unknown node type",
        says="the scene has nodes of a plug-in that is missing {node}; install it on every node",
        unless="ignorePluginErrors",
    ),
    Trouble(
        line=r"(?:cannot|could not|can't) find procedure \"?(?P<name>[^\".]*)",
        says="Maya lacks the procedure {name} of a plug-in or script; install it on every node",
        unless="ignorePluginErrors",
    ),
    Trouble(
        line=r"(?P<what>mental ray (?:has stopped|startup failed) with errors"
        r"|\[mtoa\] failed batch render|rman fatal|3dl error|fatal error|"
        r"frame rendering aborted|rendering was internally aborted|"
        r"an exception has occurred, rendering aborted)",
        says="the renderer gave up ({what}); its log says why",
        unless="ignorePluginErrors",
    ),
)

_MISSING = (
    "Maya does not find {file}; put it where every node sees it under that name, or set "
    "ignoreMissingFiles"
)
_NAME = r"(?P<file>[^'\"]*[/.][^'\"]*?)"

FILES = (
    Trouble(
        line=r"(?:could not|cannot|can't|failed to|unable to) (?:open|find|read|locate) (?:the )?"
        r"(?:(?:texture|image|reference|cache|iff) )?(?:file\b)?(?: for reading)?[ :'\"]*"
        + _NAME
        + r"['\"]?[.]?$",
        says=_MISSING,
        unless="ignoreMissingFiles",
    ),
    Trouble(
        line=rf"(?:texture|image|reference|file) ['\"]?{_NAME}['\"]? "
        r"(?:(?:does not|do not|doesn't) exist|(?:was |is )?(?:not found|missing))",
        says=_MISSING,
        unless="ignoreMissingFiles",
    ),
)

TROUBLES = tuple(
    replace(each, line=f"(?i:{each.line})") for each in (*LICENCES, *SCENE, *PLUGINS, *FILES)
)
"""Large letters and small are alike in them."""
