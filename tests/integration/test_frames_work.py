"""The verbs of renders on real images: looked at, put in their places, looked at there."""

from __future__ import annotations

import errno
import json
import os
import shutil
from fractions import Fraction
from pathlib import Path

import av
import pytest
import stills
from standin_render import png

from orchestrator.frames import names
from orchestrator.frames.names import Sequence
from orchestrator.frames.spans import Span
from orchestrator.frames.work import check, images, look, movies, publish, verify
from orchestrator.frames.work.trouble import Trouble, of_destination
from orchestrator.model.work import Cause

ANOTHER = Path("/dev/shm")


class Steps:
    """One segment's way: what was made in `made`, where it shall be in `out`."""

    def __init__(self, root: Path, out: Path | None = None) -> None:
        self.root, self.out = root, out or root / "out"
        self.frames: list[list[str]] = []
        self.number = 0

    def make(self, frames: dict[str, bytes]) -> Path:
        """Return an attempt's folder with these frames, as a renderer calls them."""
        self.number += 1
        attempt = self.root / f"led-{self.number:06d}"
        (attempt / "frames").mkdir(parents=True)
        for name, data in frames.items():
            (attempt / "frames" / name).parent.mkdir(exist_ok=True)
            (attempt / "frames" / name).write_bytes(data)
        return attempt

    def check(self, attempt: Path, numbers: range = range(1, 5), **more) -> dict:
        os.chdir(attempt)
        self.frames = [[f"{n:04d}", f"made.{n}.png"] for n in numbers]
        asked = {"folder": "frames", "frames": self.frames, "decimals": 0, **more}
        result = check.run(asked)
        assert len(json.dumps(result)) < 8 << 10
        return dict(result)

    def publish(self, attempt: Path, result: dict, **more) -> dict:
        self.number += 1
        own = self.root / f"led-{self.number:06d}"
        own.mkdir()
        os.chdir(own)
        asked = {
            "from": str(attempt),
            "sha256": result["sha256"],
            "made_by": attempt.name,
            "folder": str(self.out),
            "destination": str(self.out / "a.####.png"),
            "frames": [[number, f"a.{number}.png"] for number, _ in self.frames],
            "ifExists": "fail",
            "mends": False,
            "attempt": own.name,
            "sweeps": False,
            **more,
        }
        return {**publish.run(asked), "attempt": own}

    def sequence(self, last: int = 4) -> Sequence:
        pattern = names.frame_pattern(str(self.out / "a.####.png"))
        assert pattern
        return Sequence(pattern=pattern, span=Span(Fraction(1), Fraction(last)))

    def verify(self, *published: dict, last: int = 4) -> dict:
        told = [[str(p["attempt"]), p["list_sha256"], p["attempt"].name] for p in published]
        asked = {"sequence": self.sequence(last).data(), "attempt": "led-000999", "published": told}
        return dict(verify.run(asked))

    def look(self, last: int = 4, *, skips: bool, reads: tuple[Path, ...] = ()) -> dict:
        os.chdir(self.root)
        asked = {"reads": [str(path) for path in reads], "skips": skips}
        return dict(look.run({**asked, "sequence": self.sequence(last).data()}))

    def names(self) -> list[str]:
        return sorted(str(p.relative_to(self.out)) for p in self.out.rglob("*") if p.is_file())


@pytest.fixture
def steps(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # and back at the end
    return Steps(tmp_path)


def four(**others: bytes) -> dict[str, bytes]:
    frames = {f"made.{n}.png": png(Fraction(n)) for n in range(1, 5)}
    return frames | {f"made.{name[1:]}.png": data for name, data in others.items()}


def done(steps: Steps, frames: dict[str, bytes] | None = None, **more) -> dict:
    attempt = steps.make(frames or four())
    return steps.publish(attempt, steps.check(attempt), **more)


def movie(path: Path, frames: int) -> bytes:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, options={"bf": "0"})
        stream.width = stream.height = 16
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame(16, 16, "yuv420p")))
        container.mux(stream.encode(None))
    return path.read_bytes()


# -- one image


