"""What is said to a machine that has sshd and a POSIX shell, and nothing else (F-EXT-1).

Each function returns a whole script for ``/bin/sh``, given on stdin; no user value is ever part of
an SSH command line (T02).  A script is one function and its call, so that one cut off half-way does
nothing.  Answers stand after a marker line that cannot be guessed: whatever a login shell chatters
before it is not ours.

There, ``~/.orchestrator-extended/<name>/`` holds ``run`` (the words and their environment), ``keep``
(the shell that waits for them), ``pids``, the output as ``log.0``, ``log.1``, … and ``status``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

ROOT = ".orchestrator-extended"
"""Folder in the home of the user there; removed with the last attempt in it."""

KEPT_BYTES = 32 << 20
"""Of output that waits for us there; more, and the oldest piece is dropped (F29)."""

PIECES_A_POLL = 8
"""At most 1 MiB each."""

NO_FOLDER_CODE = 125
"""Exit code of words whose working directory there is none of."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Words to be run there."""

    name: str  #: of its folder: the attempt's id
    words: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    silence_s: int  #: so long not heard of us, it ends itself, and nothing of it stays (R5)


def start(errand: Errand, mark: str) -> bytes:
    """Start it detached, unless it was; answers ``started`` or ``there``."""
    return _script(
        f"""
    root=$HOME/{ROOT}
    d=$root/{errand.name}
    for i in 1 2 3; do ( umask 077; mkdir -p "$root" && mkdir "$d" ) && break; done 2>/dev/null
    cd "$d" 2>/dev/null || {{ printf '\\n%s\\nnone\\n' {mark}; return; }}
    if mkdir once 2>/dev/null; then
        cat > run <<'{mark}'
{_run(errand)}
{mark}
        cat > keep <<'{mark}'
{_KEEP.replace("@SILENCE@", str(errand.silence_s)).replace("@KEPT@", str(KEPT_BYTES))}
{mark}
        if command -v setsid >/dev/null 2>&1; then
            setsid /bin/sh ./keep </dev/null >keep.err 2>&1 &
        else
            nohup /bin/sh ./keep </dev/null >keep.err 2>&1 &
        fi
        printf '\\n%s\\nstarted\\n' {mark}
    else
        printf '\\n%s\\nthere\\n' {mark}
    fi
"""
    )


def poll(name: str, mark: str, piece: int, offset: int, beat: int) -> bytes:
    """Say that we are here, and read on from `offset` of output piece `piece`.

    Answers blocks, each after a marker line: first ``gone``, or ``starts -``,
    ``lives -``, ``dead -`` or ``over STATUS``, with the number of bytes that were dropped; then for each piece
    ``NUMBER OFFSET MORE`` and its bytes; at the end ``end``.
    """
    return _script(
        f"""
    cd "$HOME/{ROOT}/{name}" 2>/dev/null || {{ printf '\\n%s\\ngone\\n\\n%s\\nend\\n' {mark} {mark}; return; }}
    echo {beat} > heard
    {_ALIVE}
    state='starts -'
    [ -e pids ] && {{ state='dead -'; alive && state='lives -'; }}
    [ -e status ] && state="over $(cat status)"
    low=0 dropped=0
    [ -e low ] && read -r low dropped < low
    printf '\\n%s\\n%s %s\\n' {mark} "$state" "${{dropped:-0}}"
    n={piece} o={offset} i=0
    k=1
    while [ "$k" -le {PIECES_A_POLL} ] && [ "$k" -le {piece} ]; do
        rm -f "log.$(({piece} - k))"
        k=$((k + 1))
    done
    [ "$n" -ge "${{low:-0}}" ] || {{ n=$low; o=0; }}
    while [ "$i" -lt {PIECES_A_POLL} ]; do
        more=0
        [ -e "log.$((n + 1))" ] && more=1
        printf '\\n%s\\n%s %s %s\\n' {mark} "$n" "$o" "$more"
        tail -c "+$((o + 1))" "log.$n" 2>/dev/null
        [ "$more" = 1 ] || break
        n=$((n + 1)) o=0 i=$((i + 1))
    done
    printf '\\n%s\\nend\\n' {mark}
"""
    )


def end(name: str, mark: str, signal: str) -> bytes:
    """Signal the group of the words, ``TERM`` or ``KILL``; answers ``told``."""
    return _script(
        f"""
    cd "$HOME/{ROOT}/{name}" 2>/dev/null && {{
        {_ALIVE}
        if [ -e pids ] && [ ! -e status ] && alive; then
            kill -s {signal} -- "-$group" 2>/dev/null || kill -s {signal} "$command"
            kill -s CONT -- "-$group" 2>/dev/null
            if [ {signal} = KILL ] && [ "$group" = "$circle" ]; then echo 137 > status; fi
        fi
    }}
    printf '\\n%s\\ntold\\n' {mark}
"""
    )


def clean(name: str, mark: str) -> bytes:
    """End what is left and remove every trace; answers ``clean``."""
    return _script(
        f"""
    cd "$HOME/{ROOT}/{name}" 2>/dev/null && {{
        {_ALIVE}
        for i in 1 2 3 4 5; do [ -e pids ] || [ ! -e once ] || sleep 1; done
        if [ -e pids ] && alive; then
            [ -e status ] || kill -s KILL -- "-$group" 2>/dev/null
            kill -s KILL -- "-$circle" 2>/dev/null
        fi
    }}
    cd "$HOME" || return 1
    for i in 1 2 3 4 5; do rm -rf "{ROOT}/{name}" 2>/dev/null && break; sleep 1; done
    rmdir "{ROOT}" 2>/dev/null
    [ -e "{ROOT}/{name}" ] || printf '\\n%s\\nclean\\n' {mark}
"""
    )


