"""One attempt in its runner: folder, input, preflight, command, exit record.

Standard library only, and as few modules of it as can be: every attempt waits for them.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from collections.abc import Mapping

from orchestrator import volume
from orchestrator.agent import exits
from orchestrator.agent.command import Bell, Command, Ended, Limits
from orchestrator.agent.files import now_s, write_whole
from orchestrator.agent.leash import HEARD, Leash
from orchestrator.agent.logs import HEAD, LogWriter, copy_log, tail_text
from orchestrator.agent.watch import Herald, Watch

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself takes 5 ms to import
    from typing import Any

ENV_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "TZ")
"""What a command sees of our environment, with ``LC_*``; the rest is its own (T11)."""

RECORD_RETRY_S = 1.0

LOST_CODE = 255
"""What the words before a command end with where they cannot reach its machine."""

LABEL = "label.json"
"""In an attempt's folder: whose it is, and of which work."""


class Attempt:
    """One attempt, from its spec to its exit record."""

    def __init__(
        self, spool: str, spec: dict[str, Any], bell: Bell, wrap: tuple[str, ...] = ()
    ) -> None:
        self._spool = spool
        self._spec = spec
        self._bell = bell
        self._wrap = wrap
        self._folder: str = spec["folder"]
        self._owns_folder = False
        self._log = LogWriter(spool)
        root = os.path.dirname(os.path.dirname(spool))
        self._herald = Herald(os.path.join(root, "progress"), spec["attempt"])
        self._leash = Leash(os.path.join(root, HEARD))
        self._limit_at = now_s() + spec["limit_s"] if spec.get("limit_s") else None
        self._noticed: list[str] = []

    def run(self) -> dict[str, object]:
        """Return the outcome, as JSON data of `model.work.Outcome`."""
        self._write_head()
        try:
            self._make_folder()
            self._write_label()
            self._write_input()
            if words := self._spec.get("preflight"):
                self._preflight(words)
            ended = self._command(self._spec["argv"], self._spec.get("watch"))
            self._postflight(ended)
        except exits.Unstarted as error:
            return {"ending": "unstarted", "why": error.why, "cause": error.cause}
        except _Interrupted as error:
            return self._told(error.ended)
        return self._told(ended)

    def leave(self, outcome: dict[str, object], spool_file: str) -> None:
        """Bring the exit record to the disk; a copy and the log go to the attempt's folder.

        A copy that fails loses nothing; the record itself is tried until the disk takes it.
        """
        self._log.close()
        outcome["log_tail"] = tail_text(self._spool, exits.LOG_TAIL_BYTES)
        if self._owns_folder:
            self._forgive(outcome)
        record = json.dumps(outcome).encode()
        while not self._written(spool_file, record):
            if not os.path.isdir(self._spool):
                break  # somebody removed the spool: there is nobody to tell
            self._bell.wait(RECORD_RETRY_S)
        if self._owns_folder:
            try:
                copy_log(self._spool, os.path.join(self._folder, "log"))
                write_whole(os.path.join(self._folder, "exit.json"), record)
            except OSError as error:
                sys.stderr.write(f"{self._folder}: the log was not copied: {error}\n")

    def _make_folder(self) -> None:
        try:
            volume.make_folder(self._folder, *self._storage())
        except volume.Trouble as error:
            why = f"cluster storage {self._storage()[0]}: {error.why}; it goes on by itself"
            raise exits.Unstarted(why, "unready") from error
        except FileExistsError as error:
            why = f"{self._folder} exists: it was started before, and its record is lost"
            raise exits.Unstarted(why, "lost") from error
        except OSError as error:
            raise _no_folder(self._folder, error) from error
        self._owns_folder = True
        for name in self._spec.get("folders", ()):
            try:
                os.makedirs(os.path.join(self._folder, name), exist_ok=True)
            except OSError as error:
                raise _no_folder(self._folder, error) from error

    def _storage(self) -> tuple[str, str]:
        """Return where cluster storage is and what it is known by; empty: it is not checked."""
        return self._spec.get("storage", ""), self._spec.get("token", "")

    def _write_head(self) -> None:
        """Begin the log with what was told of the attempt, and what is inherited here."""
        head = self._spec.get("head") or ""
        if not head:
            return
        if not self._wrap:  # else the command runs on another machine
            kept = " ".join(
                f"{name}={value!r}" for name, value in sorted(_kept(os.environ).items())
            )
            head += f"# inherited: {kept}\n"
        try:
            write_whole(os.path.join(self._spool, HEAD), head.encode("utf-8", "replace"))
        except OSError as error:
            sys.stderr.write(f"{self._spool}: the log has no head: {error}\n")

    def _write_label(self) -> None:
        if label := self._spec.get("label"):
            self._write(LABEL, json.dumps(label).encode())

    def _write_input(self) -> None:
        data = b""
        if file := self._spec.get("input_file"):
            data = _checked(file, self._spec.get("input_sha256"))
        elif self._spec.get("input") is not None:
            data = json.dumps(self._spec["input"]).encode()
        if data:
            self._write("input.json", data)

    def _write(self, name: str, data: bytes) -> None:
        try:
            write_whole(os.path.join(self._folder, name), data)
        except OSError as error:
            raise _no_folder(self._folder, error) from error

    def _preflight(self, words: list[str]) -> None:
        ended = self._command(words, None)
        if ended.ending != "exited":
            raise _Interrupted(ended)
        if ended.exit_code != 0:
            how = f"signal {ended.signal}" if ended.signal else f"exit code {ended.exit_code}"
            last = tail_text(self._spool, 400).strip().rpartition("\n")[2]
            raise exits.Unstarted(f"preflight {words[0]}: {how}" + (f": {last}" if last else ""))

    def _postflight(self, ended: Ended) -> None:
        """Let what the command left be looked at here, wherever the command itself ran.

        Its own failure is told by `_told`: it has then left no result, or one that says so.
        """
        words = self._spec.get("postflight")
        if not words or ended.ending != "exited" or ended.signal:
            return
        if self._wrap and ended.exit_code == LOST_CODE and self._has_result():
            return  # the way to the command has left its own word (F-EXT-6)
        if self._spec.get("limit_s"):  # what the command left of its own may be nothing
            self._limit_at = now_s() + self._spec["limit_s"]
        watch = Watch(self._log, None, self._herald)
        looked = self._started([*words], self._folder, watch, self._limits(None))
        if looked.ending != "exited":
            raise _Interrupted(looked)
        if looked.exit_code != 0 and not self._has_result():
            how = f"signal {looked.signal}" if looked.signal else f"exit code {looked.exit_code}"
            last = tail_text(self._spool, 400).strip().rpartition("\n")[2]
            why = f"what the command left cannot be checked: {how}"
            raise exits.Unstarted(why + (f": {last}" if last else ""))

    def _has_result(self) -> bool:
        return os.path.exists(os.path.join(self._folder, "result.json"))

    def _command(self, words: list[str], pattern: str | None) -> Ended:
        cwd = self._spec.get("cwd") or self._folder
        try:
            watch = Watch(self._log, pattern, self._herald, self._spec.get("notice"))
        except re.error as error:
            key = "watch" if error.pattern == pattern else "notice"
            raise exits.Unstarted(f"{key} {error.pattern!r}: {error}; tell its author") from error
        ended = self._started(
            [*self._around(), *words], cwd, watch, self._limits(self._spec.get("stall_s"))
        )
        self._noticed = watch.noticed
        return ended

    def _started(self, words: list[str], cwd: str, watch: Watch, limits: Limits) -> Ended:
        env = {**_kept(os.environ), **self._spec.get("env", {})}
        try:
            command = Command(words, env, cwd)
        except (OSError, ValueError) as error:
            raise _no_start(words[0], cwd, error) from error
        return command.attend(watch, self._herald, self._bell, limits)

    def _limits(self, stall_s: float | None) -> Limits:
        left_s = None if self._limit_at is None else max(0.0, self._limit_at - now_s())
        limits = Limits(self._spec.get("limit_s"), left_s, stall_s)
        limits.leash = self._leash
        return limits

    def _around(self) -> list[str]:
        """Return the words before each command: ``{python}`` is ours, ``{spec}`` our spec's file."""
        known = {"{python}": sys.executable, "{spec}": os.path.join(self._spool, "spec.json")}
        return [known.get(word, word) for word in self._wrap]

    def _told(self, ended: Ended) -> dict[str, object]:
        told: dict[str, object] = {"ending": ended.ending, "why": ended.why}
        told |= {"exit_code": ended.exit_code, "signal": ended.signal}
        told["noticed"] = self._noticed
        told["result"], fault = exits.read_result(self._folder)
        if fault and ended.exit_code == 0 and ended.ending == "exited":
            told |= {"why": fault, "cause": "failed"}
        return told

    def _forgive(self, outcome: dict[str, object]) -> None:
        """Blame the disk and not the command, where it was the disk (F19, F20)."""
        if outcome["ending"] != "exited" or outcome.get("exit_code") == 0:
            return
        gone = volume.trouble(*self._storage()) if self._storage()[1] else ""
        why = gone or exits.was_full(self._folder, str(outcome["log_tail"]))
        if why is not None:
            outcome |= {"cause": "unready", "why": why}

    def _written(self, path: str, record: bytes) -> bool:
        try:
            write_whole(path, record, durable=True)
        except OSError as error:
            sys.stderr.write(f"{path}: {error}; tried again\n")
            return False
        return True


