"""Single images, opened and decoded through PyAV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.error
import av.logging

from orchestrator.api import Cause
from orchestrator_compressor.sequences import DEMUXER
from orchestrator_compressor.work import media
from orchestrator_compressor.work.gate import SAMPLE_EVERY
from orchestrator_compressor.work.trouble import Trouble

if TYPE_CHECKING:
    from av.container import InputContainer


@contextmanager
def opened(path: str) -> Iterator[InputContainer]:
    """Open one image, and nothing else that it may claim to be (T04).

    Raises Trouble if that cannot be done.
    """
    options = {
        "pattern_type": "none",
        "protocol_whitelist": "file",
        "format_whitelist": DEMUXER,
    }
    try:
        with av.open(f"file:{path}", format=DEMUXER, options=options) as container:
            yield container
    except av.error.FFmpegError as error:
        raise Trouble(f"{path}: cannot be read: {error.strerror}", Cause.SOURCE) from error


def check(path: Path, expect: Mapping[str, object]) -> None:
    """Decode an image, and compare it with what `expect` names.

    Raises Trouble, with both values, where it is another, or cannot be decoded.
    """
    with av.logging.Capture() as said:
        try:
            with opened(str(path)) as container:
                stream = container.streams.video[0]
                stream.codec_context.thread_count = 1
                frame = next(container.decode(stream), None)
                found = media.picture(stream)
        except Trouble as trouble:  # the file is ours, not the source
            raise Trouble(f"{trouble}; it is made again") from trouble
    complaints = [text.strip() for level, _, text in said if level <= av.logging.ERROR]
    if frame is None or frame.is_corrupt or complaints:
        why = complaints[0] if complaints else "no picture comes"
        raise Trouble(f"{path.name}: cannot be decoded again: {why}")
    for key, wanted in expect.items():
        if wanted is not None and key in found and found[key] != wanted:
            raise Trouble(f"{path.name}: {key} is {found[key]} instead of {wanted}")


def check_samples(paths: Sequence[Path], expect: Mapping[str, object]) -> int:
    """Check the first, the last and every 25th image; return how many."""
    media.listen()
    chosen = [n for n in range(len(paths)) if n % SAMPLE_EVERY == 0 or n == len(paths) - 1]
    for n in chosen:
        check(paths[n], expect)
    return len(chosen)
