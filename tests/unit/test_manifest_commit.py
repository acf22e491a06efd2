"""Which commit a folder is at: git's files are read, git is never run (T09)."""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from orchestrator.manifest.commit import PACKED_BYTES_MAX, commit_of

SHA = "22f0dcbeb417791123b4bc6e51c4759304ab0ba6"
OTHER = "a" * 40


def repository(root, head=SHA, **files):
    """Make what `commit_of` reads of a repository: `files` by path, ``__`` for a slash."""
    git = root / ".git"
    git.mkdir(parents=True)
    (git / "HEAD").write_text(f"{head}\n")
    for name, text in files.items():
        path = git / name.replace("__", "/").replace("_", "-")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_a_detached_head_is_the_commit(tmp_path):
    assert commit_of(repository(tmp_path)) == SHA


def test_a_branch_is_a_file(tmp_path):
    root = repository(tmp_path, "ref: refs/heads/main", refs__heads__main=f"{SHA}\n")
    assert commit_of(root) == SHA


def test_a_folder_deep_in_the_repository_is_at_its_commit(tmp_path):
    deep = repository(tmp_path) / "a" / "b"
    deep.mkdir(parents=True)
    assert commit_of(deep) == SHA


def test_a_packed_branch_is_a_line(tmp_path):
    packed = f"# pack-refs with: peeled\n{OTHER} refs/heads/mai\n{SHA} refs/heads/main\n^{OTHER}\n"
    assert commit_of(repository(tmp_path, "ref: refs/heads/main", packed_refs=packed)) == SHA


def test_a_file_wins_over_a_packed_line(tmp_path):
    root = repository(
        tmp_path,
        "ref: refs/heads/main",
        packed_refs=f"{OTHER} refs/heads/main\n",
        refs__heads__main=f"{SHA}\n",
    )
    assert commit_of(root) == SHA


def test_a_ref_may_name_another(tmp_path):
    root = repository(
        tmp_path,
        "ref: refs/heads/main",
        refs__heads__main="ref: refs/heads/other\n",
        refs__heads__other=SHA,
    )
    assert commit_of(root) == SHA


def test_a_hash_of_64_digits_is_one(tmp_path):
    assert commit_of(repository(tmp_path, "b" * 64)) == "b" * 64


def test_a_worktree_has_its_own_head_and_the_others_refs(tmp_path):
    root = repository(tmp_path / "main", OTHER, refs__heads__topic=SHA)
    own = root / ".git" / "worktrees" / "topic"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/topic\n")
    (own / "commondir").write_text("../..\n")
    tree = tmp_path / "topic"
    tree.mkdir()
    (tree / ".git").write_text(f"gitdir: {own}\n")
    assert commit_of(tree) == SHA


def test_a_submodule_is_found_by_a_relative_path(tmp_path):
    repository(tmp_path, OTHER)
    module = tmp_path / ".git" / "modules" / "sub"
    module.mkdir(parents=True)
    (module / "HEAD").write_text(SHA)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / ".git").write_text("gitdir: ../.git/modules/sub\n")
    assert commit_of(tmp_path / "sub") == SHA


def git_does(*words, cwd):
    plain = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    env = {**os.environ, **plain, "HOME": str(cwd)}
    done = subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *words],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.mark.skipif(shutil.which("git") is None, reason="git makes the repository to be read")
def test_what_git_made_is_read_as_git_reads_it(tmp_path):
    root, tree = tmp_path / "root", tmp_path / "tree"
    root.mkdir()
    git_does("init", "-q", "-b", "main", cwd=root)
    git_does("commit", "-q", "--allow-empty", "-m", "one", cwd=root)
    assert commit_of(root) == git_does("rev-parse", "HEAD", cwd=root)
    git_does("worktree", "add", "-q", "-b", "x/-topic", str(tree), cwd=root)
    git_does("commit", "-q", "--allow-empty", "-m", "two", cwd=tree)
    assert commit_of(tree) == git_does("rev-parse", "HEAD", cwd=tree) != commit_of(root)
    git_does("pack-refs", "--all", cwd=root)
    assert commit_of(tree) == git_does("rev-parse", "HEAD", cwd=tree)
    assert commit_of(root) == git_does("rev-parse", "HEAD", cwd=root)


def test_outside_of_a_repository_nothing_is_known(tmp_path):
    (tmp_path / ".git").mkdir()  # so that none above is found
    assert commit_of(tmp_path) == ""
    assert commit_of(tmp_path / "none") == ""


