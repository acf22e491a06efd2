"""The keys of ``with`` that are Blender's own."""

from __future__ import annotations

from collections.abc import Mapping

_PATH = {"type": "string", "minLength": 1, "maxLength": 4096, "format": "path"}
_NAME = {"type": "string", "minLength": 1, "maxLength": 256}

FORMATS: Mapping[str, tuple[str, ...]] = {
    ".bmp": ("BMP",),
    ".dpx": ("DPX",),
    ".exr": ("OPEN_EXR", "OPEN_EXR_MULTILAYER"),
    ".hdr": ("HDR",),
    ".j2c": ("JP2",),
    ".jp2": ("JP2",),
    ".jpeg": ("JPEG",),
    ".jpg": ("JPEG",),
    ".png": ("PNG",),
    ".rgb": ("IRIS",),
    ".tga": ("TGA", "RAWTGA"),
    ".tif": ("TIFF",),
    ".tiff": ("TIFF",),
    ".webp": ("WEBP",),
}
"""Ending of a frame -> what ``--render-format`` may be for it; the first where no key says."""

MOVIES = ("AVIJPEG", "AVIRAW", "FFMPEG", "MPEG")
"""Formats that are one file, whatever the frames."""

MOVIE_ENDINGS = (".avi", ".flv", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".ogv", ".webm")

KEYS: Mapping[str, object] = {
    "scene": {
        "description": "the .blend file",
        **_PATH,
        "examples": ["/mnt/studio/shots/shot12.blend"],
    },
    "sceneName": {
        "description": "the scene of the file that is rendered; default: its active one",
        **_NAME,
    },
    "engine": {
        "description": "render engine, as `blender -E help` lists them; default: the scene's",
        **_NAME,
        "examples": ["CYCLES", "BLENDER_EEVEE", "BLENDER_WORKBENCH"],
    },
    "format": {
        "description": "of the frames; default: by the destination's ending",
        "enum": sorted({*MOVIES, *(name for names in FORMATS.values() for name in names)}),
    },
    "threads": {
        "description": "of one Blender; 0: one a core, which is the default",
        "type": "integer",
        "minimum": 0,
        "maximum": 1024,
    },
    "autoexec": {
        "description": "whether Python in the file may run: drivers, handlers, scripts",
        "type": "boolean",
        "default": False,
    },
    "ignoreMissing": {
        "description": "whether frames count that lack an image, a library or an add-on",
        "type": "boolean",
        "default": False,
    },
    "factoryStartup": {
        "description": "whether the node's own preferences and add-ons are left out",
        "type": "boolean",
        "default": False,
    },
    "addons": {
        "description": "add-ons to enable beside those of the node's preferences",
        "type": "array",
        "maxItems": 100,
        "items": {"description": "the add-on's module", "type": "string", "pattern": "^[\\w.-]+$"},
    },
    "scripts": {
        "description": "Python files to run when the scene is loaded, before it is rendered",
        "type": "array",
        "maxItems": 100,
        "items": {"description": "one Python file", **_PATH},
    },
}
