"""Media for tests: sources made with ffmpeg, and real files that packages carry.

Both are kept in a cache outside the tree (`ORCHESTRATOR_TEST_CACHE`) and never committed.  A real
file that is not there is no failure: the test is skipped and says which command fetches it.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import imageio_ffmpeg
import pytest

VARIABLE = "ORCHESTRATOR_TEST_CACHE"
FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()

#: Real files: name -> first of its SHA-256 (what each proves: see `docs`)
REAL = {
    "VID_20191220_170832.mp4": "9b0710a4",  # true VFR, a phone's
    "movie-hello.mp4": "68162af4",  # an edit list hides one of 250 packets
    "movie-hello.avi": "eac488b5",  # no times of its own
    "bikes.mp4": "91028f9d",  # B-frames, scene cuts
    "bigbuckbunny.mp4": "f25b31f1",  # one keyframe in 132 frames
    "carphone_pristine.mp4": "1c4add78",
    "carphone_distorted.mp4": "46051a3b",
    "sintel-captions.ts": "b5d95121",  # starts at 9.88 s, captions
    "test-segment.ts": "e099516f",  # the decoder drops the first frame of its sound
}


def cache() -> Path:
    """Return the folder that keeps media from one run of the tests to the next."""
    folder = Path(os.environ.get(VARIABLE) or Path.home() / ".cache" / "orchestrator-tests")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def wheelhouse() -> Path:
    """Return where wheels for nodes are kept: the same code is the same wheels.

    Each of several pytest processes has its own: a controller fills it, and is alone in there.
    """
    return cache() / f"wheels{os.environ.get('PYTEST_XDIST_WORKER', '')}"


def real(name: str) -> Path:
    """Return a real file; skips the test where it has not been fetched."""
    path = cache() / "real" / name
    if not path.exists():
        pytest.skip(f"{name} is not in {path.parent}; to fetch it: python tests/fetch_media.py")
    if not sha256(path).startswith(REAL[name]):
        pytest.skip(f"{path} is another file than the one these tests know; delete it, fetch again")
    return path


def generated(name: str) -> Path:
    """Return a source made by the recipe `name`, made now if the cache lacks it."""
    words = RECIPES[name]()
    digest = hashlib.sha256("\0".join([FFMPEG, *words]).encode()).hexdigest()[:12]
    path = cache() / "generated" / f"{digest}-{name}"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f".{os.getpid()}-{path.name}")
        ffmpeg(*words, str(part))
        part.replace(path)
    return path


def ffmpeg(*words: str) -> str:
    """Run ffmpeg and return what it printed; an error is an error of the test."""
    done = subprocess.run(
        [FFMPEG, "-hide_banner", "-nostdin", "-y", "-v", "error", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stderr}"
    return done.stdout


def said(*words: str) -> str:
    """Run ffmpeg and return what it said; an error is an error of the test."""
    done = subprocess.run(
        [FFMPEG, "-hide_banner", "-nostdin", *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    assert done.returncode == 0, f"{words}\n{done.stderr[-3000:]}"
    return done.stderr


def field_order(path: Path) -> str:
    """Return what the first frame says of its fields: T or B comes first, or P for none."""
    words = ("-i", str(path), "-vf", "showinfo", "-frames:v", "1", "-f", "null", "-")
    return said(*words).partition(" i:")[2][0]


def sha256(path: Path) -> str:
    """Return the hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _picture(seconds: float = 4, rate: str = "25", size: str = "320x180") -> list[str]:
    # noise makes every frame another one, also for an encoder of poor quality
    source = f"testsrc2=s={size}:r={rate}:d={seconds},noise=alls=8:allf=t:all_seed=7"
    return ["-f", "lavfi", "-i", source]


def _sound(seconds: float = 4) -> list[str]:
    # a click at 2 s, silence else: where it is heard is where the sound stands
    click = "if(between(t,2,2.001),0.9,0)"
    return ["-f", "lavfi", "-i", f"aevalsrc='{click}':s=48000:d={seconds}:c=mono"]