@pytest.mark.parametrize(
    "head",
    [
        "",
        "nothing",
        "g" * 40,
        SHA.upper(),
        SHA[:39],
        f"{SHA}\n{SHA}",
        f"{SHA} ",
        "ref: ",
        "ref: HEAD",
        "ref: refs/../../secret",
        "ref: refs/heads/../../../secret",
        "ref: /etc/passwd",
        "ref: refs//heads",
        "ref: refs/heads/.invalid",
        "ref: refs/heads/a b",
        "ref: refs/heads/nobody",
        "ref: refs/heads",
        "ref: refs/heads/\x00",
    ],
)
def test_a_head_that_says_no_commit_is_not_known(tmp_path, head):
    (tmp_path / "secret").write_text(SHA)
    root = repository(tmp_path / "root", head, refs__heads__main=SHA, secret=OTHER)
    assert commit_of(root) == ""


def test_refs_that_go_round_in_a_circle_end(tmp_path):
    root = repository(
        tmp_path,
        "ref: refs/heads/a",
        refs__heads__a="ref: refs/heads/b",
        refs__heads__b="ref: refs/heads/a",
    )
    assert commit_of(root) == ""


HOSTILE = (".git", ".git/HEAD", ".git/refs", ".git/refs/heads", ".git/refs/heads/main")


@pytest.mark.parametrize("name", HOSTILE)
def test_no_link_is_followed(tmp_path, name):
    repository(tmp_path / "real", "ref: refs/heads/main", refs__heads__main=SHA)
    root = repository(tmp_path / "root", "ref: refs/heads/main", refs__heads__main=SHA)
    assert commit_of(root) == SHA
    shutil.move(root / name, tmp_path / "away")
    (root / name).symlink_to(tmp_path / "real" / name)
    assert commit_of(root) == ""


@pytest.mark.parametrize("name", HOSTILE)
def test_no_pipe_is_waited_for(tmp_path, name):
    root = repository(tmp_path / "root", "ref: refs/heads/main", refs__heads__main=SHA)
    shutil.move(root / name, tmp_path / "away")
    os.mkfifo(root / name)
    assert commit_of(root) == ""


@pytest.mark.parametrize("text", ["gitdir: .", "gitdir: ../loop", "gitdir: none", "", "x", SHA])
def test_a_git_file_that_leads_nowhere_ends(tmp_path, text):
    loop = tmp_path / "loop"
    loop.mkdir()
    (loop / ".git").write_text(text)
    assert commit_of(loop) == ""


def test_a_git_file_may_not_lead_over_a_link(tmp_path):
    repository(tmp_path / "real")
    (tmp_path / "link").symlink_to(tmp_path / "real" / ".git")
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / ".git").write_text("gitdir: ../link\n")
    assert commit_of(tmp_path / "root") == ""


@pytest.mark.parametrize("name", ["HEAD", "packed-refs", "commondir", "refs/heads/main"])
def test_a_huge_file_is_not_read(tmp_path, name):
    root = repository(tmp_path, "ref: refs/heads/main", refs__heads__main=SHA)
    (root / ".git" / "refs" / "heads" / "main").unlink()
    with (root / ".git" / name).open("wb") as file:
        file.truncate(PACKED_BYTES_MAX + (1 << 30))  # a hole: no disk is used
    assert commit_of(root) == ""


def test_bytes_that_are_no_text_are_not_known(tmp_path):
    root = repository(tmp_path)
    (root / ".git" / "HEAD").write_bytes(b"\xff\xfe" + SHA.encode())
    assert commit_of(root) == ""


def canary(folder, name):
    """Return a program that leaves a mark when it runs."""
    program = folder / name
    program.write_text(f"#!/bin/sh\n: > '{folder}/ran'\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_nothing_that_a_repository_names_is_run(tmp_path, monkeypatch):
    evil = canary(tmp_path, "git")
    root = repository(
        tmp_path / "-x", "ref: refs/heads/--upload-pack=x", **{"refs__heads__--upload-pack=x": SHA}
    )
    (root / ".git" / "config").write_text(
        f"[core]\n\tfsmonitor = {evil}\n\thooksPath = {tmp_path}\n\tsshCommand = {evil}\n"
        f'[filter "x"]\n\tsmudge = {evil}\n[include]\n\tpath = {evil}\n'
    )
    hooks = root / ".git" / "hooks"
    hooks.mkdir()
    for name in ("post-checkout", "reference-transaction", "fsmonitor-watchman"):
        shutil.copy(evil, hooks / name)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.chdir(root)
    assert commit_of(Path()) == SHA
    assert not (tmp_path / "ran").exists()
    subprocess.run(["git"], check=True)  # the canary does sing
    assert (tmp_path / "ran").exists()


def test_no_program_is_started_at_all(tmp_path, monkeypatch):
    def refuse(*words, **more):
        raise AssertionError(words)

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setattr(os, "posix_spawn", refuse)
    monkeypatch.setattr(os, "fork", refuse)
    assert commit_of(repository(tmp_path)) == SHA
