"""A wheel of what is installed here, packed again from its record: the same files, no index."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.metadata as metadata
import io
import zipfile
from email.parser import HeaderParser
from pathlib import Path

_TIME = (2023, 11, 14, 0, 0, 0)  #: of every file, so that the same files are the same wheel
_LEFT_OUT = frozenset({"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"})
_LEVEL = 1  #: a third of the time of the usual 6, and 5 % larger


class NotWhole(Exception):
    """A distribution is not as its record says, or cannot be used on another machine."""


def repack(name: str, folder: Path) -> Path:
    """Write the wheel of an installed distribution into `folder`; raises NotWhole, OSError."""
    distribution = installed(name)
    files = [file for file in distribution.files or () if _belongs(file)]
    info = next((file.parent for file in files if file.name == "WHEEL"), None)
    if info is None:
        raise NotWhole("it has no record of its files")
    tags = _tags(distribution)
    path = folder / f"{str(info).removesuffix('.dist-info')}-{_joined(tags)}.whl"
    part = path.with_suffix(".part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL) as wheel:
            rows = [_add(wheel, file) for file in sorted(files, key=str)]
            record = f"{info}/RECORD"
            _write(wheel, record, _csv([*rows, (record, "", "")]), 0o644)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def installed(name: str) -> metadata.Distribution:
    """Return what pip installed; an ``egg-info`` that a build left in a source folder is not it.

    PackageNotFoundError if there is nothing of that name.
    """
    found = metadata.distributions(name=name)
    whole = next((each for each in found if each.read_text("RECORD") is not None), None)
    return whole or metadata.distribution(name)


def _belongs(file: metadata.PackagePath) -> bool:
    """Whether a file is of the wheel; programs and what pip wrote beside it are made again."""
    is_inside = file.parts[0] != ".." and not file.is_absolute()
    is_ours = not (file.parent.name.endswith(".dist-info") and file.name in _LEFT_OUT)
    return is_inside and is_ours and file.suffix != ".pyc"


def _tags(distribution: metadata.Distribution) -> list[str]:
    """Return the tags of the wheel that it was installed from."""
    about = HeaderParser().parsestr(distribution.read_text("WHEEL") or "")
    tags = [str(tag) for tag in about.get_all("Tag") or ()]
    if not tags:
        raise NotWhole("nobody wrote down what it was made for")
    if any(tag.rpartition("-")[2].startswith("linux_") for tag in tags):
        raise NotWhole("it was compiled on this very machine")
    return tags


def _joined(tags: list[str]) -> str:
    """Return tags as the name of a wheel has them."""
    columns = zip(*(tag.split("-") for tag in tags), strict=True)
    return "-".join(".".join(dict.fromkeys(column)) for column in columns)


def _add(wheel: zipfile.ZipFile, file: metadata.PackagePath) -> tuple[str, str, str]:
    """Put a file into the wheel, and return its row of the record; NotWhole if it was changed."""
    try:
        path = Path(str(file.locate()))
        data = path.read_bytes()
        mode = path.stat().st_mode & 0o777
    except OSError as error:
        raise NotWhole(f"{file}: {error.strerror}") from error
    digest = _b64(hashlib.sha256(data).digest())
    if file.hash is not None and file.hash.mode == "sha256" and file.hash.value != digest:
        raise NotWhole(f"{file} was changed after it was installed")
    _write(wheel, file.as_posix(), data, 0o755 if mode & 0o111 else 0o644)
    return file.as_posix(), f"sha256={digest}", str(len(data))


def _write(wheel: zipfile.ZipFile, name: str, data: bytes, mode: int) -> None:
    info = zipfile.ZipInfo(name, _TIME)
    info.external_attr = (0o100000 | mode) << 16
    info.compress_type = zipfile.ZIP_DEFLATED
    wheel.writestr(info, data, compresslevel=_LEVEL)  # with a ZipInfo it forgets the archive's


def _csv(rows: list[tuple[str, str, str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _b64(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
