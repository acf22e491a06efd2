"""What a step on a node ends with, if not well."""

from __future__ import annotations

from orchestrator.model.work import Cause


class Trouble(Exception):
    """It cannot be done; `final`: another try cannot end otherwise."""

    def __init__(self, sentence: str, cause: Cause = Cause.FAILED, *, final: bool = False) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.final = final
