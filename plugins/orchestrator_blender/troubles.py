"""What Blender says when something is wrong; often it ends with exit code 0 all the same."""

from __future__ import annotations

from orchestrator.api import Trouble

LOOK = (
    "import bpy, os; "
    '[print("Missing image:", path) for image in bpy.data.images '
    "for path in [os.path.normpath(bpy.path.abspath(image.filepath, library=image.library))] "
    'if image.source == "FILE" and image.users and not image.packed_file '
    "and not os.path.exists(path)]"
)
"""Python that Blender runs once the scene is loaded: of images it misses it says no word itself."""

TROUBLES: tuple[Trouble, ...] = (
    Trouble(
        line=r"Error: Cannot read file '(?P<file>.+)': (?P<why>.*)",
        says="Blender cannot read {file}: {why}; put it where every node sees it",
    ),
    Trouble(
        line=r"Failed to read blend file '(?P<file>.+?)'(?:: |, )(?P<why>.*)",
        says="Blender cannot read {file}: {why}; save it anew, or update the nodes",
    ),
    Trouble(
        line=r"File format is not supported in file '(?P<file>.+)'",
        says="{file} is no file of Blender's, or of a newer one; save it anew, or update the nodes",
    ),
    Trouble(
        line=r"File written by newer Blender binary \((?P<version>[\d.]+)\)",
        says="the scene was saved by a newer Blender ({version}); update the nodes, and "
        "say so in `requires`",
    ),
    Trouble(
        line=r"scripts disabled for .*, skipping '(?P<what>[^']*)'",
        says="Blender did not run the scene's Python ({what}); if you trust it, set autoexec: true",
    ),
    Trouble(
        line=r"skipping driver '(?P<what>.*)'|disallows (?P<other>(?:name|opcode) '[^']*')",
        says="Blender did not run a driver of the scene ({what}{other}); if you trust it, set "
        "autoexec: true",
    ),
    Trouble(
        line=r"Can't find scene: '(?P<name>.*)' in file",
        says="the file has no scene {name}; correct `sceneName`",
    ),
    Trouble(
        line=r"Error: engine not found '(?P<name>.*)'",
        says="this Blender has no engine {name}; `blender -b -E help` lists those it has",
    ),
    Trouble(
        line=r"Error: Format from .* not known or not compiled",
        says="this Blender cannot write such frames; choose another ending, or update the node",
    ),
    Trouble(
        line=r"Cannot render, no camera|No camera found in scene|Scene has no camera",
        says="the scene has no camera; give it an active one",
    ),
    Trouble(
        line=r"Cannot find lib '(?P<file>.+)'",
        says="Blender does not find the library {file}; put it where every node sees it",
        unless="ignoreMissing",
    ),
    Trouble(
        line=r"LIB: (?P<kind>[^:]+): '(?P<name>.*)' missing from '(?P<file>[^']*)'",
        says="{kind} {name} is missing from the library {file}; relink it",
        unless="ignoreMissing",
    ),
    Trouble(
        line=r"Missing image: (?P<file>.*)",
        says="Blender does not find the image {file}; put it where every node sees it, pack it "
        "into the file, or set ignoreMissing: true",
        unless="ignoreMissing",
    ),
    Trouble(
        line=r"No module named '(?P<name>[^']+)'",
        says="Blender does not find the add-on or Python module {name}; install it on the nodes",
        unless="ignoreMissing",
    ),
    Trouble(
        line=r"(?i:out of memory)|[MC]alloc returns null|std::bad_alloc",
        says="Blender found no memory; run fewer at once (instances), or render smaller",
    ),
    Trouble(
        line=r"(?i:(?:cuda|optix|hip|metal|oneapi) error).*|No compatible GPUs? found",
        says="Blender cannot use the GPU of this node; see the log, or render on the CPU",
        fails=False,
    ),
    Trouble(
        line=r"Unable to open a display|Unable to create the OpenGL context",
        says="the engine wants a display or GPU, which this node has not; Cycles renders without",
        fails=False,
    ),
    Trouble(
        line=r"Render error \((?P<why>[^)]*)\) cannot save: '(?P<file>.*)'",
        says="Blender cannot save {file}: {why}",
    ),
    Trouble(
        line=r"Error: script failed, (?P<what>.*), exiting",
        says="a script failed ({what}); its traceback is in the log",
    ),
    Trouble(line=r"^(?P<what>\w+Error: .*)", says="Python says: {what}", fails=False),
    Trouble(line=r"^Error: (?!Python:)(?P<what>.*)", says="Blender says: {what}", fails=False),
)