def _x264(*params: str, extra: Sequence[str] = ()) -> Callable[[], list[str]]:
    joined = ":".join(params)
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p"]
    return lambda: [*_picture(), *codec, "-x264-params", joined, *extra]


def _flash() -> list[str]:
    """Picture with a white frame at 2 s, where the sound clicks: the two must stay together."""
    flash = "drawbox=t=fill:color=white:enable='between(t,1.999,2.039)'"
    return [
        *(*_picture(), *_sound(), "-map", "0:v", "-map", "1:a", "-vf", flash),
        *("-c:v", "libx264", "-preset", "veryfast", "-g", "12", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-b:a", "96k"),
    ]


def _vfr() -> list[str]:
    return _uneven(_picture(3))


def _uneven(picture: list[str]) -> list[str]:
    steps = "setpts='(N*40+if(mod(N,3),7,0)+if(gt(N,30),300,0))/1000/TB'"
    return [
        *(*picture, "-vf", f"settb=1/90000,{steps}", "-fps_mode", "passthrough"),
        *("-enc_time_base", "filter", "-c:v", "libx264", "-g", "10", "-pix_fmt", "yuv420p"),
        *("-video_track_timescale", "90000"),
    ]


def _edit_listed() -> list[str]:
    """An mp4 cut by stream copy: its first packets are there and hidden by an edit list."""
    return ["-ss", "0.5", "-i", str(generated("open-gop.mp4")), "-c", "copy"]


def _file(name: str, data: str | bytes) -> str:
    """Return the path of a file with this content, for a recipe to read."""
    content = data.encode() if isinstance(data, str) else data
    path = cache() / "generated" / f"{hashlib.sha256(content).hexdigest()[:12]}-{name}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return str(path)


def _subtitles(*cues: tuple[str, str, str]) -> str:
    """A file of cues: seconds from, to, and text."""
    rows = [
        f"{n}\n00:00:0{start} --> 00:00:0{end}\n{text}\n\n"
        for n, (start, end, text) in enumerate(cues)
    ]
    return _file("cues.srt", "".join(rows))


def _chapters(*starts: int, encoding: str = "utf-8") -> str:
    """A file of chapters, by the milliseconds at which they start; each is a second long."""
    rows = [
        f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={start + 1000}\ntitle=From {start}\n"
        for start in starts
    ]
    return _file("chapters.txt", (";FFMETADATA1\ntitle=Ä film\n" + "".join(rows)).encode(encoding))


def _plain() -> list[str]:
    return ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-c:a", "aac"]


def _everything() -> list[str]:
    """All a source can have, five seconds late; the German cues overlap, two of them start at once."""
    english = _subtitles(("1,000", "1,500", "One <i>two</i>"), ("2,250", "3,000", "Three"))
    german = _subtitles(
        ("0,400", "1,100", "Anna"), ("1,100", "2,000", "Bert"), ("1,100", "3,500", "Carl")
    )
    return [
        *(
            *_picture(4, size="160x90"),
            *_sound(4),
            "-i",
            english,
            "-i",
            german,
            "-i",
            _chapters(6000, 7500),
        ),
        *("-map", "0:v", "-map", "1:a", "-map", "2:s", "-map", "3:s"),
        *("-map_metadata", "4", "-map_chapters", "4", *_plain(), "-c:s:1", "srt"),
        *("-output_ts_offset", "5"),
        *("-attach", _file("a.ttf", "a font"), "-metadata:s:t:0", "mimetype=font/ttf"),
        *("-attach", str(generated("cover.jpg")), "-metadata:s:t:1", "mimetype=image/jpeg"),
        *("-metadata:s:t:1", "filename=cover.jpg", "-metadata:s:a:0", "language=deu"),
        *("-metadata:s:s:0", "language=eng", "-metadata:s:s:1", "language=deu"),
        *("-metadata:s:s:1", "title=Deutsch", "-disposition:s:1", "forced"),
    ]


def _timecoded(rate: str, timecode: str) -> Callable[[], list[str]]:
    return lambda: [
        *(*_picture(2, rate=rate, size="160x90"), *_plain(), "-timecode", timecode),
    ]


def _turned() -> list[str]:
    return ["-display_rotation", "90", "-i", str(generated("timecode.mov")), "-c", "copy"]


def _bitmap_subtitles() -> list[str]:
    """Subtitles as on a Blu-ray: a blue bar from 0.5 to 1.5 s."""
    bar = b"".join(b"\0" + bytes([0x80 | 16, 1]) + b"\0\0" for _ in range(4))

    def piece(time: float, kind: int, *parts: tuple[int, int] | bytes) -> bytes:
        body = b"".join(p if isinstance(p, bytes) else p[0].to_bytes(p[1], "big") for p in parts)
        head = b"PG" + int(time * 90000).to_bytes(4, "big") + bytes(4) + bytes([kind])
        return head + len(body).to_bytes(2, "big") + body

    def shown(time: float, number: int, *object: tuple[int, int]) -> bytes:
        size = ((160, 2), (90, 2), (0x10, 1), (number, 2))
        state = ((0x80 if object else 0, 1), (0, 1), (0, 1), (1 if object else 0, 1))
        window = ((1, 1), (0, 1), (0, 2), (0, 2), (16, 2), (4, 2))
        return piece(time, 0x16, *size, *state, *object) + piece(time, 0x17, *window)

    palette = piece(0.5, 0x14, (0, 2), (1, 1), (41, 1), (110, 1), (240, 1), (255, 1))
    picture = piece(0.5, 0x15, (0, 2), (0, 1), (0xC0, 1), (len(bar) + 4, 3), (16, 2), (4, 2), bar)
    first = shown(0.5, 0, (0, 2), (0, 1), (0, 1), (0, 2), (0, 2)) + palette + picture
    data = first + piece(0.5, 0x80) + shown(1.5, 1) + piece(1.5, 0x80)
    return [
        *(*_picture(2, size="160x90"), "-f", "sup", "-i", _file("bar.sup", data)),
        *(
            "-map",
            "0:v",
            "-map",
            "1:s",
            *_plain(),
            "-c:s",
            "copy",
            "-metadata:s:s:0",
            "language=fra",
        ),
    ]


def _tone() -> list[str]:
    """Two channels whose loudness changes all the time, 24 bits, at a rate of CDs."""
    left, right = "0.2*sin(880*PI*t)*(0.2+0.8*mod(t,1))", "0.15*sin(600*PI*t)*(1+sin(t*3))"
    return ["-f", "lavfi", "-i", f"aevalsrc='{left}|{right}':s=44100:d=3", "-c:a", "pcm_s24le"]


def _surround() -> list[str]:
    """Six channels at full scale, the same in all: mixed down they would clip."""
    wave = "0.99*sin(100*PI*t)"
    wanted = f"aevalsrc='{'|'.join([wave] * 6)}':s=48000:d=1:c=5.1"
    return ["-f", "lavfi", "-i", wanted, "-sample_fmt", "s16"]


def _tracks() -> list[str]:
    """Three tracks of sound, the second a quarter of a second late, each called something."""
    words = [*_picture(2, size="160x90"), *_sound(2), "-itsoffset", "0.25", *_sound(2), *_sound(2)]
    for n in range(4):
        words += ["-map", str(n)]
    for n, (language, title, flag) in enumerate(TRACKS):
        words += [f"-metadata:s:a:{n}", f"language={language}", f"-metadata:s:a:{n}"]
        words += [f"title={title}", f"-disposition:a:{n}", flag]
    codecs = ["-c:a", "aac", "-c:a:1", "ac3", "-c:a:2", "flac"]
    return [*words, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", *codecs]


TRACKS = (("eng", "Main", "default"), ("deu", "Ton", "dub"), ("eng", "Talk", "comment"))
"""Language, title and flag of each track of `_tracks`."""


def _quarters(shape: str = "1/1") -> Callable[[], list[str]]:
    """A still of four colours: red and green above blue and white."""
    boxes = "".join(
        f",drawbox=x={x}:y={y}:w=80:h=60:t=fill:color={colour}"
        for x, y, colour in ((0, 0, "red"), (80, 0, "lime"), (0, 60, "blue"), (80, 60, "white"))
    )
    says = "range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709"
    # drawn as RGB: a box knows one matrix only, and that is another
    still = f"color=black:s=160x120:r=25:d=0.16,format=gbrp{boxes}"
    as_yuv = f"scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,setparams={says}"
    codec = ["-c:v", "libx264", "-qp", "0"]
    return lambda: ["-f", "lavfi", "-i", f"{still},{as_yuv},setsar={shape}", *codec]


def _copied(name: str) -> Callable[[], list[str]]:
    return lambda: ["-i", str(generated(name)), "-map", "0", "-c", "copy"]


def _still_then_busy() -> list[str]:
    """Four seconds that stand still and four of noise: what one rate for all does wrong."""
    still = "testsrc2=s=160x120:r=25:d=4,trim=end_frame=1,gblur=3,loop=99:1:0,setpts=N/25/TB"
    busy = "testsrc2=s=160x120:r=25:d=4,noise=alls=20:allf=t:all_seed=7,setpts=N/25/TB"
    chain = f"{still}[a];{busy}[b];[a][b]concat,format=yuv420p"
    codec = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "10", "-g", "25"]
    return ["-filter_complex", chain, *codec, "-video_track_timescale", "25"]


RECIPES: dict[str, Callable[[], list[str]]] = {
    "open-gop.mp4": _x264("keyint=25", "min-keyint=25", "open-gop=1", "scenecut=0"),
    "long-gop.mp4": _x264("keyint=1000", "bframes=3"),
    "one-frame-gop.mp4": _x264("keyint=1"),
    "slow.ts": lambda: [
        # packets stand farther before their time than the 0.13 s that ffmpeg itself allows for
        *(*_picture(30, rate="2", size="160x90"), "-c:v", "libx264", "-pix_fmt", "yuv420p"),
        *("-x264-params", "keyint=6:min-keyint=6:bframes=3:b-adapt=0:open-gop=1:scenecut=0"),
    ],
    "b-frames.mp4": _x264("keyint=20", "bframes=5", "b-pyramid=normal", "ref=4"),
    "open-gop-hevc.mp4": lambda: [
        *(*_picture(), "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1"),
        *("-x265-params", "keyint=25:min-keyint=25:open-gop=1:scenecut=0:log-level=none"),
    ],
    "vfr.mp4": _vfr,
    "uneven.mp4": _still_then_busy,
    "twenty-seconds.mp4": lambda: [
        *(*_picture(20, size="160x120"), "-c:v", "libx264", "-preset", "veryfast", "-crf", "12"),
        *("-pix_fmt", "yuv420p"),
    ],
    "edit-list.mp4": _edit_listed,
    "sound.mp4": _flash,
    "much-later-sound.mkv": lambda: [
        *("-i", str(generated("sound.mp4")), "-itsoffset", "0.378667"),
        *("-i", str(generated("sound.mp4")), "-map", "0:v", "-map", "1:a", "-c", "copy"),
    ],
    "wide.mov": lambda: [*_picture(1), "-vf", "setsar=64/45", "-c:v", "prores_ks"],
    "late-sound.mkv": lambda: [
        *("-i", str(generated("sound.mp4")), "-itsoffset", "0.009"),
        *("-i", str(generated("sound.mp4")), "-map", "0:v", "-map", "1:a", "-c", "copy"),
    ],
    "sound.mkv": _copied("sound.mp4"),
    "sound.ts": _copied("sound.mp4"),
    "odd.mkv": lambda: [
        *(*_picture(size="321x181"), "-c:v", "libx264", "-pix_fmt", "yuv444p", "-g", "15"),
        *("-preset", "veryfast"),
    ],
    "old.avi": lambda: [*_picture(), "-c:v", "mpeg4", "-g", "12", "-q:v", "3"],
    "raw.h264": _x264("keyint=25", "bframes=2"),
    "ntsc.mov": lambda: [
        *(*_picture(3, rate="24000/1001"), "-c:v", "libx264", "-g", "24", "-pix_fmt", "yuv420p"),
    ],
    "late.mpg": lambda: [
        *(*_picture(size="160x90"), "-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-q:v", "4"),
        *("-output_ts_offset", "600", "-f", "mpeg"),
    ],
    "prores.mov": lambda: [*_picture(2), "-c:v", "prores_ks", "-profile:v", "3"],
    "interlaced.mov": lambda: [
        *(*_picture(2), "-vf", "setfield=bff", "-c:v", "prores_ks", "-flags", "+ildct"),
    ],
    "fields.avi": lambda: [
        *(*_picture(1.6, size="160x120"), "-vf", "setfield=tff", "-c:v", "mpeg4"),
        *("-flags", "+ildct+ilme", "-bf", "2", "-g", "12", "-q:v", "3"),
    ],
    "fields-h264.mp4": lambda: [
        *(*_picture(1, size="160x120"), "-vf", "setfield=bff", "-c:v", "libx264"),
        *("-flags", "+ildct+ilme", "-pix_fmt", "yuv422p", "-g", "12"),
    ],
    "filtered.mp4": lambda: [*_picture(1.6, size="128x96"), *_plain(), "-g", "12", "-bf", "2"],
    "filtered-vfr.mp4": lambda: [*_uneven(_picture(1.6, size="128x96"))],
    "filtered.ts": _copied("filtered.mp4"),
    "filtered-edit-list.mp4": lambda: [
        *("-ss", "0.2", "-i", str(generated("filtered.mp4")), "-c", "copy"),
    ],
    "filtered-sound.mov": lambda: [
        *(*_picture(1, size="128x96"), "-f", "lavfi", "-i", "anoisesrc=r=48000:d=1:seed=7"),
        *("-map", "0:v", "-map", "1:a", *_plain(), "-c:a", "pcm_s16le"),
    ],
    "tiny.mp4": lambda: [*_picture(0.48, size="64x48"), *_plain(), "-g", "6"],
    "alpha.mov": lambda: [
        *(
            *_picture(0.48, size="64x48"),
            "-vf",
            "format=yuva444p10le,geq=lum='lum(X,Y)':a='X*8+N*9'",
        ),
        *("-c:v", "qtrle"),
    ],
    "covered.mkv": lambda: [
        *("-i", str(generated("tiny.mp4")), "-map", "0", "-c", "copy"),
        *("-attach", str(generated("cover.jpg")), "-metadata:s:t:0", "mimetype=image/jpeg"),
        *("-metadata:s:t:0", "filename=cover.jpg"),
    ],
    "cover.jpg": lambda: [*_picture(1, size="64x64"), "-frames:v", "1"],
    "everything.mkv": _everything,
    "timecode.mov": _timecoded("25", "01:00:00:00"),
    "drop-frame.mp4": _timecoded("30000/1001", "01:00:00;02"),
    "turned.mov": _turned,
    "quarters.mov": _quarters(),
    "wide-quarters.mov": _quarters("2/1"),
    "turned-quarters.mov": lambda: [
        *("-display_rotation", "90", "-i", str(generated("wide-quarters.mov")), "-c", "copy"),
    ],
    "hdr10.mov": lambda: [
        *("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=1,format=yuv420p10le", "-vf"),
        # up to about 1000 nits, in colours that bt709 has, too
        "lutyuv=y='64+(val-64)*0.74':u='512+(val-512)*0.4':v='512+(val-512)*0.4',"
        "setparams=range=tv:colorspace=bt2020nc:color_primaries=bt2020:color_trc=smpte2084",
        *("-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params"),
        "keyint=8:log-level=none:hdr10=1:max-cll=1200,300:master-display="
        "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)",
    ],
    "latin-1.mkv": lambda: [
        *(*_picture(2, size="160x90"), "-i", _chapters(0, encoding="latin-1"), *_plain()),
    ],
    "uneven-timecode.mov": lambda: [
        *("-i", str(generated("vfr.mp4")), "-c", "copy", "-timecode", "01:00:00:00"),
    ],
    "bitmap-subtitles.mkv": _bitmap_subtitles,
    "sound.wav": lambda: [*_sound(), "-c:a", "pcm_s16le"],
    "tone.wav": _tone,
    "surround.flac": _surround,
    "tracks.mkv": _tracks,
}