def look(storage: str, mark: str) -> bytes:
    """Answers ``here`` and the first line of the storage's token, ``none`` or ``locked``."""
    folder = shlex.quote(storage)
    return _script(
        f"""
    token={folder}/.orchestrator-storage
    if [ ! -e "$token" ]; then printf '\\n%s\\nnone\\n' {mark}
    elif [ ! -r "$token" ] || [ ! -w {folder} ]; then printf '\\n%s\\nlocked\\n' {mark}
    else printf '\\n%s\\nhere ' {mark}; head -n 1 "$token"; echo
    fi
"""
    )


def _script(body: str) -> bytes:
    return f"orchestrator() {{{body}}}\norchestrator\n".encode("utf-8", "surrogateescape")


def _run(errand: Errand) -> str:
    """Return the words as a script: their environment is in no argument list (T11)."""
    lines = ["read -r line < go; rm -f run go"]
    lines += [
        f"{name}={shlex.quote(value)}; export {name}"
        for name, value in errand.env.items()
        if _NAME.fullmatch(name)
    ]
    lines.append(
        f"cd {_path(errand.cwd)} || "
        f"{{ echo {shlex.quote(errand.cwd)}: there is no such folder here; exit {NO_FOLDER_CODE}; }}"
    )
    lines.append("exec " + shlex.join(errand.words))
    return "\n".join(lines)


def _path(path: str) -> str:
    """Return `path` as one word that is no option."""
    return shlex.quote(path if path.startswith("/") else f"./{path}")


_ALIVE = """since() {
        read -r stat < "/proc/$1/stat" && set -- ${stat##*) } &&
            [ "$1" != Z ] && echo "${20}" && return
        ps -o lstart= -p "$1"
    } 2>/dev/null
    alive() {
        read -r keeper circle command group started < pids &&
            kill -0 "$keeper" 2>/dev/null && [ "$(since "$keeper")" = "$started" ]
    }"""
"""Whether the keeper in ``pids`` still is that process (R15); `circle` is the group it is in."""

_KEEP = rf"""trap : HUP INT TERM
d=$PWD
{_ALIVE}
forget() {{
    eval "held=\$((held - size_$low)); unset size_$low"
    low=$((low + 1))
}}
drop() {{
    eval "dropped=\$((dropped + size_$low))"
    rm -f "log.$low"
    forget
    echo "$low $dropped" > low.part && mv low.part low
}}
pump() {{
    trap : HUP INT TERM
    n=0 low=0 held=0 dropped=0 faults=0 before=0
    while :; do
        dd bs=65536 count=16 of="log.$n" 2>/dev/null || faults=$((faults + 1))
        if [ "$faults" -gt 100 ]; then cat > /dev/null; break; fi
        [ -s "log.$n" ] || [ "$faults" -gt "$before" ] || break
        size=$(($(wc -c < "log.$n"))) before=$faults
        eval "size_$n=$size"
        held=$((held + size)) n=$((n + 1))
        while [ "$low" -lt "$n" ] && [ ! -e "log.$low" ]; do forget; done
        while [ "$low" -lt "$n" ] && [ "$held" -gt @KEPT@ ]; do drop; done
    done
    rm -f "log.$n"
}}
rest() {{
    sleep "$1" || [ "$?" -gt 128 ]
}}
watch() {{
    trap : HUP INT TERM
    silent=0 last=
    while :; do
        rest 5
        rested=$?
        [ -d "$d" ] || {{ kill -s KILL -- "-$group"; exit; }}
        [ "$rested" = 0 ] || exit
        heard=$(cat heard)
        [ "$heard" = "$last" ] || silent=0
        last=$heard silent=$((silent + 5))
        [ "$silent" -ge @SILENCE@ ] || continue
        if [ ! -e status ]; then
            kill -s TERM -- "-$group" || kill -s TERM "$command"
            sleep 10 || sleep 10
        fi
        cd / && rm -rf "$d"
        rmdir "${{d%/*}}"
        kill -s KILL -- "-$group"
        kill -s KILL -- "-$circle"
        exit
    done
}}
mkfifo out go || exit 1
pump < out &
pump=$!
if command -v setsid >/dev/null 2>&1; then
    setsid /bin/sh ./run </dev/null >out 2>&1 &
    command=$! group=$! keeper=$$ circle=$$
else
    /bin/sh ./run </dev/null >out 2>&1 &
    command=$! keeper=$$
    group=$(ps -o pgid= -p $$ | tr -d ' ') circle=$group
fi
echo "$keeper $circle $command $group $(since "$keeper")" > pids.part && mv pids.part pids
watch </dev/null >/dev/null 2>&1 &
echo > go
while :; do
    wait "$command"
    code=$?
    kill -0 "$command" 2>/dev/null || break
done
[ "$group" = "$circle" ] || kill -s KILL -- "-$group" 2>/dev/null
( sleep 2; kill -s KILL "$pump" ) >/dev/null 2>&1 &
wait "$pump"
echo "$code" > status.part && mv status.part status
while rest 60 && [ -d "$d" ]; do :; done"""
"""Waits for the words, drains what they say, and ends them where nobody asks any more.

It leaves where there is no ``sleep`` (its PATH has gone) or no folder: it never spins.
"""