class _Interrupted(Exception):
    """The preflight did not come to its own end."""

    def __init__(self, ended: Ended) -> None:
        super().__init__(ended.why)
        self.ended = ended


def _kept(environ: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in environ.items() if k in ENV_KEPT or k.startswith("LC_")}


def _checked(file: str, sha256: str | None) -> bytes:
    try:
        with open(file, "rb") as stream:
            data = stream.read()
    except OSError as error:
        why = f"input {file}: {error.strerror}; it goes on when storage is back"
        raise exits.Unstarted(why, "unready") from error
    hashlib = importlib.import_module("hashlib")  # slow to import, and seldom needed
    if hashlib.sha256(data).hexdigest() != sha256:
        raise exits.Unstarted(f"input {file}: its hash is not the one that was told")
    return data


def _no_folder(folder: str, error: OSError) -> exits.Unstarted:
    why = exits.unready(folder, error)
    if why is not None:
        return exits.Unstarted(why, "unready")
    return exits.Unstarted(f"{folder}: {error.strerror}; it cannot be written to")


def _no_start(word: str, cwd: str, error: Exception) -> exits.Unstarted:
    if isinstance(error, OSError):
        if not os.path.isdir(cwd):
            return exits.Unstarted(f"working directory {cwd}: there is none here")
        if (why := exits.unready(cwd, error)) is not None:
            return exits.Unstarted(why, "unready")
        return exits.Unstarted(f"{word}: cannot be started: {error.strerror}")
    return exits.Unstarted(f"{word}: cannot be started: {error}")