@pytest.mark.parametrize("kind", stills.KINDS)
def test_whole_image_is_decoded_and_a_truncated_one_is_broken(kind: str, tmp_path: Path) -> None:
    data, file = stills.image(kind), tmp_path / f"a{stills.ending(kind)}"
    file.write_bytes(data)
    seen = images.look(file)
    assert (seen.width, seen.height, seen.is_black) == (stills.WIDTH, stills.HEIGHT, False)
    for percent in (0, 1, 10, 50, 90, 99):
        file.write_bytes(data[: len(data) * percent // 100])
        with pytest.raises(images.NotAnImage):
            print(percent, images.look(file))


@pytest.mark.parametrize("kind", [kind for kind in stills.KINDS if kind != "webp"])
def test_black_is_seen_whatever_the_kind(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"a{stills.ending(kind)}"
    file.write_bytes(stills.image(kind, 0))
    assert images.look(file).is_black


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.png", stills.image("jpeg"), "is no PNG image but JPEG"),
        ("a.exr", b"#EXTM3U\nhttp://127.0.0.1/x\n", "is no OpenEXR image"),
        ("a.iff", b"nothing", "is no .iff image"),
    ],
)
def test_what_is_named_otherwise_is_broken(tmp_path, name, data, why):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(images.NotAnImage, match=why):
        images.look(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.iff", b"FOR4\0\0\0\4CIMG"), ("a.rla", b"x"), ("a", b"#EXTM3U\nfile:/x\n")],
)
def test_kind_that_nobody_knows_is_not_decoded(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    assert not images.look(tmp_path / name).is_decoded


def test_layered_exr_is_whole_or_cut_though_nobody_decodes_it(tmp_path):
    data = stills.image("exr")
    layered = data.replace(b"\0B\0", b"\0q\0", 1)  # a channel that the decoder does not know
    assert len(layered) == len(data)
    (tmp_path / "a.exr").write_bytes(layered)
    seen = images.look(tmp_path / "a.exr")
    assert (seen.kind, seen.is_decoded) == ("exr", False)
    (tmp_path / "a.exr").write_bytes(layered[:-1])
    with pytest.raises(images.NotAnImage, match="ends too early"):
        images.look(tmp_path / "a.exr")


# -- check


def test_each_frame_that_does_not_count_is_named(steps):
    frames = four(_2=b"", _3=png(Fraction(3))[:40])
    del frames["made.4.png"]
    result = steps.check(steps.make({**frames, "made.104.png": b"x"}))
    assert (result["frames"], result["missing"], result["instead"]) == (1, ["0004"], "made.104.png")
    assert [number for number, _ in result["broken"]] == ["0002", "0003"]
    assert result["broken"][0][1] == "is empty"


def test_frame_of_another_size_is_broken(steps):
    result = steps.check(steps.make(four(_3=png(Fraction(3), height=2))))
    assert result["broken"] == [("0003", "is png 16x2, and others png 16x8")]


@pytest.mark.parametrize(("black", "good"), [("accept", 4), ("fail", 3)])
def test_black_frames_are_counted_and_fail_if_they_may_not_be(steps, black, good):
    result = steps.check(steps.make(four(_3=png(Fraction(3), is_black=True))), black=black)
    assert (result["black"], result["frames"]) == (1, good)


def test_link_is_no_frame(steps):
    attempt = steps.make(four())
    (attempt / "frames/made.2.png").unlink()
    (attempt / "frames/made.2.png").symlink_to(attempt / "frames/made.1.png")
    assert [number for number, _ in steps.check(attempt)["broken"]] == ["0002"]


def test_result_stays_small_whatever_is_missing(steps):
    result = steps.check(steps.make({}), range(5000))
    assert (result["missing_count"], len(result["missing"])) == (5000, check.LISTED_MAX)


def test_layers_that_carry_a_frames_number_go_with_it_and_nothing_else_does(steps):
    beside = {"z/made.2.png": png(Fraction(2)), "made.2.n.png": png(Fraction(2)), "log": b"x"}
    beside |= {"made.2.png.tmp": b"half", "made.0002.json": b"{}"}
    beside |= {"z/made.9.png": png(Fraction(9)), ".made.1.png": b"x"}
    published = done(steps, four() | beside)
    assert published["beside"] == 2
    assert steps.names() == [
        *(f"a.000{n}.png" for n in range(1, 5)),
        "made.2.n.png",
        "z/made.2.png",
    ]
    assert steps.verify(published)["notes"] == ["2 more files were published beside the frames"]


def test_broken_layer_is_a_broken_frame(steps):
    result = steps.check(steps.make(four() | {"z/made.2.png": b""}))
    assert result["broken"] == [("0002", "has z/made.2.png beside it, which is empty")]


def test_one_file_of_all_frames_holds_all_of_them(steps, tmp_path):
    path = tmp_path / "a.mp4"
    movie(path, 4)
    assert movies.look(path, 4).width == 16
    with pytest.raises(images.NotAnImage, match="holds 4 of 5 frames"):
        movies.look(path, 5)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(images.NotAnImage, match="cannot be decoded"):
        movies.look(path, 4)


# -- publish


def test_frames_are_put_in_place_and_nothing_else_is_left(steps):
    published = done(steps)
    assert (published["frames"], published["notes"]) == (4, [])
    assert published["size"] == sum((steps.out / name).stat().st_size for name in steps.names())
    assert (steps.out / "a.0003.png").read_bytes() == png(Fraction(3))
    assert len(list(steps.out.iterdir())) == 4


def test_on_another_file_system_they_are_copied(steps):
    if not ANOTHER.is_dir() or ANOTHER.stat().st_dev == steps.root.stat().st_dev:
        pytest.skip("there is no other file system here")
    steps.out = ANOTHER / f"orchestrator-frames-{os.getpid()}"
    try:
        assert steps.verify(done(steps))["frames"] == 4
        assert len(list(steps.out.iterdir())) == 4
    finally:
        shutil.rmtree(steps.out, ignore_errors=True)


def test_done_twice_it_is_done_once_and_what_a_crash_left_is_swept(steps):
    attempt = steps.make(four())
    result = steps.check(attempt)
    steps.publish(attempt, result)
    inode = (steps.out / "a.0001.png").stat().st_ino
    (steps.out / ".a.0002.png.led-000001.part").write_bytes(b"half")
    (steps.out / ".a.0002.png.other-000001.part").write_bytes(b"not ours")
    steps.publish(attempt, result, sweeps=True)
    assert (steps.out / "a.0001.png").stat().st_ino == inode
    assert [name for name in steps.names() if "part" in name] == [".a.0002.png.other-000001.part"]


def test_file_that_somebody_put_there_stays(steps):
    steps.out.mkdir()
    theirs = steps.out / "a.0003.png"
    theirs.write_bytes(b"theirs")
    with pytest.raises(Trouble, match=r"a\.0003\.png: exists") as caught:
        done(steps)
    assert caught.value.final
    assert theirs.read_bytes() == b"theirs"
    assert not list(steps.out.glob(".*"))
    done(steps, ifExists="replace")
    assert theirs.read_bytes() == png(Fraction(3))


def test_only_what_is_broken_is_mended(steps):
    steps.out.mkdir()
    (steps.out / "a.0003.png").write_bytes(png(Fraction(3))[:50])
    done(steps, mends=True)
    assert (steps.out / "a.0003.png").read_bytes() == png(Fraction(3))
    (steps.out / "a.0003.png").write_bytes(png(Fraction(77)))
    with pytest.raises(Trouble, match="exists"):
        done(steps, mends=True)


def test_layer_that_an_earlier_render_left_stays_where_only_what_is_missing_is_rendered(steps):
    layer = "z/made.2.png"
    done(steps, four() | {layer: png(Fraction(8))})
    (steps.out / "a.0002.png").unlink()
    told = done(steps, four() | {layer: png(Fraction(9))}, mends=True)
    assert steps.verify(told)["frames"] == 4
    assert (steps.out / layer).read_bytes() == png(Fraction(8))
    with pytest.raises(Trouble, match="exists"):
        done(steps, four() | {layer: png(Fraction(9))})


def test_movie_that_lacks_frames_is_mended(steps, tmp_path):
    made = {"made.1.mp4": movie(tmp_path / "a.mp4", 4)}
    steps.out.mkdir()
    (steps.out / "a.mp4").write_bytes(movie(tmp_path / "b.mp4", 3))
    attempt = steps.make(made)
    result = steps.check(attempt, frames=[["1-4", "made.1.mp4"]], single=4)
    steps.publish(attempt, result, frames=[["1-4", "a.mp4"]], mends=True, single=4)
    assert (steps.out / "a.mp4").read_bytes() == made["made.1.mp4"]


def test_what_another_attempt_of_ours_puts_there_meanwhile_is_no_fault(steps, monkeypatch):
    plain = publish.rename.exclusively

    def late(part: Path, path: Path) -> None:
        shutil.copyfile(part, path)  # the attempt that was given up, and goes on
        plain(part, path)

    monkeypatch.setattr(publish.rename, "exclusively", late)
    assert steps.verify(done(steps))["frames"] == 4
    assert not list(steps.out.glob(".*"))


def test_link_at_the_destination_is_never_followed(steps):
    steps.out.mkdir()
    (steps.root / "precious").write_bytes(b"precious")
    link = steps.out / "a.0003.png"
    link.symlink_to(steps.root / "precious")
    with pytest.raises(Trouble, match="exists"):
        done(steps)
    done(steps, ifExists="replace")
    assert (steps.root / "precious").read_bytes() == b"precious"
    assert not link.is_symlink()


def test_name_that_a_folder_has_is_refused(steps):
    (steps.out / "a.0003.png").mkdir(parents=True)
    with pytest.raises(Trouble, match="is a folder") as caught:
        done(steps, ifExists="replace")
    assert caught.value.final


@pytest.mark.parametrize("how", ["gone", "other", "list"])
def test_frame_that_was_changed_since_is_rendered_again_before_any_is_placed(steps, how):
    attempt = steps.make(four())
    result = steps.check(attempt)
    victim = attempt / ("frames.json" if how == "list" else "frames/made.3.png")
    victim.unlink() if how == "gone" else victim.write_bytes(png(Fraction(88)))
    with pytest.raises(Trouble, match="rendered again") as caught:
        steps.publish(attempt, result)
    assert caught.value.record()["spoiled"] == [attempt.name]
    assert not caught.value.final
    assert not steps.out.exists() or not steps.names()


@pytest.mark.parametrize(
    ("code", "cause", "final"),
    [
        (errno.ENOSPC, Cause.UNREADY, False),
        (errno.EACCES, Cause.FAILED, True),
        (5, Cause.FAILED, False),
    ],
)
def test_full_disk_is_waited_for_and_a_forbidden_one_is_not(code, cause, final):
    told = of_destination(OSError(code, os.strerror(code)), Path("/o/a.png"))
    assert (told.cause, told.final) == (cause, final)


# -- verify


def test_whole_sequence_is_looked_at_with_what_a_person_should_know(steps):
    published = done(steps, four(_2=png(Fraction(2), is_black=True)))
    told = steps.verify(published)
    assert (told["frames"], told["notes"]) == (4, ["black all over: frame 0002"])
    assert told["size"] == published["size"]


@pytest.mark.parametrize(("how", "why"), [("gone", "is gone"), ("other", "is another file")])
def test_frame_that_was_changed_in_its_place_is_published_once_more(steps, how, why):
    published = done(steps)
    victim = steps.out / "a.0003.png"
    victim.unlink()
    if how == "other":
        victim.write_bytes(png(Fraction(66)))
    with pytest.raises(Trouble, match=rf"a\.0003\.png: {why}") as caught:
        steps.verify(published)
    assert caught.value.spoiled == [published["attempt"].name]


def test_each_node_may_call_the_destination_as_it_likes(steps):
    published = done(steps)
    (steps.root / "mount").symlink_to(steps.root)
    steps.out = steps.root / "mount/out"
    assert steps.verify(published)["frames"] == 4


def test_segments_of_another_size_are_told(steps):
    one = done(steps)
    attempt = steps.make({f"made.{n}.png": png(Fraction(n), height=3) for n in (5, 6)})
    two = steps.publish(attempt, steps.check(attempt, range(5, 7)))
    with pytest.raises(Trouble, match=r"a\.0005\.png \(and 1 more\): is png 16x3, and other") as no:
        steps.verify(one, two, last=6)
    assert no.value.final


def test_gap_is_told(steps):
    published = done(steps)
    with pytest.raises(Trouble, match=r"a\.0005\.png: is gone"):
        steps.verify(published, last=5)


# -- look


def test_missing_scene_is_the_sources_fault(steps):
    with pytest.raises(Trouble, match=r"scene /nowhere/x\.ma: is missing") as caught:
        steps.look(skips=False, reads=(Path("/nowhere/x.ma"),))
    assert (caught.value.cause, caught.value.final) == (Cause.SOURCE, True)


def test_whole_frames_that_are_there_are_found(steps):
    assert steps.look(skips=False) == {"there": []}
    done(steps)
    (steps.out / "a.0003.png").write_bytes(png(Fraction(3))[:40])
    assert steps.look(skips=False)["there"] == [(0, 3)]
    assert steps.look(skips=True)["there"] == [(0, 1), (3, 3)]


def test_many_gaps_go_into_a_file(steps):
    steps.out.mkdir()
    for number in range(1, 1000, 2):
        (steps.out / f"a.{number:04d}.png").touch()
    told = steps.look(999, skips=False)["there"]
    assert told["file"] == "there.json"
    assert len(json.loads((steps.root / "there.json").read_text())) == 500


def test_place_that_is_no_place_is_told_before_anything_is_rendered(steps):
    steps.out.write_bytes(b"a file")
    with pytest.raises(Trouble, match="is no folder"):
        steps.look(skips=False)
    steps.out.unlink()
    (steps.out / "a.0002.png").mkdir(parents=True)
    with pytest.raises(Trouble, match="is no plain file"):
        steps.look(skips=True)


def test_frames_that_were_there_count_in_the_whole(steps):
    done(steps)
    found = steps.look(skips=True)
    (steps.root / "seen.json").rename(steps.root / "led-000001/seen.json")
    asked = {"sequence": steps.sequence().data(), "attempt": "led-000999", "published": []}
    asked["looked"] = [str(steps.root / "led-000001"), found["list_sha256"]]
    assert verify.run(asked)["frames"] == 4
    (steps.out / "a.0002.png").write_bytes(b"other")
    with pytest.raises(Trouble, match=r"a\.0002\.png: is another file.*start the batch again"):
        verify.run(asked)
