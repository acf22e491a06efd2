"""What is put in place loses nothing that somebody else put there, and what is read leads nowhere."""

import hashlib
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator_compressor.marks import Cue, Marks
from orchestrator_compressor.work import closed, folder, frames, media, others, rename, streams
from orchestrator_compressor.work.trouble import Trouble

ATTEMPT = "7f3a01-000009"


def pictures(path: Path, data: bytes) -> Path:
    path.mkdir()
    (path / "000001.jpg").write_bytes(data)
    return path


def without_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rename, "_by_kernel", lambda *_: False)


@pytest.mark.parametrize("is_able", [True, False])
def test_what_is_put_into_a_folder_while_it_is_replaced_is_kept(tmp_path, monkeypatch, is_able):
    made, path = pictures(tmp_path / "made", b"new"), pictures(tmp_path / "out", b"old")
    exchanged = rename.exchanged
    if not is_able:
        without_kernel(monkeypatch)

    def late(part: Path, path: Path, old: Path) -> Path:
        if not (part / "holiday.jpg").exists() and not (old / "holiday.jpg").exists():
            (path / "holiday.jpg").write_bytes(b"dear")
        return exchanged(part, path, old)

    monkeypatch.setattr(rename, "exchanged", late)
    with pytest.raises(Trouble, match="has more in it"):
        folder.publish(made, folder.digest(made), path, ATTEMPT, is_new=False)
    assert sorted(os.listdir(path)) == ["000001.jpg", "holiday.jpg"]
    assert (path / "000001.jpg").read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["made", "out"]


def test_a_folder_comes_back_where_the_next_cannot_be_put_there(tmp_path, monkeypatch):
    without_kernel(monkeypatch)
    path = pictures(tmp_path / "out", b"old")
    with pytest.raises(FileNotFoundError):
        rename.exchanged(tmp_path / "missing", path, tmp_path / ".out.old.part")
    assert (path / "000001.jpg").read_bytes() == b"old"


def test_a_folder_comes_back_after_a_crash_between_two_renames(tmp_path):
    made = pictures(tmp_path / "made", b"new")
    pictures(tmp_path / ".out.7f3a01-000008.part", b"half")
    pictures(tmp_path / ".out.7f3a01-000008.old.part", b"old")
    with pytest.raises(Trouble, match="its hash is"):
        folder.publish(made, "another", tmp_path / "out", ATTEMPT, is_new=False)
    assert sorted(os.listdir(tmp_path)) == ["made", "out"]
    assert (tmp_path / "out/000001.jpg").read_bytes() == b"old"
    pictures(tmp_path / ".out.7f3a01-000008.old.part", b"older")
    dear = pictures(tmp_path / ".out.7f3a01-000007.part", b"put away, and not looked at again")
    (dear / "holiday.jpg").write_bytes(b"dear")
    folder.publish(made, folder.digest(made), tmp_path / "out", ATTEMPT, is_new=False)
    assert (tmp_path / "out/000001.jpg").read_bytes() == b"new"
    assert sorted(os.listdir(tmp_path)) == [dear.name, "made", "out"]


@pytest.mark.parametrize("name", ["", ".", "..", "../a.png", "/a.png", "a/b.png", "a/"])
def test_a_listing_names_only_what_is_beside_it(tmp_path, name):
    path = tmp_path / frames.LISTING
    path.write_text(json.dumps([["a.png", 1, "x"], [name, 1, "x"]]))
    with pytest.raises(Trouble, match="is no name of a file"):
        frames.read({"path": path, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()})


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("eng", "eng"),
        ("pt-BR", "pt-BR"),
        ("und", None),
        ("../x", None),
        ("e", None),
        ("a" * 17, None),
    ],
)
def test_a_language_that_could_be_no_part_of_a_name_is_none(said, kept):
    stream: Any = SimpleNamespace(metadata={"language": said})
    assert others.named(stream).get("language") == kept


def test_subtitles_outside_of_the_span_are_no_attachments(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(media, "chapters", lambda _: ())
    monkeypatch.setattr(media, "timecode", lambda _: None)
    monkeypatch.setattr(others, "clipped", lambda *_: Marks())
    each = [
        SimpleNamespace(type=kind, index=n) for n, kind in enumerate(("subtitle", "attachment"))
    ]
    container: Any = SimpleNamespace(streams=each, name="a.mkv")
    part: Any = object()
    found = others.facts(container, None, {0: [Cue(start=0, end=1, text="x")]}, part)
    assert (found["others"], found["attachments"]) == ([], 1)


def test_captions_of_ffmpeg_are_read_or_there_are_none_or_it_is_told(tmp_path):
    path = tmp_path / "a.srt"
    for text in ("", "1\n00:00:01,000 --> 00:00:02,000\n<font size=1></font>\n"):
        path.write_text(text)
        assert closed.text_of(path, "a.mkv") == ()
        assert not path.exists()
    path.write_text("1\n00:00:02,000 --> 00:00:01,000\nx\n")
    with pytest.raises(Trouble, match=r"a\.mkv: .*ends before it begins") as told:
        closed.text_of(path, "a.mkv")
    assert told.value.final


@pytest.mark.timeout(20)
def test_a_pipe_is_never_opened(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    chapters = {"path": str(path), "list": []}
    wanted = streams.Streams(
        source="a.mkv", fingerprint={}, ffmpeg="", length="9", chapters=chapters
    )
    with pytest.raises(Trouble, match="is no regular file"):
        streams._chapters(wanted, None)
    with pytest.raises(Trouble, match="is no regular file"):
        streams._cues(wanted, streams.Track(stream=-2, path=str(path), kind="srt"), None)
