"""Props: the small files that filters read, looked at by the probe, and laid out in an attempt's folder.

ffmpeg's words know them by plain names only, so nothing that a person wrote, neither a text nor a
path, is ever read as a filter.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

from orchestrator.api import Cause
from orchestrator_compressor.work.fingerprint import reason
from orchestrator_compressor.work.trouble import Trouble

BYTES_MAX = 64 << 20  #: of one file; each attempt has a copy
DIGEST_CHARS = 16  #: enough to notice a change; the result of a probe is small
FONT = ("font_lato", "files/Lato-Regular.ttf")  #: of the package font-lato
MAGIC: Mapping[str, tuple[bytes, ...]] = {
    "image": (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"),
    "font": (b"\x00\x01\x00\x00", b"OTTO", b"true"),
}
WHAT = {"image": "no PNG or JPEG", "font": "no font", "lut": "no LUT of three dimensions"}
LUT_HEAD_BYTES = 64 << 10


def look(kind: str, path: str) -> str:
    """Return the digest of a file that a setting names.

    Raises Trouble, final, if it cannot be used: before an hour of encoding, not after.
    """
    data = _read(path)
    if kind == "lut":
        is_one = b"LUT_3D_SIZE" in data[:LUT_HEAD_BYTES]
    else:
        is_one = data.startswith(MAGIC[kind])
    if not is_one:
        raise Trouble(f"{path}: is {WHAT[kind]}; name another in the setting", final=True)
    return _digest(data)


def place(wanted: Sequence[Mapping[str, object]]) -> None:
    """Lay out the files that the filters of this attempt read.

    Raises Trouble, final, if one has changed since it was looked at, or is gone.
    """
    for each in wanted:
        Path(str(each["name"])).write_bytes(content(each))


def content(wanted: Mapping[str, object]) -> bytes:
    """Return what a file is to hold: a text, what it is a copy of, or the font that comes with us."""
    if wanted.get("text") is not None:
        return str(wanted["text"]).encode()
    if not wanted.get("path"):
        return resources.files(FONT[0]).joinpath(FONT[1]).read_bytes()
    path = str(wanted["path"])
    data = _read(path)
    if wanted.get("digest") not in {None, _digest(data)}:
        raise Trouble(
            f"{path}: has changed since the job was planned; submit the batch again", final=True
        )
    return data


def _read(path: str) -> bytes:
    """Return what is in a file; a pipe or a device is never opened (T06)."""
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise Trouble(f"{path}: is no regular file; name another in the setting", final=True)
        if status.st_size > BYTES_MAX:
            raise Trouble(f"{path}: is larger than {BYTES_MAX >> 20} MiB; make it smaller")
        return Path(path).read_bytes()
    except OSError as error:
        raise Trouble(f"{path}: {reason(error)}", Cause.SOURCE) from error


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:DIGEST_CHARS]
