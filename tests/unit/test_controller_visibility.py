"""Who is asked what, and when again."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.controller.visibility import (
    AGAIN_S,
    NOTHING_S,
    PAUSE_S,
    SILENT_S,
    Visibility,
)
from orchestrator.decide.copying import Eyes, Media
from orchestrator.engine.fake import FakeEngine

MEDIA = Media(source=("/m/a.mov",))


class Asked:
    """An engine that remembers what it was asked; answers come at once."""

    def __init__(self):
        self.engine = FakeEngine(("n1", "n2"))
        self.engine.files = {"/m/a.mov": 7}
        self.asked, self.now, self.woken = [], 0.0, 0
        own = {"n2": {"/m": "/Volumes/m"}}
        self.engine.local = {"n2": {"/Volumes/m/a.mov": 7}}
        self.visibility = Visibility(
            self, self, self.wake, lambda node: own.get(node, {}), lambda: self.now
        )

    def wake(self):
        self.woken += 1

    def submit(self, work, *words):
        work(*words)

    def sees(self, to, paths):
        self.asked.append((to.node, *paths))
        return self.engine.sees(to, paths)

    def look(self, media=MEDIA):
        return self.visibility.look(list(self.engine.look()), media)


@pytest.fixture
def asked():
    return Asked()


def test_each_node_is_asked_once_by_its_own_names(asked):
    assert asked.look() == Eyes(asked=frozenset({"n1", "n2"}))
    seen = {"n1": {"/m/a.mov": 7}, "n2": {"/m/a.mov": 7}}
    assert asked.look() == asked.look() == Eyes(seen=seen)
    assert asked.asked == [("n1", "/m/a.mov"), ("n2", "/Volumes/m/a.mov")]
    assert asked.woken == 2


def test_what_is_seen_is_asked_again_after_a_while_and_what_is_not_sooner(asked):
    asked.engine.local["n2"] = {}
    asked.look()
    for at, count in ((NOTHING_S + 1, 1), (AGAIN_S + 1, 2)):
        asked.now, asked.asked = at, []
        asked.look()
        assert len(asked.asked) == count


def test_node_that_comes_anew_is_asked_anew(asked):
    asked.look()
    asked.engine.restart("n1")
    asked.visibility.keep(asked.engine.look().keys())
    assert asked.look().asked == {"n1"}


def test_node_that_does_not_answer_is_left_alone_for_a_moment_and_not_waited_for_long(asked):
    asked.engine.cut("n2")
    asked.look()
    asked.look()
    assert [node for node, *_ in asked.asked] == ["n1", "n2"]
    asked.now = PAUSE_S + 1
    assert asked.look().asked == {"n2"}
    assert [node for node, *_ in asked.asked] == ["n1", "n2", "n2"]
    asked.now = SILENT_S + 1
    assert asked.look().silent == {"n2"}


def test_files_on_a_dead_disk_hold_up_no_question_about_others(asked, monkeypatch):
    def sees(to, paths):
        asked.asked.append((to.node, *paths))
        return None if paths[0].startswith("/dead") else {path: 7 for path in paths}

    monkeypatch.setattr(asked, "sees", sees)
    dead = [Media(source=(f"/dead/{number}.mov",)) for number in range(3)]
    for _ in range(8):
        found = [asked.look(media) for media in (*dead, MEDIA)]
        asked.now += PAUSE_S + 1
    assert found[-1].seen.keys() == {"n1", "n2"}
    assert found[0].silent == {"n1", "n2"}


def test_many_files_are_asked_for_in_parts(asked):
    many = Media(others=tuple(f"/m/{number}" for number in range(40)))
    while asked.look(many).asked:
        assert max(len(paths) for _, *paths in asked.asked) == 16


def test_what_is_forgotten_is_asked_again(asked):
    asked.look()
    asked.visibility.forget(["/m/a.mov"])
    assert asked.look().asked == {"n1", "n2"}


def test_question_that_hangs_or_fails_holds_up_no_look():
    mended = threading.Event()

    class Hanging:
        def sees(self, to, paths):
            mended.wait()
            raise OSError("the line broke")

    members = list(FakeEngine(("n1",)).look())
    with ThreadPoolExecutor(1) as pool:
        visibility = Visibility(Hanging(), pool, lambda: None)
        for _ in range(3):
            assert visibility.look(members, MEDIA).asked == {"n1"}
        mended.set()
