"""Captions that become part of the pictures: their file, and the font they are drawn with.

Every node must draw the same: the font that this one chooses travels with the captions.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from orchestrator_compressor.beside import BURNED, FONTS
from orchestrator_compressor.captions import KEPT_TAG
from orchestrator_compressor.marks import MILLISECOND, Cue
from orchestrator_compressor.work import fontname
from orchestrator_compressor.work.attempt import write_whole
from orchestrator_compressor.work.trouble import Trouble

CHOSEN = re.compile(r"fontselect: \(.*?\) -> ([^\n]*), (-?\d+), [^\n,]+$", re.MULTILINE)
LACKS = re.compile(r"failed to find any fallback with glyph 0x([0-9A-Fa-f]+)")
USUAL = "Arial"  #: what is asked for first; the node's own choice follows
TRIAL = "trial.ass"
SIZE, MARGIN, OUTLINE = 0.06, 0.05, 0.004  #: parts of the height
LETTERS_MAX = 4000
# Neither italics nor bold by name: another node might have a font for them, and draw otherwise.
TAGS = {"<i>": r"{\fax-0.2}", "</i>": r"{\fax0}", "<u>": r"{\u1}", "</u>": r"{\u0}"}
JOINER = "\u2060"  #: after a backslash: it is one, then, and no command


def make(ffmpeg: str, cues: Sequence[Cue], size: tuple[int, int]) -> None:
    """Write captions and their font for pictures of this size; times of the source's clock.

    Raises Trouble if no font of this computer has all letters.
    """
    letters = sorted({x for cue in cues for x in KEPT_TAG.sub("", cue.text) if x.isprintable()})
    trial = [Cue(start=0, end=10**9, text="".join(letters[:LETTERS_MAX]) or "-")]
    folder = Path(FONTS)
    folder.mkdir(exist_ok=True)
    for path, index in dict.fromkeys(_chosen(ffmpeg, trial, size, USUAL)):
        copied = folder / f"font{Path(path).suffix}"
        shutil.copyfile(path, copied)
        try:
            name = fontname.family(copied, index)
        except ValueError:
            copied.unlink()
            continue
        if not _chosen(ffmpeg, trial, size, name):  # none of the computer's own: ours does it all
            write_whole(Path(BURNED), _file(cues, size, name).encode())
            Path(TRIAL).unlink()
            return
        copied.unlink()
    raise Trouble(
        "captions.burnIn: no single font of this computer has all letters of the captions;"
        " install one, such as DejaVu or Noto"
    )


def _chosen(
    ffmpeg: str, trial: Sequence[Cue], size: tuple[int, int], font: str
) -> list[tuple[str, int]]:
    """Return the computer's own fonts, file and number in it, that this text is drawn with.

    Raises Trouble if a letter is in none.
    """
    write_whole(Path(TRIAL), _file(trial, size, font).encode())
    done = subprocess.run(
        [
            *(ffmpeg, "-hide_banner", "-nostdin", "-v", "info", "-f", "lavfi"),
            *("-i", "color=s=320x180:d=0.04:r=25", "-vf", f"ass=f={TRIAL}:fontsdir={FONTS}"),
            *("-f", "null", "-"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    if lacking := LACKS.search(done.stderr):
        letter = chr(int(lacking[1], 16))
        raise Trouble(
            f"captions.burnIn: no font of this computer has the letter {letter!r}; install one"
        )
    return [(hit[1], int(hit[2])) for hit in CHOSEN.finditer(done.stderr) if hit[1][0] == "/"]


def _file(cues: Sequence[Cue], size: tuple[int, int], font: str) -> str:
    width, height = size
    style = ",".join(
        [
            *("Default", font, f"{height * SIZE:.1f}"),
            *("&H00FFFFFF", "&H00FFFFFF", "&H00000000", "&H00000000", "0", "0", "0", "0"),
            *("100", "100", "0", "0", "1", f"{max(1.0, height * OUTLINE):.1f}", "0", "2"),
            *(f"{width * MARGIN:.0f}", f"{width * MARGIN:.0f}", f"{height * MARGIN:.0f}", "1"),
        ]
    )
    return "".join(
        [
            f"[Script Info]\nScriptType: v4.00+\nPlayResX: {width}\nPlayResY: {height}\n",
            "ScaledBorderAndShadow: yes\nYCbCr Matrix: None\nWrapStyle: 0\n\n[V4+ Styles]\n",
            "Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, ",
            "BackColour, Bold, Italic, Underline, StrikeOut, ScaleX, ScaleY, Spacing, Angle, ",
            "BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding\n",
            f"Style: {style}\n\n[Events]\n",
            "Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n",
            *_events(cues),
        ]
    )


def _events(cues: Sequence[Cue]) -> Iterator[str]:
    for cue in cues:
        times = f"{_clock(cue.start)},{_clock(cue.end or 0)}"
        yield f"Dialogue: 0,{times},Default,,0,0,0,,{_text(cue.text)}\n"


def _text(text: str) -> str:
    tags, rest = KEPT_TAG.findall(text), KEPT_TAG.split(text)
    safe = (
        part.replace("\\", "\\" + JOINER).replace("{", r"\{").replace("\n", r"\N") for part in rest
    )
    return "".join(a + TAGS.get(b, "") for a, b in zip(safe, [*tags, ""], strict=True))


def _clock(time: int) -> str:
    hundredths = round(max(0, time) / (10 * MILLISECOND))
    seconds, hundredths = divmod(hundredths, 100)
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}.{hundredths:02d}"
