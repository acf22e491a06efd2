"""Texts of time to seconds and instants."""

from __future__ import annotations

import re
from datetime import datetime

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([dhms])")


def seconds(duration: str) -> float:
    """Return the length in seconds of a duration such as ``1h30m``; its schema holds."""
    return sum(float(count) * _SECONDS[unit] for count, unit in _PART.findall(duration))


def instant(text: str) -> str:
    """Return a date and time with its zone, ISO 8601; without one it is this computer's.

    Raises ValueError for a day or an hour that there is not.
    """
    when = datetime.fromisoformat(text)
    return (when if when.tzinfo else when.astimezone()).isoformat()
