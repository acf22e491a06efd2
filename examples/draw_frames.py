"""Stands for a renderer with a command line: draws a bar that moves, a file for each frame.

draw_frames.py FIRST LAST STEP NAME, where NAME has %d or %04d for the frame's number.
"""

import sys
from pathlib import Path

WIDTH, HEIGHT = 96, 54


def picture(number: int) -> bytes:
    """Return a PGM image: a white bar on black, one column further with each frame."""
    row = bytes(255 if column == number % WIDTH else 0 for column in range(WIDTH))
    return b"P5 %d %d 255\n" % (WIDTH, HEIGHT) + row * HEIGHT


def main() -> None:
    """Draw the frames that the command line asks for."""
    first, last, step = map(int, sys.argv[1:4])
    for number in range(first, last + 1, step):
        sys.stdout.write(f"frame {number}\n")
        sys.stdout.flush()
        Path(sys.argv[4] % number).write_bytes(picture(number))


if __name__ == "__main__":
    main()
