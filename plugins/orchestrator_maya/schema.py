"""The keys of a Maya job that are its own."""

from __future__ import annotations

from collections.abc import Mapping

THREADS = 2  #: of a renderer that has a word for it, unless a job says otherwise (F-MAYA-3)

_PATH = {"type": "string", "minLength": 1, "maxLength": 4096, "format": "path"}
_PIXELS = {"type": "integer", "minimum": 1, "maximum": 1_000_000}

KEYS: Mapping[str, object] = {
    "scene": {
        "description": "the scene, .ma or .mb",
        **_PATH,
        "examples": ["/mnt/studio/film/scenes/shot12.mb"],
    },
    "project": {
        "description": "the folder of Maya's project, with its workspace.mel (`-proj`); default: "
        "the one that Maya finds for the scene",
        **_PATH,
        "examples": ["/mnt/studio/film"],
    },
    "renderer": {
        "description": "`-r`: sw, hw, hw2, vr, mr, arnold, vray, redshift or any that "
        "`Render -listRenderers` lists; default file: the one that the scene says",
        "type": "string",
        "pattern": "^[A-Za-z][A-Za-z0-9_]*$",
        "maxLength": 100,
        "default": "file",
    },
    "renderThreads": {
        "description": "threads of one render; default 2. Best is the number of cores with one "
        "instance on a node. For the renderers mr, sw, arnold and vray, which have a word for it",
        "type": "integer",
        "minimum": 1,
        "maximum": 1024,
        "default": THREADS,
    },
    "camera": {
        "description": "the camera to render (`-cam`); default: the scene's renderable one",
        "type": "string",
        "minLength": 1,
        "maxLength": 1000,
        "examples": ["shotCam"],
    },
    "renderLayer": {
        "description": "the one layer to render (`-rl`); a layer is a job, because each has its "
        "own frames; default: as the scene says",
        "type": "string",
        "pattern": "^[A-Za-z_][A-Za-z0-9_:]*$",
        "maxLength": 200,
        "examples": ["beauty"],
    },
    "subfolder": {
        "description": "where Maya puts the frames below the output folder, if the scene has more "
        "than one layer or renderable camera; default: the `renderLayer`, else none",
        "type": "string",
        "pattern": r"^[\w.-]*[\w-](/[\w.-]*[\w-])*$",
        "maxLength": 1000,
        "examples": ["rs_beauty/shotCam"],
    },
    "resolution": {
        "description": "size of the frames; default: the scene's",
        "type": "object",
        "additionalProperties": False,
        "minProperties": 1,
        "properties": {
            "width": {"description": "in pixels (`-x`)", **_PIXELS},
            "height": {"description": "in pixels (`-y`)", **_PIXELS},
            "percent": {
                "description": "of the size, in percent (`-percentRes`)",
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 10_000,
            },
        },
        "examples": [{"width": 1920, "height": 1080}],
    },
    "imageFormat": {
        "description": "the renderer's name for the kind of file (`-of`); default: by the "
        "destination's ending",
        "type": "string",
        "pattern": "^[A-Za-z0-9_]+$",
        "maxLength": 50,
        "examples": ["OpenEXR"],
    },
    "ignorePluginErrors": {
        "description": "whether errors of Maya's plug-ins are ignored where the frames are there; "
        "default false",
        "type": "boolean",
        "default": False,
    },
    "ignoreMissingFiles": {
        "description": "whether frames count that were rendered without a texture or a reference "
        "that Maya did not find; default false",
        "type": "boolean",
        "default": False,
    },
}
