"""Media that would make ffmpeg read or connect for a stranger, and honest media oddly named (T04).

The sentinel is sound whose samples spell a word: copied anywhere, the word is found in the bytes.
"""

import contextlib
import os
import socket
import subprocess
import threading
import wave
from fractions import Fraction
from pathlib import Path

import av
import pytest
from media import FFMPEG, generated
from reference_movie import reference
from shop import Shop

from orchestrator.manifest.write import yaml_text
from orchestrator.model.work import Cause, State
from orchestrator_compressor import recipe
from orchestrator_compressor.facts import AudioFacts, Source
from orchestrator_compressor.product import settle
from orchestrator_compressor.settings import read as read_setting
from orchestrator_compressor.work import fingerprint
from orchestrator_compressor.work.trouble import Trouble

pytestmark = pytest.mark.timeout(300)

DATA = Path(__file__).parent / "hostile"
SPELLS = b"SENTINEL-4711-NOT-YOURS."
HLS = ("-f", "hls", "-allowed_extensions", "ALL", "-extension_picky", "0")

#: file -> (options by which an ffmpeg without guards falls for it, what that one touches)
LIVE = {
    "playlist.mp4": (HLS, "listener"),
    "playlist.m3u8": (HLS, "sentinel"),
    "variants.mov": (HLS, "listener"),
    "neighbour.mkv": ((), "sentinel"),
    "absolute.mkv": (("-safe", "0"), "sentinel"),
    "parent.mkv": (("-safe", "0"), "sentinel"),
    "remote.mkv": (("-safe", "0"), "listener"),
    "presentation.mp4": ((), "listener"),
    "reference.mov": (("-enable_drefs", "1"), "sentinel"),
}
#: movie -> file that its media are said to stand in, which is none of the kinds that are read
REFERENCES = {
    "reference.mov": "secret.wav",
    "address.mov": "http://127.0.0.1:PORT/clip.mov",
    "folders.mov": "file:///etc/passwd",
    "zeros.mov": "file:device.mkv",
    "circle.mov": "file:folder.mov",
}
ABSENT = ("zeros.mov", "circle.mov")
"""What these refer to is no plain file: their probe says so, and no plan is made."""
SILENT = (
    "address.mov",
    "folders.mov",
    "zeros.mov",
    "circle.mov",
    "session.mov",
    "graph.avi",
    "lines.mkv",
    "pipe.mkv",
    "folder.mkv",
    "device.mkv",
)
LONG = "é\n'\"$(touch canary) ;|&<>{batch}%s\\ ☃".ljust(180, "n") + "ü" * 20
HONEST = ("-y", "%03d", "movie=sentinel.wav,concat:a|b;[c]'d'", LONG)


class Listener:
    """Counts who connects to a port of this computer."""

    def __init__(self):
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.hits = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                caller, _ = self._socket.accept()
                self.hits += 1
                caller.close()

    def close(self):
        self._socket.close()


class Attack:
    """One batch of all traps and all odd names, run once by the real command line."""

    def __init__(self, folder, listener):
        self.folder = folder
        self.listener = listener
        self.sources = {}
        self.shop = Shop(folder / "shop")
        self.traps, self.above = folder / "traps", folder / "above"
        for each in (self.shop.folder, self.traps, self.above):
            each.mkdir()
        for each in (self.traps, self.above):
            sentinel(each / "sentinel.wav")
        self.lay()

    def lay(self):
        for file in DATA.iterdir():
            text = file.read_text().replace("@PORT@", str(self.listener.port))
            (self.traps / file.name).write_text(text.replace("@FOLDER@", str(self.traps)))
        movie = self.folder / "honest.mov"
        subprocess.run(quiet("-i", self.traps / "sentinel.wav", "-c", "copy", movie), check=True)
        (self.traps / "secret.wav").write_bytes(SPELLS * 4000)
        for name, where in REFERENCES.items():
            where = where.replace("PORT", str(self.listener.port))
            data = reference(movie.read_bytes(), where, url=":" in where)
            (self.traps / name).write_bytes(data)
        os.mkfifo(self.traps / "pipe.mkv")
        (self.traps / "folder.mkv").mkdir()
        (self.traps / "device.mkv").symlink_to("/dev/zero")
        (self.traps / "folder.mov").mkdir()
        remote = f"http:/127.0.0.1:{self.listener.port}/clip"
        for stem in (*HONEST, remote):
            path = self.shop.folder / f"{stem}.mkv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(generated("sound.mkv"))

    def run(self):
        """Run all of it; sources are named as a careless person would, relative to the manifest."""
        names = [*(f"../traps/{name}" for name in (*LIVE, *SILENT))]
        names += [f"{stem}.mkv" for stem in HONEST]
        names.append(f"http:/127.0.0.1:{self.listener.port}/clip.mkv")
        jobs = []
        for number, source in enumerate(names):
            job = {"name": f"job{number}", "processor": "compressor"}
            output = {"setting": "wav", "destination": "out/{job}/{source.stem}.wav"}
            job["with"] = {"source": source, "outputs": [output]}
            jobs.append(job)
            self.sources[Path(source).name] = f"shop-0001/{job['name']}"
        batch = {"kind": "Batch", "metadata": {"name": "shop"}, "spec": {"jobs": jobs}}
        self.shop.job.write_text(yaml_text({"apiVersion": "orchestrator/v1", **batch}))
        self.said = self.shop.run(ends=1).stdout
        return self

    def standing(self, name):
        job = self.sources[name]
        with self.shop.ledger() as ledger:
            return next(each for each in ledger.standings("shop-0001") if each.id == job)

    def out(self, name):
        return self.shop.folder / "out" / self.sources[name].partition("/")[2]


