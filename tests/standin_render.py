"""A frame renderer that does what its scene says; needs nothing but Python.

The scene is JSON: frame -> how it goes wrong (missing, cut, black, small, late), and ``code``, the
exit code.  With ``times`` it goes wrong only so often a segment.  Each start is a line in the file
``SCENE.starts``.
"""

import json
import struct
import sys
import zlib
from fractions import Fraction
from pathlib import Path

WIDTH, HEIGHT = 16, 8


def png(frame: Fraction, *, height: int = HEIGHT, is_black: bool = False) -> bytes:
    """Return a picture that no other frame has."""
    shade = b"\0" if is_black else bytes([1 + int(frame * 10) % 250])
    lines = (b"\0" + shade * 3 * WIDTH) * height
    head = struct.pack(">2I5B", WIDTH, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def main(scene: Path, span: list[str], out: str, digits: str) -> int:
    first, last, step = span
    told = json.loads(scene.read_text())
    starts = scene.with_name(f"{scene.name}.starts")
    before = starts.read_text().splitlines() if starts.exists() else []
    with starts.open("a") as file:
        file.write(f"{first}-{last}\n")
    is_bad = before.count(f"{first}-{last}") < told.get("times", 1000)
    has_gone_wrong = False
    frame = Fraction(first)
    while frame <= Fraction(last):
        how = told.get(f"{float(frame):g}", "") if is_bad else ""
        data = png(frame, height=HEIGHT // 2 if how == "small" else HEIGHT, is_black=how == "black")
        has_gone_wrong |= bool(how)
        name = Path(out.replace("#", f"{float(frame + 100 * (how == 'late')):0{digits}g}"))
        if how != "missing":
            name.write_bytes(data[: len(data) // 2] if how == "cut" else data)
        if told.get("layers"):
            layer = name.parent / "depth" / name.name
            layer.parent.mkdir(exist_ok=True)
            layer.write_bytes(data)
            (name.parent / "render.log").write_text("not a frame")
        print(f"Frame {first} {float(frame):g} done", flush=True)
        frame += Fraction(step)
    if has_gone_wrong and told.get("trouble"):
        print(told["trouble"], flush=True)
    return int(told.get("code", 0)) if has_gone_wrong else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:5], *sys.argv[5:]))
