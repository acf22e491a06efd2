"""What is asked of a node, and the two ways not to do it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Data = Mapping[str, Any]  # JSON, as the controller sent it


class Again(Exception):
    """It does not work now; it may later."""


class No(Exception):
    """It will not work until a person has done something."""
