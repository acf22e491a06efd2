"""A scripted encoder: does what the lines of a FIFO say, one after the other.

``frames N`` · ``repeat N`` (the same frame again) · ``say TEXT`` · ``stall`` · ``exit CODE`` ·
``signal NAME`` · ``flood BYTES`` · ``line BYTES`` (without an end) · ``junk`` (NUL, ANSI, bad UTF-8) ·
``grandchild`` (keeps the pipe open) · ``ignore-term`` · ``partial`` (a truncated file) ·
``fill`` (write until the disk is full, then fail) · ``result JSON`` · ``remove`` (its own folder)
"""

import os
import shutil
import signal
import sys
from pathlib import Path

CHUNK = b"x" * 79 + b"\n"


class Encoder:
    def __init__(self):
        self.frame = 0

    def frames(self, count):
        for _ in range(int(count)):
            self.frame += 1
            self.repeat("1")

    def repeat(self, count):
        for _ in range(int(count)):
            self.say(f"frame={self.frame}")

    def say(self, text=""):
        _write(text.encode() + b"\n")

    def stall(self):
        while True:
            signal.pause()

    def exit(self, code):
        os._exit(int(code))

    def signal(self, name):
        signal.signal(getattr(signal, name), signal.SIG_DFL) if name != "SIGKILL" else None
        os.kill(os.getpid(), getattr(signal, name))

    def flood(self, size):
        block = CHUNK * 4096
        for _ in range(int(size) // len(block) + 1):
            _write(block)

    def line(self, size):
        for _ in range(int(size) >> 16):
            _write(b"y" * (1 << 16))

    def junk(self):
        _write(b"a\0b\x1b[31mred\x1b[0m \xff\xfe\x1b]0;title\x07 end\n")

    def grandchild(self):
        if os.fork() == 0:
            self.stall()

    def ignore_term(self):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

    def partial(self):
        Path("out").write_bytes(b"half")

    def fill(self):
        try:
            with open("out", "wb", buffering=0) as file:
                while True:
                    file.write(CHUNK * 512)
        except OSError:
            self.exit("1")

    def result(self, text):
        Path("result.json").write_text(text)

    def remove(self):
        shutil.rmtree(os.getcwd())


def _write(data):
    while data:
        data = data[os.write(1, data) :]


def main(fifo):
    encoder = Encoder()
    with open(fifo) as script:
        for line in script:
            verb, _, rest = line.strip().partition(" ")
            getattr(encoder, verb.replace("-", "_"))(*([rest] if rest else []))


if __name__ == "__main__":
    main(sys.argv[1])