def sentinel(path):
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(SPELLS * 4000)


def quiet(*words):
    return [FFMPEG, "-hide_banner", "-nostdin", "-y", "-v", "error", *map(str, words)]


@pytest.fixture(scope="module")
def attack(tmp_path_factory):
    listener = Listener()
    yield Attack(tmp_path_factory.mktemp("attack"), listener).run()
    listener.close()


@pytest.mark.parametrize("name", [*LIVE, *SILENT])
def test_trap_is_refused_with_a_sentence_that_names_it(attack, name):
    job, path = attack.standing(name), attack.traps / name
    assert job.state is State.FAILED
    assert job.reason.startswith(f"{path}: "), job.reason
    assert "\n" not in job.reason
    (attempt,) = attack.shop.attempts(job.id)
    assert attempt.cause == ("" if name in ABSENT else Cause.SOURCE.value)
    assert not attack.out(name).exists()


def test_nobody_connected_and_nothing_of_the_sentinel_was_copied(attack):
    assert attack.listener.hits == 0
    for path in attack.shop.folder.rglob("*"):
        if path.is_file():
            assert SPELLS not in path.read_bytes(), path


def test_pipe_is_refused_and_not_waited_for(attack):
    with pytest.raises(Trouble, match="is no regular file"):
        fingerprint.take(str(attack.traps / "pipe.mkv"))


@pytest.mark.parametrize("stem", [*HONEST, "clip"], ids=["-y", "%03d", "filter", "long", "http"])
def test_honest_media_with_an_odd_name_are_done_properly(attack, stem):
    job = attack.standing(f"{stem}.mkv")
    assert job.state is State.SUCCESSFUL, job.reason
    (made,) = attack.out(f"{stem}.mkv").iterdir()
    assert made.name == f"{stem}.wav"
    with av.open(f"file:{made}") as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) == 192000


def test_no_name_was_run(attack):
    assert not list(attack.folder.rglob("canary"))


# -- the same again without its controls: each trap must catch somebody, or it proves nothing


def sound_words(source, out):
    """Return the compressor's own words for the sound of `source`, taken for a wav file."""
    pcm = {"codec": "pcm_s16le", "rate": 48000, "channels": 1, "sample_format": "s16"}
    stream = AudioFacts(index=0, start=Fraction(0), **pcm)
    facts = Source(path=source, format="wav", fingerprint={}, mode="packets", audio=(stream,))
    spec = {
        "processor": "compressor",
        "container": "wav",
        "audio": {"codec": "pcm", "depth": "source"},
    }
    sound = settle(read_setting("wav", spec), facts).sound
    return recipe.audio(recipe.Means(ffmpeg=FFMPEG, threads=1), facts, sound, str(out))


def bare(words, options=()):
    """Return the words without what guards them."""
    words = list(words)
    for guard in ("-protocol_whitelist", "-format_whitelist"):
        at = words.index(guard)
        del words[at : at + 2]
    at = words.index("-i")
    words[at + 1] = words[at + 1].removeprefix("file:")
    if options or "presentation" in words[at + 1]:
        options = (*options, "-protocol_whitelist", "file,http,tcp,crypto,data")
    return [*words[:at], *options, *words[at:]]


def heard(words, folder, listener):
    """Run `words`; return what was touched: the sentinel, the listener."""
    out, before = Path(words[-1]), listener.hits
    subprocess.run(words, cwd=folder, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
    found = {"sentinel"} if out.exists() and SPELLS in out.read_bytes() else set()
    return found | ({"listener"} if listener.hits > before else set())


@pytest.fixture
def lain(tmp_path):
    listener = Listener()
    yield Attack(tmp_path, listener)
    listener.close()


def test_every_trap_catches_words_without_whitelists(lain):
    for name, (options, touched) in LIVE.items():
        words = sound_words(str(lain.traps / name), lain.folder / "out.wav")
        assert heard(words, lain.traps, lain.listener) == set(), name
        assert touched in heard(bare(words, options), lain.traps, lain.listener), name
        (lain.folder / "out.wav").unlink(missing_ok=True)


def test_a_path_like_an_address_catches_words_that_do_not_say_file(lain):
    path = f"http:/127.0.0.1:{lain.listener.port}/clip.mkv"
    words = sound_words(path, lain.folder / "out.wav")
    assert heard(words, lain.shop.folder, lain.listener) == set()
    assert heard(bare(words), lain.shop.folder, lain.listener) == {"listener"}


def test_a_script_catches_a_reader_without_whitelists(lain):
    """What the probe would see if PyAV were given no options."""
    with av.open(str(lain.traps / "neighbour.mkv")) as file:
        assert SPELLS in b"".join(bytes(packet) for packet in file.demux())
