"""Nothing is written beside a storage that is not there (R16, F20)."""

import os
import sys

import pytest
from runners import Attempt

from orchestrator.model.work import Cause, Ending
from orchestrator.volume import TOKEN, Trouble, Volume, make_folder, trouble

pytestmark = pytest.mark.fault("F20")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "mount"
    root.mkdir()
    (root / TOKEN).write_text("abc\n")
    return root


def unmount(root):
    root.rename(root.with_name("away"))
    root.mkdir()


def test_folder_is_made_where_the_token_is(root):
    folder = root / "attempts" / "a1"
    make_folder(str(folder), str(root), "abc")
    assert folder.is_dir()
    with pytest.raises(FileExistsError):
        make_folder(str(folder), str(root), "abc")
    make_folder(str(root / "attempts" / "a2"), str(root), "abc")


@pytest.mark.parametrize(
    ("token", "why"), [("abc", "not mounted; mount it"), ("other", "another storage stands there")]
)
def test_nothing_is_made_where_another_folder_stands(root, token, why):
    if token == "abc":
        unmount(root)
    before = os.listdir(root)
    with pytest.raises(Trouble):
        make_folder(str(root / "attempts" / "a1"), str(root), token)
    assert why in trouble(str(root), token)
    assert os.listdir(root) == before


def test_what_is_open_stays_the_storage_whatever_is_mounted_since(root):
    with Volume(str(root), "abc") as volume:
        unmount(root)
        volume.make_folder("attempts/a1")
        volume.write("inputs.json", b"{}")
        assert volume.has("inputs.json")
    assert os.listdir(root) == []
    assert (root.with_name("away") / "attempts" / "a1").is_dir()


def test_half_a_file_is_never_seen_and_never_left(root, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with Volume(str(root), "abc") as volume, pytest.raises(OSError, match="No space left"):
        volume.write("input.json", b"{}")
    assert os.listdir(root) == [TOKEN]


@pytest.fixture
def attempt(tmp_path, root):
    made = []

    def start(*argv, **more):
        known = {"storage": str(root), "token": "abc", **more}
        made.append(Attempt(tmp_path, folder=root / "attempts" / "a1", argv=argv, **known))
        return made[-1].start()

    yield start
    for each in made:
        each.close()


def test_runner_works_on_the_storage_that_it_was_told_of(attempt, root):
    assert attempt("true").outcome().exit_code == 0
    assert (root / "attempts" / "a1" / "exit.json").exists()


def test_runner_starts_nothing_beside_a_storage_that_is_away(attempt, root):
    unmount(root)
    outcome = attempt("touch", "{}").outcome()
    assert (outcome.ending, outcome.cause) == (Ending.UNSTARTED, Cause.UNREADY)
    assert outcome.why == (
        f"cluster storage {root}: it is not there, or not mounted; it goes on by itself"
    )
    assert os.listdir(root) == []


def test_command_that_fails_because_storage_went_away_costs_no_try(attempt, root):
    code = f"import os; os.rename({str(root)!r}, {str(root) + '-away'!r}); os.mkdir({str(root)!r});"
    words = f"{code} open({str(root / 'attempts' / 'a1' / 'x')!r}, 'w')"
    outcome = attempt(sys.executable, "-c", words).outcome()
    assert (outcome.ending, outcome.exit_code, outcome.cause) == (Ending.EXITED, 1, Cause.UNREADY)
    assert "it is not there, or not mounted" in outcome.why
    assert os.listdir(root) == []
