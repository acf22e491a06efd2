"""The buffer of a player: filled at a steady rate, emptied frame by frame as they are decoded.

Each part of a film keeps to it from its own beginning only; so the joined one is looked at again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

FULL_AT_START = Fraction(9, 10)  #: of the buffer; encoders reckon so, too


@dataclass(slots=True)
class Bucket:
    """A buffer while a film is played."""

    maximum: int  #: bits a second
    buffer: int  #: bits
    fill: Fraction = field(init=False)
    _at: Fraction | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.fill = FULL_AT_START * self.buffer

    @property
    def share(self) -> Fraction:
        """How full it is, 0 to 1."""
        return self.fill / self.buffer

    def wait(self, at: Fraction) -> None:
        """Let it fill until second `at`."""
        if self._at is not None:
            self.fill = min(Fraction(self.buffer), self.fill + self.maximum * (at - self._at))
        self._at = at

    def take(self, bits: int) -> int:
        """Decode a frame of `bits` now; return how many bits of it were not there yet.

        After such a frame, for which a player would have to wait, it is empty.
        """
        self.fill -= bits
        short = -self.fill
        if short <= 0:
            return 0
        self.fill = Fraction(0)
        return int(-(-short // 1))
