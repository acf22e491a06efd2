"""Kinds of images, by their first bytes: a file is never opened as anything that it may claim."""

from __future__ import annotations

from collections.abc import Mapping

MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "mjpeg"),
    (b"\x76\x2f\x31\x01", "exr"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"SDPX", "dpx"),
    (b"XPDS", "dpx"),
    (b"BM", "bmp"),
    (b"8BPS", "psd"),
    (b"\x01\xda", "sgi"),
    (b"#?", "hdr"),
    (b"qoif", "qoi"),
    (b"\0\0\0\x0cjP  ", "jpeg2000"),
    (b"\xff\x4f\xff\x51", "jpeg2000"),
    (b"P7\n", "pam"),
    (b"P1", "pbm"),
    (b"P4", "pbm"),
    (b"P2", "pgm"),
    (b"P5", "pgm"),
    (b"P3", "ppm"),
    (b"P6", "ppm"),
    (b"PF", "pfm"),
    (b"Pf", "pfm"),
)
"""First bytes -> the decoder's name."""

NAMES: Mapping[str, str] = {
    "mjpeg": "JPEG",
    "exr": "OpenEXR",
    "targa": "Targa",
    "hdr": "Radiance",
    "jpeg2000": "JPEG 2000",
    "webp": "WebP",
}
"""What people call a kind, if not by its decoder's name in capitals."""

ENDINGS: Mapping[str, frozenset[str]] = {
    ".png": frozenset({"png"}),
    ".jpg": frozenset({"mjpeg"}),
    ".jpeg": frozenset({"mjpeg"}),
    ".exr": frozenset({"exr"}),
    ".tif": frozenset({"tiff"}),
    ".tiff": frozenset({"tiff"}),
    ".dpx": frozenset({"dpx"}),
    ".tga": frozenset({"targa"}),
    ".targa": frozenset({"targa"}),
    ".bmp": frozenset({"bmp"}),
    ".psd": frozenset({"psd"}),
    ".sgi": frozenset({"sgi"}),
    ".rgb": frozenset({"sgi"}),
    ".rgba": frozenset({"sgi"}),
    ".hdr": frozenset({"hdr"}),
    ".webp": frozenset({"webp"}),
    ".jp2": frozenset({"jpeg2000"}),
    ".qoi": frozenset({"qoi"}),
    ".ppm": frozenset({"ppm", "pgm", "pbm"}),
    ".pgm": frozenset({"pgm"}),
}
"""What a file with such a name holds."""

OTHERS: Mapping[str, bytes] = {".iff": b"FOR", ".cin": b"\x80\x2a\x5f\xd7"}
"""How files of kinds begin that no decoder here knows."""


def kind_of(head: bytes, ending: str) -> str:
    """Return the decoder of a file by how it begins; empty: there is none."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    found = next((kind for magic, kind in MAGIC if head.startswith(magic)), "")
    return found or ("targa" if "targa" in ENDINGS.get(ending, ()) else "")


def misnamed(head: bytes, ending: str) -> str:
    """Say what is wrong with a file of such a name that begins so; empty: nothing is."""
    kind, wanted = kind_of(head, ending), ENDINGS.get(ending)
    if wanted and kind not in wanted:
        names = " or ".join(sorted(called(each) for each in wanted))
        return f"is no {names} image" + (f" but {called(kind)}" if kind else "")
    if ending in OTHERS and not head.startswith(OTHERS[ending]):
        return f"is no {ending} image"
    return ""


def called(kind: str) -> str:
    """Return what people call a kind."""
    return NAMES.get(kind, kind.upper())
