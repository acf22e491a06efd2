"""Stand-ins for renderers: they read the real words, and write real frames of a few pixels.

`main(NAME, WORDS)`, as a program, behaves as the renderer NAME is documented to:
flags, names of frames, lines of progress and of trouble, exit codes.  A word that it does not have
is refused as the real one would.  The scene is a file of JSON that says what goes wrong, each fault
as ``{"what": …, "frame": …, "segment": …, "calls": […]}``; nothing in it: all goes well.  `segment`:
the first frame of the only one that it befalls; `calls`: which calls of that segment, from 1; they
are counted beside the scene.

As a module: `installed` puts such a program where a test wants it.  Standard library only.
"""

import json
import os
import re
import signal
import struct
import sys
import zlib
from fractions import Fraction
from pathlib import Path

WIDTH, HEIGHT = 8, 4

#: What may go wrong, and of what it takes the frame
OF_FRAMES = frozenset({"missing", "truncated", "empty", "black", "size"})
OF_CALLS = frozenset({"says", "nothing", "licence", "exit", "signal", "hang"})


def installed(folder: Path, name: str, file: str) -> Path:
    """Return the path of a program `file` in `folder` that stands in for the renderer `name`."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / file
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import renderers"
    code += "; sys.exit(renderers.main(sys.argv[1], sys.argv[2:]))"
    program.write_text(f'#!/bin/sh\nexec \'{sys.executable}\' -I -S -c "{code}" {name} "$@"\n')
    program.chmod(0o755)
    return program


# Frames


def pixels(frame: Fraction, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """Return red, green and blue of each pixel: no two frames look alike, and none is black."""
    seed = int(frame * 1000) * 7919
    return bytes(64 + (seed + 37 * at) % 191 for at in range(width * height * 3))


def image(ending: str, rgb: bytes, width: int, height: int) -> bytes:
    """Return a whole image file."""
    return ENDINGS[ending.lower()](rgb, width, height)


def _png(rgb: bytes, width: int, height: int) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    row = width * 3
    lines = b"".join(b"\0" + rgb[at : at + row] for at in range(0, len(rgb), row))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _tiff(rgb: bytes, width: int, height: int) -> bytes:
    tags = [
        *((256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1)),
        *((262, 3, 1, 2), (273, 4, 1, 8), (277, 3, 1, 3), (278, 4, 1, height)),
        (279, 4, 1, len(rgb)),
    ]
    listed = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    where = 8 + len(rgb) + len(rgb) % 2
    head = b"II*\0" + struct.pack("<I", where)
    return head + rgb + b"\0" * (len(rgb) % 2) + struct.pack("<H", len(tags)) + listed + b"\0" * 4


def _exr(rgb: bytes, width: int, height: int) -> bytes:
    def told(name: str, kind: str, data: bytes) -> bytes:
        return f"{name}\0{kind}\0".encode() + struct.pack("<I", len(data)) + data

    window = struct.pack("<4i", 0, 0, width - 1, height - 1)
    channels = b"".join(
        name.encode() + b"\0" + struct.pack("<IB3xII", 2, 0, 1, 1) for name in "BGR"
    )
    head = (
        struct.pack("<II", 20000630, 2)
        + told("channels", "chlist", channels + b"\0")
        + told("compression", "compression", b"\0")
        + told("dataWindow", "box2i", window)
        + told("displayWindow", "box2i", window)
        + told("lineOrder", "lineOrder", b"\0")
        + told("pixelAspectRatio", "float", struct.pack("<f", 1))
        + told("screenWindowCenter", "v2f", struct.pack("<2f", 0, 0))
        + told("screenWindowWidth", "float", struct.pack("<f", 1))
        + b"\0"
    )
    size = width * 3 * 4
    start = len(head) + 8 * height
    places = b"".join(struct.pack("<Q", start + y * (8 + size)) for y in range(height))
    lines = []
    for y in range(height):
        row = rgb[y * width * 3 : (y + 1) * width * 3]
        values = [row[x * 3 + channel] / 255 for channel in (2, 1, 0) for x in range(width)]
        lines.append(struct.pack("<iI", y, size) + struct.pack(f"<{width * 3}f", *values))
    return head + places + b"".join(lines)


def _ppm(rgb: bytes, width: int, height: int) -> bytes:
    return f"P6\n{width} {height}\n255\n".encode() + rgb


ENDINGS = {".png": _png, ".tif": _tiff, ".tiff": _tiff, ".exr": _exr, ".ppm": _ppm}


# What is asked, and what comes of it


class Asked:
    """What the words of a call mean."""

    begins = "Rendering frame {frame}"  #: a line before each frame …
    ends = ""  #: … and one after it
    licence = ("", 1)  #: what it says where it gets none, and its exit code

    def __init__(self, scene: str, frames: list[Fraction], files: list[Path], **lines) -> None:
        self.scene, self.frames, self.files = scene, frames, files
        self.__dict__.update(lines)


class Script:
    """What goes wrong in this call."""

    def __init__(self, faults: list[dict]) -> None:
        self.faults = faults

    def of_frame(self, frame: Fraction) -> str:
        """Return what is wrong with a frame; empty: nothing."""
        number = _text(frame)
        return next((e["what"] for e in self.faults if str(e.get("frame")) == number), "")

    def of_call(self, what: str) -> dict | None:
        """Return the fault of that kind that this call has."""
        return next((each for each in self.faults if each["what"] == what), None)


def script_of(scene: Path, first: Fraction) -> Script:
    """Read what a scene says of this call, and count the call."""
    asked = json.loads(scene.read_text() or "{}")
    count = scene.with_name(f"{scene.name}.{_text(first)}.calls")
    with count.open("ab") as file:
        file.write(b".")
    calls = count.stat().st_size
    faults = [each for each in asked.get("faults", []) if _is_due(each, calls, first)]
    for each in faults:
        assert each["what"] in OF_FRAMES | OF_CALLS, each
    return Script(faults)


def _is_due(fault: dict, call: int, first: Fraction) -> bool:
    if "segment" in fault and str(fault["segment"]) != _text(first):
        return False
    return call in fault.get("calls", [call])


def render(asked: Asked) -> int:
    """Write the frames, as far as the scene lets it; return the exit code."""
    scene = Path(asked.scene)
    if not scene.is_file():
        say(f"Error: Could not open file {asked.scene}")
        return 1
    script = script_of(scene, asked.frames[0])
    if script.of_call("licence"):
        say(asked.licence[0])
        return asked.licence[1]
    if said := script.of_call("says"):
        say(said["line"])
    if script.of_call("hang"):
        signal.pause()
    if not script.of_call("nothing"):
        for count, (frame, file) in enumerate(zip(asked.frames, asked.files, strict=True), 1):
            say(asked.begins.format(frame=_text(frame), file=file, count=count))
            put(file, frame, script.of_frame(frame))
            if asked.ends:
                say(asked.ends.format(frame=_text(frame), file=file))
    if killed := script.of_call("signal"):
        os.kill(os.getpid(), killed["number"])
    ended = script.of_call("exit")
    return ended["code"] if ended else 0


def put(file: Path, frame: Fraction, what: str) -> None:
    """Write one frame, with what is wrong with it."""
    if what == "missing":
        return
    width = WIDTH * 2 if what == "size" else WIDTH
    rgb = pixels(frame, width, HEIGHT)
    if what == "black":
        rgb = bytes(len(rgb))
    data = image(file.suffix, rgb, width, HEIGHT)
    if what == "truncated":
        data = data[: len(data) // 2]
    if what == "empty":
        data = b""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Usage(Exception):
    """A word that the program does not have."""


def flags(words: list[str], known: dict[str, int]) -> tuple[dict[str, list[str]], list[str]]:
    """Return each flag with its values, and the words that are none; Usage for an unknown one."""
    found: dict[str, list[str]] = {}
    rest, words = [], list(words)
    while words:
        word = words.pop(0)
        if word in known:
            found[word] = [words.pop(0) for _ in range(known[word])]
        elif word.startswith("-") and not re.fullmatch(r"-\d+(\.\d+)?", word):
            raise Usage(f"Invalid flag: {word}")
        else:
            rest.append(word)
    return found, rest


def _each(names: str, values: int) -> dict[str, int]:
    """Return flags that have so many values each."""
    return dict.fromkeys(names.split(), values)


def between(first: Fraction, last: Fraction, step: Fraction) -> list[Fraction]:
    return [first + step * at for at in range(int((last - first) / step) + 1)]


def _text(frame: Fraction) -> str:
    return str(frame.numerator) if frame.denominator == 1 else f"{float(frame):g}"


# Maya


_MAYA = _each(
    "-r -renderer -proj -log -rd -im -fnc -of -s -e -b -pad -cam -x -y -percentRes -ard -rl"
    " -preRender -postRender -preFrame -postFrame -preLayer -postLayer -skipExistingFrames",
    1,
)
_MAYA_ANEW = {"-rfs": 1, "-rfb": 1}
_MAYA_OWN = {
    "file": _MAYA_ANEW,
    "sw": {**_MAYA_ANEW, "-n": 1, "-rep": 1, "-amt": 1},
    "mr": {**_MAYA_ANEW, "-rt": 1, "-v": 1, "-art": 0},
    "arnold": {"-rt": 1, "-ai:threads": 1, "-ai:lve": 1},
    "vray": {"-threads": 1},
    "redshift": {},
    "hw2": _MAYA_ANEW,
}
_MAYA_KINDS = {"exr", "OpenEXR", "png", "tif", "jpg", "tga", "bmp", "sgi", "iff"}


def maya(words: list[str]) -> Asked:
    """Read the words of ``Render``: flags of all renderers, those of one, the scene."""
    at = words.index("-r") if "-r" in words else -1
    name = words[at + 1] if at >= 0 else "file"
    if name not in _MAYA_OWN:
        raise Usage(f"Cannot find renderer {name}")
    told, rest = flags(words, {**_MAYA, **_MAYA_OWN[name]})
    if len(rest) != 1:
        raise Usage(f"one scene, not {rest}")
    one = {flag: values[0] for flag, values in told.items()}
    if one["-of"] not in _MAYA_KINDS or one["-fnc"] not in {"name.#.ext", "3"}:
        raise Usage(f"{one['-of']}, {one['-fnc']}: no such format")
    if name == "arnold" and one.get("-rt", "0") != "0":
        raise Usage("-rt: a render type that writes no image")
    frames = between(*(Fraction(one[flag]) for flag in ("-s", "-e", "-b")))
    numbers = [int(frame) for frame in frames]  # two between frames have one number, as in Maya
    if "-rfs" in one:
        numbers = [int(one["-rfs"]) + int(one["-rfb"]) * at for at in range(len(frames))]
    folder = Path(one["-rd"], one.get("-rl", ""))
    ending = {"OpenEXR": "exr"}.get(one["-of"], one["-of"])
    names = [f"{one['-im']}.{number:0{int(one['-pad'])}d}.{ending}" for number in numbers]
    return Asked(
        scene=rest[0],
        frames=frames,
        files=[folder / name for name in names],
        begins="Rendering current frame: {frame}",
        ends="Finished Rendering {file}.",
        licence=("FLEXlm error: -15,570. License was not obtained", 1),
    )


# Shake


_SHAKE = _each("-exec -script -node -fileout -t -cpus -proxyscale -mb -fps", 1)


def shake(words: list[str]) -> Asked:
    """Read the words of ``shake``: a script, where its image goes, and which frames."""
    told, rest = flags(words, {**_SHAKE, "-vv": 0, "-v": 0, "-createdirs": 0})
    if rest:
        raise Usage(f"{rest}: no such function")
    one = {flag: values[0] for flag, values in told.items() if values}
    frames = [frame for part in one["-t"].split(",") for frame in _shake_range(part)]
    place = re.search(r"@+|#", one["-fileout"])
    if place is None:
        raise Usage(f"{one['-fileout']}: every frame would write it")
    digits = 4 if place[0] == "#" else len(place[0])
    head, tail = one["-fileout"][: place.start()], one["-fileout"][place.end() :]
    return Asked(
        scene=one["-exec"],
        frames=frames,
        files=[Path(f"{head}{int(frame):0{digits}d}{tail}") for frame in frames],
        begins="--> Rendering frame {frame} ...",
        licence=("shake: Couldn't check out a license.", 1),
    )


def _shake_range(part: str) -> list[Fraction]:
    """Return the frames of ``12``, ``1-10`` or ``1-10x2``."""
    hit = re.fullmatch(r"(\d+)(?:-(\d+)(?:x(\d+))?)?", part)
    if hit is None:
        raise Usage(f"-t {part}: no time range")
    first, last, step = hit[1], hit[2] or hit[1], hit[3] or 1
    return between(Fraction(first), Fraction(last), Fraction(step))


# POV-Ray


def povray(words: list[str]) -> Asked:
    """Read the words of ``povray``: each option with its value behind it, without a blank."""
    told = {}
    for word in words:
        hit = re.fullmatch(r"[+-](KFI|KFF|KI|KF|SF|EF|STP|WT|I|O|F|L|W|H|Q|A|D|P|V|J|R)(.*)", word)
        if hit is None:
            raise Usage(f"Unknown option {word}")
        told[hit[1]] = hit[2].strip("\"'")
    start, end = int(told.get("KFI", 1)), int(told["KFF"])
    first, last = int(told.get("SF", start)), int(told.get("EF", end))
    frames = between(Fraction(first), Fraction(last), Fraction(told.get("STP", "1")))
    ending, wide = _POVRAY_KINDS[told["F"]], len(str(end))
    total = len(frames)
    return Asked(
        scene=told["I"],
        frames=frames,
        files=[Path(f"{told['O']}{int(frame):0{wide}d}{ending}") for frame in frames],
        begins=f"Rendering frame {{count}} of {total} (#{{frame}})",
    )


_POVRAY_KINDS = {"N": ".png", "E": ".exr", "P": ".ppm"}


# Blender


_BLENDER = {
    "--render-output": "-o",
    "--render-format": "-F",
    "--use-extension": "-x",
    "--frame-start": "-s",
    "--frame-end": "-e",
    "--frame-jump": "-j",
    "--render-frame": "-f",
    "--engine": "-E",
    "--threads": "-t",
    "--scene": "-S",
    "--python": "-P",
    "--python-expr": "",
    "--python-exit-code": "",
    "--addons": "",
}
_BLENDER_BARE = {
    "--background": "-b",
    "--render-anim": "-a",
    "--enable-autoexec": "-y",
    "--disable-autoexec": "-Y",
    "--factory-startup": "",
}
_BLENDER_KINDS = {"PNG": ".png", "OPEN_EXR": ".exr", "TIFF": ".tif"}


def blender(words: list[str]) -> Asked:
    """Read the words of ``blender``: each has a long name, and most a short one."""
    long = {short: name for name, short in (_BLENDER | _BLENDER_BARE).items() if short}
    known = dict.fromkeys(_BLENDER, 1) | dict.fromkeys(_BLENDER_BARE, 0)
    told, rest = flags([long.get(word, word) for word in words], known)
    if "--background" not in told or len(rest) != 1:
        raise Usage(f"{rest}: it would open its window")
    one = {flag: values[0] for flag, values in told.items() if values}
    if "--render-frame" in one:
        parts = one["--render-frame"].split(",")
        frames = [frame for part in parts for frame in _blender_frames(part)]
    else:
        range_of = ("--frame-start", "--frame-end", "--frame-jump")
        frames = between(*(Fraction(one.get(flag, "1")) for flag in range_of))
    output, ending = one["--render-output"], _BLENDER_KINDS[one["--render-format"]]
    head, hashes, tail = re.fullmatch(r"(.*?)(#+)([^#]*)", output).groups()
    if one.get("--use-extension", "1") != "0" and not tail.endswith(ending):
        tail += ending
    return Asked(
        scene=rest[0],
        frames=frames,
        files=[Path(f"{head}{int(frame):0{len(hashes)}d}{tail}") for frame in frames],
        begins="Fra:{frame} Mem:8.00M (Peak 8.00M) | Time:00:00.01 | Rendering 1 / 1 samples",
        ends="Saved: '{file}'",
    )


def _blender_frames(part: str) -> list[Fraction]:
    first, _, last = part.partition("..")
    return between(Fraction(first), Fraction(last or first), Fraction(1))


# Any other


def generic(words: list[str]) -> Asked:
    """Read words of our own: a renderer that a template is written for."""
    known = dict.fromkeys(["--in", "--first", "--last", "--step", "--out"], 1)
    told, rest = flags(words, known)
    if rest:
        raise Usage(f"{rest}: not known")
    one = {flag: values[0] for flag, values in told.items()}
    frames = between(*(Fraction(one[flag]) for flag in ("--first", "--last", "--step")))
    hashes = re.search("#+", one["--out"])
    names = [
        one["--out"].replace(hashes[0], f"{int(frame):0{len(hashes[0])}d}") for frame in frames
    ]
    return Asked(
        scene=one["--in"],
        frames=frames,
        files=[Path(name) for name in names],
        licence=("generic: no licence", 1),
    )


RENDERERS = {each.__name__: each for each in (maya, shake, povray, blender, generic)}

VERSIONS = {
    "maya": ("-v", "Maya 2024, Cut Number 202302170737"),
    "povray": ("--version", "POV-Ray 3.7.0.10.unofficial"),
    "blender": ("--version", "Blender 3.4.1"),
    "generic": ("--version", "generic 1.0"),
}

USAGE = {"maya": ("Usage: Render [options] filename", 206)}


def main(name: str, words: list[str]) -> int:
    """Do what the words say; return the exit code."""
    asks, answer = VERSIONS.get(name, ("", ""))
    if words == [asks]:
        say(answer)
        return 0
    try:
        asked = RENDERERS[name](words)
    except (Usage, KeyError, IndexError) as error:
        line, code = USAGE.get(name, ("Usage:", 1))
        say(f"{error}\n{line}")
        return code
    return render(asked)
