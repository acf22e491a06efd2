"""The compressor's node side, driven by hand: each verb in a folder and process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import av
from media import FFMPEG

from orchestrator_compressor import table

SUFFIX = {"libsvtav1": ".mp4", "libvpx-vp9": ".mp4", "ffv1": ".mkv", "utvideo": ".mkv"}


@dataclass
class Done:
    """One attempt that has ended."""

    folder: Path
    code: int
    result: dict[str, Any]
    out: str
    err: str


@dataclass
class Pipeline:
    """A source on its way through all verbs."""

    root: Path
    source: Path
    encoder: Sequence[str]  #: ``-c:v`` and all that follows
    threads: int = 1
    done: Any = None
    facts: dict[str, Any] = field(default_factory=dict)
    output: Mapping[str, str] = field(default_factory=lambda: {"kind": "source"})
    numbers: Any = field(default_factory=lambda: count(1))

    def verb(self, verb: str, data: Mapping[str, object], *words: str, code: int = 0) -> Done:
        """Run a verb; anything else than exit code `code` fails the test."""
        folder = self.root / f"a{next(self.numbers):06d}"
        folder.mkdir(parents=True)
        (folder / "input.json").write_text(json.dumps(data))
        tail = ["--", *(word.replace("ATTEMPT", str(folder)) for word in words)] if words else []
        done = subprocess.run(
            [sys.executable, "-m", "orchestrator_compressor.work", verb, *tail],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{verb}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        result = json.loads((folder / "result.json").read_text())
        return Done(folder, done.returncode, result, done.stdout, done.stderr)

    def probe(self, code: int = 0, **more: object) -> Done:
        done = self.verb("probe", {"source": str(self.source), "ffmpeg": FFMPEG, **more}, code=code)
        if not code:
            self.facts = done.result
            self.probed = done.folder
        return done

    @property
    def table(self) -> table.Table:
        return table.load((self.probed / "index.bin").read_bytes())

    @property
    def named(self) -> dict[str, str]:
        return {
            "path": str(self.probed / "index.bin"),
            "sha256": self.facts["table"]["sha256"],
        }

    @property
    def suffix(self) -> str:
        return SUFFIX.get(self.encoder[1], ".mov")

    def encode(self, a: int, b: int, *, filters: str = "", code: int = 0, **more: object) -> Done:
        """Encode frames [a, b) by Recipe R."""
        name = f"segment{self.suffix}"
        data = {
            "source": str(self.source),
            "fingerprint": self.facts["fingerprint"],
            "segment": [a, b],
            "file": name,
            "ffmpeg": FFMPEG,
            "threads": self.threads,
            "mode": self.facts["table"]["mode"],
            "codec": self.facts["video"]["codec"],
            "table": self.named,
            **more,
        }
        return self.verb("encode", data, *self.recipe(a, b, filters, f"ATTEMPT/{name}"), code=code)

    def recipe(self, a: int, b: int, filters: str, out: str) -> list[str]:
        times = self.table
        end = f":end_pts={times.pts[b]}" if b < len(times.pts) else ""
        chain = [f"trim=start_pts={times.pts[a]}{end}", filters, "setpts=PTS-STARTPTS"]
        threads = ["-threads", str(self.threads)]
        return [
            *(FFMPEG, "-hide_banner", "-nostdin", "-y", "-v", "error", "-xerror"),
            *("-progress", "pipe:1", "-nostats", *threads, "-filter_threads", "1"),
            *(*times.seek(a), "-copyts", *self.guards, "-i", f"file:{self.source}"),
            *("-map", f"0:{self.facts['video']['index']}"),
            *("-vf", ",".join(part for part in chain if part)),
            *("-fps_mode", "passthrough", "-enc_time_base", "filter", *self.encoder, *threads),
            *("-an", "-sn", "-dn", "-write_tmcd", "0"),
            *("-video_track_timescale", str(times.tb.denominator), out),
        ]

    @property
    def guards(self) -> list[str]:
        return ["-protocol_whitelist", "file", "-format_whitelist", self.facts["format"]]

    def segments(self, cuts: Sequence[int], **more: Any) -> list[dict[str, Any]]:
        """Encode all segments between the cuts; what assemble and verify are told of them."""
        edges = [0, *cuts, len(self.table.pts)]
        return [self.record(self.encode(a, b, **more), a, b) for a, b in pairwise(edges)]

    def record(self, done: Done, a: int, b: int) -> dict[str, Any]:
        return {"path": str(done.folder / done.result["file"]), "a": a, "b": b, **done.result}

    def audio(self, code: int = 0, **more: object) -> Done:
        facts = self.facts["audio"][0]
        data = {
            "source": str(self.source),
            "fingerprint": self.facts["fingerprint"],
            "file": "audio.m4a",
            "expect": {"samples": facts["samples"], "rate": facts["rate"], "codec": "aac"},
            **more,
        }
        words = [
            *(FFMPEG, "-hide_banner", "-nostdin", "-y", "-v", "error", "-xerror"),
            *("-progress", "pipe:1", "-nostats", "-copyts", *self.guards),
            *("-i", f"file:{self.source}", "-map", f"0:{facts['index']}"),
            *("-af", "asetpts=PTS-STARTPTS", "-vn", "-c:a", "aac", "-b:a", "96k"),
            "ATTEMPT/audio.m4a",
        ]
        return self.verb("audio", data, *words, code=code)

    def starts(self) -> tuple[Fraction, Fraction | None]:
        """Return where picture and sound start in the final file: vo and ao."""
        times = self.table
        video = times.pts[0] * times.tb
        sounds = self.facts["audio"]
        sound = Fraction(sounds[0]["start"]) if sounds else None
        first = video if sound is None else min(video, sound)
        return video - first, None if sound is None else sound - first

    def assemble(
        self,
        segments: Sequence[Mapping[str, Any]],
        sound: Done | None = None,
        container: str = "mov",
        code: int = 0,
    ) -> Done:
        final, video = f"final.{container}", f"video{self.suffix}"
        vo, ao = self.starts()
        audio = None
        extra: list[str] = []
        if sound is not None:
            path = str(sound.folder / sound.result["file"])
            audio = {"path": path, "sha256": sound.result["sha256"]}
            extra = ["-itsoffset", f"{float(ao or 0):.6f}", "-i", f"file:{path}"]
        data = {
            "table": self.named,
            "output": self.output,
            "segments": segments,
            "video": video,
            "audio": audio,
            "final": final,
        }
        words = [
            *(FFMPEG, "-hide_banner", "-nostdin", "-y", "-v", "error", "-xerror"),
            *("-progress", "pipe:1", "-nostats", "-copyts"),
            *("-itsoffset", f"{float(vo):.6f}", "-i", f"file:ATTEMPT/{video}", *extra),
            *("-map", "0:v", *(["-map", "1:a"] if sound else []), "-c", "copy"),
            *(["-movie_timescale", "90000"] if container in {"mov", "mp4"} else []),
            *("-bitexact", f"ATTEMPT/{final}"),
        ]
        return self.verb("assemble", data, *words, code=code)

    def verify(
        self,
        final: Done,
        segments: Sequence[Mapping[str, Any]],
        sound: Done | None = None,
        code: int = 0,
        **expect: object,
    ) -> Done:
        vo, ao = self.starts()
        video = {key: self.facts["video"][key] for key in ("width", "height")}
        audio = None
        if sound is not None:
            audio = {key: sound.result[key] for key in ("codec", "rate", "channels", "samples")}
            audio["start"] = str(ao)
        path = final.folder / final.result["file"]
        data = {
            "file": str(path),
            "sha256": final.result["sha256"],
            "container": path.suffix[1:],
            "table": self.named,
            "output": self.output,
            "segments": segments,
            "expect": {"video": {**video, "start": str(vo), **expect}, "audio": audio},
            "source": str(self.source),
            "fingerprint": self.facts["fingerprint"],
            "ffmpeg": FFMPEG,
        }
        return self.verb("verify", data, code=code)

    def publish(self, final: Done, destination: Path, code: int = 0, **more: object) -> Done:
        data = {
            "file": str(final.folder / final.result["file"]),
            "sha256": final.result["sha256"],
            "destination": str(destination),
            "attempt": "7f3a01-000001",
            "ifExists": "fail",
            "source": str(self.source),
            "fingerprint": self.facts["fingerprint"],
            **more,
        }
        return self.verb("publish", data, code=code)

    def single(self, cuts: Sequence[int] = (), filters: str = "") -> Path:
        """Encode all of it at once, by the same chain; the oracle."""
        path = self.root / f"single{self.suffix}"
        words = self.recipe(0, len(self.table.pts), filters, str(path))
        if cuts:
            keys = "+".join(f"eq(n,{cut})" for cut in cuts)
            words[-1:-1] = ["-force_key_frames", f"expr:{keys}"]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return path


def packet_hashes(path: Path) -> list[str]:
    """Return the hash of each packet, in the order they are shown."""
    return _framemd5(path, "-c", "copy")


def frame_hashes(path: Path) -> list[str]:
    """Return the hash of each decoded frame, in the order they are shown."""
    return _framemd5(path, "-fps_mode", "passthrough")


def times(path: Path) -> list[Fraction]:
    """Return when each frame is shown, in seconds from the first, exactly."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        pts = sorted(p.pts for p in container.demux(stream) if p.size and not p.is_discard)
        return [(each - pts[0]) * stream.time_base for each in pts]


def _framemd5(path: Path, *words: str) -> list[str]:
    done = subprocess.run(
        [FFMPEG, "-v", "error", "-i", str(path), "-map", "0:v:0", *words, "-f", "framemd5", "-"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = [line.split(",") for line in done.stdout.splitlines() if not line.startswith("#")]
    return [row[-1].strip() for row in sorted(rows, key=lambda row: int(row[2]))]
