"""The verbs of renders on real images: looked at, put in their places, looked at there."""

from __future__ import annotations

from pathlib import Path

import pytest
import stills

from orchestrator.frames.work import images


@pytest.mark.parametrize("kind", stills.KINDS)
def test_whole_image_is_decoded_and_a_truncated_one_is_broken(kind: str, tmp_path: Path) -> None:
    data, file = stills.image(kind), tmp_path / f"a{stills.ending(kind)}"
    file.write_bytes(data)
    seen = images.look(file)
    assert (seen.width, seen.height, seen.is_black) == (stills.WIDTH, stills.HEIGHT, False)
    for percent in (0, 1, 10, 50, 90, 99):
        file.write_bytes(data[: len(data) * percent // 100])
        with pytest.raises(images.NotAnImage):
            print(percent, images.look(file))


@pytest.mark.parametrize("kind", [kind for kind in stills.KINDS if kind not in {"webp"}])
def test_black_is_seen_whatever_the_kind(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"a{stills.ending(kind)}"
    file.write_bytes(stills.image(kind, 0))
    assert images.look(file).is_black
