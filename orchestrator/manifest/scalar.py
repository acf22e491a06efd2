"""Plain words to values: the core schema of YAML 1.2, less what means two things to two readers."""

from __future__ import annotations

import math
import re

DIGITS_MAX = 15  # beyond, JSON readers lose the last ones

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_ZERO_FIRST = re.compile(r"[-+]?0[0-9_]+|[-+]?0[0-9]+\.[0-9]*")
_OTHER_BASE = re.compile(r"[-+]?0(?:[xX][0-9a-fA-F_]+|[oO][0-7_]+|[bB][01_]+)")
_UNDERSCORES = re.compile(r"[-+]?[0-9][0-9_]*(?:\.[0-9_]*)?")


def resolve(word: str) -> str | int | float | bool | None:
    """Return what a plain (unquoted) word means; times, dates, on and no stay text.

    Raises ValueError, saying what to do, for a number that two readers read differently.
    """
    if word in _CONSTANTS:
        return _CONSTANTS[word]
    if word[0] not in "+-.0123456789":
        return word
    if _INTEGER.fullmatch(word):
        if len(word.lstrip("+-")) > DIGITS_MAX:
            raise ValueError(f"a number of more than {DIGITS_MAX} digits; if it is text, quote it")
        return int(word)
    if _FLOAT.fullmatch(word):
        return _finite(word)
    _refuse_ambiguous(word)
    return word


def _finite(word: str) -> float:
    value = float(word)
    if not math.isfinite(value):
        raise ValueError(f"{word[:40]} is too large for a number; if it is text, quote it")
    return value


def _refuse_ambiguous(word: str) -> None:
    shown = word[:40]
    if _NOT_FINITE.fullmatch(word):
        raise ValueError(f"{shown} is no finite number; if it is text, quote it")
    if _ZERO_FIRST.fullmatch(word):
        why = "begins with 0, which some read as octal"
    elif _OTHER_BASE.fullmatch(word):
        why = "is a number in another base"
    elif _UNDERSCORES.fullmatch(word) and "_" in word:
        why = "has _ between digits, which some read as a number"
    else:
        return
    raise ValueError(f"{shown} {why}; if it is text, quote it, else write it in plain digits")
