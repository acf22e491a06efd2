import os
import threading

from orchestrator.agent import sight
from orchestrator.agent.sight import HUNG_MAX, Sight


def test_only_plain_files_that_can_be_opened_are_seen(tmp_path):
    file, pipe, link = tmp_path / "a.mov", tmp_path / "pipe", tmp_path / "link"
    file.write_bytes(b"12345")
    os.mkfifo(pipe)
    link.symlink_to(file)
    (tmp_path / "to-zero").symlink_to("/dev/zero")
    asked = [file, pipe, link, tmp_path, tmp_path / "gone", tmp_path / "to-zero"]
    words = [*map(str, asked), "a.mov", "nul\0", "x" * 5000]
    assert Sight(10).look(words) == {str(file): 5, str(link): 5}


def test_file_without_permission_is_not_seen(tmp_path, monkeypatch):
    (tmp_path / "a.mov").write_bytes(b"12345")

    def refuse(path, *flags):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(sight.os, "open", refuse)
    assert Sight(10).look([str(tmp_path / "a.mov")]) == {}


def test_disk_that_never_answers_holds_up_nobody_and_no_more_than_some_threads(monkeypatch):
    mended, asked = threading.Event(), []

    def hang(path):
        asked.append(path)
        mended.wait()

    monkeypatch.setattr(sight, "_size", hang)
    looking = Sight(0.01)
    dead = [f"/dead/{number}/a" for number in range(HUNG_MAX + 2)]
    assert [looking.look([path]) for path in dead] == [None] * (HUNG_MAX + 2)
    assert len(asked) == HUNG_MAX
    mended.set()
    while looking.look(["/dead/a"]) is None:
        pass


def test_folder_in_which_a_look_hangs_takes_no_room_from_others(monkeypatch):
    mended, asked = threading.Event(), []

    def hang(path):
        asked.append(path)
        if path.startswith("/dead/"):
            mended.wait()
        return 7

    monkeypatch.setattr(sight, "_size", hang)
    looking = Sight(0.05)
    words = [["/live/a", f"/dead/{number}"] for number in range(HUNG_MAX * 2)]
    assert [looking.look(each) for each in words] == [None] * len(words)
    assert asked == words[0]
    assert looking.look(["/live/a"]) == {"/live/a": 7}
    mended.set()
    while looking.look(["/dead/1"]) is None:
        pass
