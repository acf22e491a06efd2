"""ffmpeg as a child: its progress reduced to a line, its words kept, its end explained."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from orchestrator.api import Cause
from orchestrator_compressor.work.trouble import Trouble, unready

TAIL_LINES = 40  #: of its stderr, kept for the sentence
LINE_CHARS_MAX = 2000  #: a longer line is cut: a log is not a place for data
OURS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,mpegts,mpeg,mxf"  #: demuxers of what we write
#: What the reading half of ffmpeg says: demuxer, decoder; never an encoder's chatter.
READER = r"\[(?:[va]?ist#|in#|dec:|demux)|corrupt decoded frame|Error while decoding"
#: What a decoder says after a jump into the middle, of pictures that refer to what it skipped.
#: They stand before the cut and are thrown away; one that is shown is flagged "corrupt" besides.
JUMP_NOISE = re.compile(
    r"mmco: unref short failure|co located POCs unavailable|illegal short term buffer"
    r"|[Mm]issing reference picture|reference picture missing|number of reference frames"
    r"|Could not find ref with POC|Error constructing the frame RPS|first frame is no keyframe"
)
DECODERS = {"av1": "(?:lib)?(?:dav1d|av1)"}  #: codec -> pattern of decoders called otherwise
OPENING = re.compile(r"Error opening input|moov atom not found|Error during demuxing")
FULL = re.compile(r"No space left on device|Disk quota exceeded")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a child came to its end."""

    code: int  #: negative: the signal that ended it
    frames: int  #: the last number its progress told
    seconds: float
    tail: tuple[str, ...]  #: the last lines of its stderr
    reader_lines: int  #: how many lines its demuxer and decoder complained in
    first_reader_line: str = ""


class Child:
    """A running ffmpeg.  Its stderr is passed through; stdin is ``/dev/null``."""

    def __init__(self, words: Sequence[str], *, codec: str = "", label: str = "frame") -> None:
        """Start it; `codec` is the source's, or several, whose decoders' lines are counted.

        `label` stands before the number of frames in its progress lines.

        Raises Trouble if the program cannot be started.
        """
        named = (
            DECODERS.get(each, f"{re.escape(each)}(?:float)?") for each in codec.split(",") if each
        )
        own = "".join(rf"|^\[{each} @" for each in named)
        self._reader = re.compile(READER + own)
        self._jumps = "-ss" in words
        self._label = label
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._lines = 0
        self._first = ""
        self._frames = 0
        self._start = time.monotonic()
        try:
            self._process = subprocess.Popen(
                list(words),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            sentence = f"{words[0]}: cannot be started: {error.strerror}; apply installs it again"
            raise Trouble(sentence, Cause.UNREADY) from error
        self._threads = (
            threading.Thread(target=self._read_errors, args=(self._process.stderr,), daemon=True),
            threading.Thread(target=self._read_progress, args=(self._process.stdout,), daemon=True),
        )
        for thread in self._threads:
            thread.start()

    def finish(self) -> Ended:
        """Wait for it and return how it ended."""
        code = self._process.wait()
        for thread in self._threads:
            thread.join()
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        return Ended(
            code=code,
            frames=self._frames,
            seconds=time.monotonic() - self._start,
            tail=tuple(self._tail),
            reader_lines=self._lines,
            first_reader_line=self._first,
        )

    def _read_errors(self, stream: IO[str]) -> None:
        for line in stream:
            text = line.rstrip()[:LINE_CHARS_MAX]
            if not text:
                continue
            print(text, file=sys.stderr, flush=True)
            self._tail.append(text)
            if self._is_complaint(text):
                self._lines += 1
                self._first = self._first or text

    def _is_complaint(self, line: str) -> bool:
        """Whether demuxer or decoder complain of the source; encoders chat, and jumps are noisy."""
        if not self._reader.search(line) or (self._jumps and JUMP_NOISE.search(line)):
            return False
        # where ffmpeg prints levels, a warning is none; but that a frame is corrupt comes as one
        is_mild = "[warning]" in line or "[info]" in line
        return not is_mild or "corrupt decoded frame" in line

    def _read_progress(self, stream: IO[str]) -> None:
        """Print ``frame=N fps=F`` when N has changed, for sound ``time=S``; nothing else."""
        block: dict[str, str] = {}
        shown = ""
        for line in stream:
            key, _, value = line.strip().partition("=")
            block[key] = value.strip()
            if key != "progress":
                continue
            self._frames = int(block["frame"]) if block.get("frame", "").isdigit() else self._frames
            text = _progress(block, self._label)
            if text and text.partition(" fps=")[0] != shown:
                shown = text.partition(" fps=")[0]
                print(text, flush=True)


def run(words: Sequence[str], *, codec: str = "", label: str = "frame") -> Ended:
    """Run `words` to their end."""
    return Child(words, codec=codec, label=label).finish()


def decode_words(path: Path, ffmpeg: str, threads: int) -> list[str]:
    """Return the words that decode a file of ours and keep nothing.

    A program of its own rather than PyAV: as fast, it tells every error, and cannot harm us.
    """
    return [
        *(ffmpeg, "-hide_banner", "-nostdin", "-v", "error", "-nostats", "-progress", "pipe:1"),
        *("-threads", str(threads), "-protocol_whitelist", "file"),
        *("-format_whitelist", OURS, "-i", f"file:{path.absolute()}"),
        # the clock of the file: on the grid of an average rate, frames of a VFR file would collide
        *("-map", "0:v:0", "-fps_mode", "passthrough", "-enc_time_base", "demux"),
        *("-f", "null", "-"),
    ]


def trouble(ended: Ended, source: str, what: str) -> Trouble:
    """Return what a child that ended with another code than 0 means.

    `source` is the file it read, `what` the part of it, for the sentence.
    """
    last = bare(ended.tail[-1]) if ended.tail else "it said nothing"
    text = "\n".join(ended.tail)
    if FULL.search(text):
        return unready(Path.cwd())
    if OPENING.search(text):
        return Trouble(f"{source}: cannot be opened: {_opening(ended)}", Cause.SOURCE)
    if ended.reader_lines and ended.code > 0:
        reason = bare(ended.first_reader_line)
        return Trouble(f"{source}: {what} cannot be decoded: {reason}", Cause.SOURCE)
    if ended.code < 0:
        name = signal.Signals(-ended.code).name
        sentence = f"ffmpeg was ended by {name} after {ended.frames} frames of {what}"
        return Trouble(sentence, Cause.CRASHED)
    return Trouble(f"ffmpeg ended with code {ended.code} in {what}: {last}")


def bare(line: str) -> str:
    """Return a line of ffmpeg without its contexts and their addresses."""
    return re.sub(r"^(?:\[[^\]]* @ 0x[0-9a-f]+\] ?)+", "", line)


def _opening(ended: Ended) -> str:
    hits = [line for line in ended.tail if OPENING.search(line)]
    return bare(hits[0])


def _progress(block: dict[str, str], label: str) -> str:
    if block.get("frame", "").isdigit():
        return f"{label}={block['frame']} fps={block.get('fps', '0')}"
    time_us = block.get("out_time_us", "")
    return f"time={int(time_us) / 1e6:.3f}" if time_us.isdigit() else ""
