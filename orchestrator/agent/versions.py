"""`python -m orchestrator.agent.versions NAME PATH PATTERN WAY WORDS…`: a program and its version.

Prints the JSON that a check of a program answers: ``path version sha256``, or ``why`` it cannot be
used.  WAY: words, as a JSON list, that run a command on an extended node; empty: it is this one.
Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.agent.asking import Answer, ask

LIMIT_S = 50.0
"""Renderers begin slowly: they look for plug-ins first."""

UNASKED = "it cannot be asked for now"
"""What is said of a program where the way to its machine leads nowhere: it is asked for again."""

MODULE = "orchestrator.agent.versions"

_SHOWN_CHARS = 200

_SILENCE = Answer(0, "", "")

_THERE = """
path=$(command -v -- "$2") || exit 0
case $path in /*) ;; *) exit 0 ;; esac
test -x "$path" && ! test -d "$path" || exit 0
printf '\\n%s\\n%s\\n' "$1" "$path"
{ sha256sum < "$path" || cksum < "$path"; } 2>/dev/null
printf '%s\\n' "$1"
shift 2
test $# -gt 0 || exit 0
"$path" "$@" </dev/null 2>&1
"""
"""A script of a POSIX shell: where the program of that name is, its hash, and what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a program."""

    name: str
    path: str  #: as `programs` of the node names it; empty: the one of that name on the path
    pattern: str  #: with a group ``version``
    words: tuple[str, ...]  #: it tells its version when it is called with these; none: its path may


def main() -> int:
    """Print what is found."""
    name, path, pattern, way, *words = sys.argv[1:]
    asked = Question(name=name, path=path, pattern=pattern, words=tuple(words))
    answer = found_behind(asked, json.loads(way)) if way else found(asked)
    sys.stdout.write(json.dumps(answer))
    return 0


def found(asked: Question) -> dict[str, str]:
    """Return the answer for a program of this node."""
    there = _there(asked)
    if there is None:
        return {"why": _missing_here(asked)}
    there = os.path.abspath(there)
    try:
        said = ask([there, *asked.words], LIMIT_S, as_one=True) if asked.words else _SILENCE
    except OSError as error:
        return {"why": f"{there}: it cannot be started: {error.strerror}"}
    return _told(asked, there, said, _digest(there))


def absent(check: Sequence[str]) -> str:
    """Return why a program is not on this node, where its check, filled in, is one of ours.

    Empty: it is, or only its check can tell.  So what is not installed costs no process a start.
    """
    if list(check[1:3]) != ["-m", MODULE]:
        return ""
    name, path, pattern, _, *words = check[3:]
    asked = Question(name=name, path=path, pattern=pattern, words=tuple(words))
    return "" if _there(asked) else _missing_here(asked)


def _there(asked: Question) -> str | None:
    return shutil.which(os.path.expanduser(asked.path) or asked.name)


def _missing_here(asked: Question) -> str:
    return _missing(asked, _odd(os.path.expanduser(asked.path)) if asked.path else "")


def found_behind(asked: Question, way: Sequence[str]) -> dict[str, str]:
    """Return the answer for a program of the machine that the words of `way` lead to."""
    mark = secrets.token_hex(16)
    path = asked.path or asked.name
    with tempfile.TemporaryDirectory(prefix="orchestrator-check-") as folder:
        spec = os.path.join(folder, "spec.json")
        with open(spec, "w", encoding="utf-8") as file:
            json.dump({"attempt": f"check-{mark}", "folder": folder, "cwd": "/"}, file)
        around = [spec if word == "{spec}" else word for word in way]
        words = [*around, "sh", "-c", _THERE, "sh", mark, path, *asked.words]
        try:
            answer = ask(words, LIMIT_S, as_one=True)
        except OSError as error:
            return {"why": f"{asked.name}: {UNASKED}: {error.strerror}"}
    _, *said = answer.out.split(f"\n{mark}\n", 2)
    if not said:
        if answer.code or answer.is_late:
            return {"why": f"{asked.name}: {UNASKED}: {_last(answer)}"}
        return {"why": _missing(asked, "")}
    there, _, digest = said[0].partition("\n")
    words_said = Answer(answer.code, said[1] if len(said) > 1 else "", "", answer.is_late)
    return _told(asked, there, words_said, (digest.split() or [""])[0])


def _digest(path: str) -> str:
    """Return the hash of a program; of one that may be run and not be read, what differs at least."""
    try:
        with open(path, "rb") as binary:
            return hashlib.file_digest(binary, "sha256").hexdigest()
    except OSError:
        stat = os.stat(path)
        return f"unread-{stat.st_size}-{stat.st_mtime_ns}"


def _told(asked: Question, there: str, answer: Answer, digest: str) -> dict[str, str]:
    """Return what a program that is there has said of itself."""
    hit = re.search(asked.pattern, answer.out if asked.words else there)
    if not asked.words:
        version = hit.groupdict().get("version") if hit else ""
        return {"path": there, "version": version or "", "sha256": digest}
    if answer.is_late and hit is None:
        did = "did not end" if answer.out.strip() else "said nothing"
        return {"why": f"{' '.join((there, *asked.words))}: {did} for {LIMIT_S:g} s"}
    if hit is None:
        return {"why": f"{there} does not tell the version of {asked.name}: {_last(answer)}"}
    return {"path": there, "version": hit["version"], "sha256": digest}


def _last(answer: Answer) -> str:
    return answer.last[:_SHOWN_CHARS] or f"it is silent, exit code {answer.code}"


def _missing(asked: Question, odd: str) -> str:
    if asked.path:
        return f"{asked.path}: {odd or 'there is no such program'}; correct it in `programs`"
    return f"it has no {asked.name}: install it, or name it in `programs`"


def _odd(path: str) -> str:
    """Return why what is there cannot be run; empty: nothing is there."""
    if os.path.isdir(path):
        return "it is a folder"
    return "it may not be executed" if os.path.exists(path) else ""


if __name__ == "__main__":
    sys.exit(main())
