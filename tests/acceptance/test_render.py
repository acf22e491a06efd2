"""Real frames, looked at before the rest is rendered, and a movie of them all."""

import shutil

import av
import pytest
from shop import Shop

from orchestrator.manifest.write import yaml_text

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not shutil.which("povray"), reason="POV-Ray is not installed"),
]

SCENE = """\
camera { orthographic location <0, 0, -5> right x*4 up y*4 look_at 0 }
background { rgb 0.1 }
box { <-2, -2, 0>, <-2 + 4*clock, 2, 1> pigment { rgb 1 } finish { ambient 1 } }
"""
FRAMES = 12
TURN = "bar-0001/turn"


@pytest.fixture
def shop(tmp_path):
    shop = Shop(tmp_path)
    (tmp_path / "bar.pov").write_text(SCENE)
    asked = {
        "scene": "bar.pov",
        "frames": {"start": 1, "end": FRAMES},
        "minFrames": 4,
        "destination": "out/bar.####.png",
        "options": ["+W64", "+H48"],
        "preview": {"frames": ["middle", "last"]},
        "movie": {"setting": "h264-1080p", "destination": "out/bar.mp4", "fps": 12},
    }
    batch = {
        "apiVersion": "orchestrator/v1",
        "kind": "Batch",
        "metadata": {"name": "bar"},
        "spec": {"jobs": [{"name": "turn", "processor": "povray", "with": asked}]},
    }
    shop.job.write_text(yaml_text(batch))
    return shop


def there(shop):
    return sorted(file.name for file in (shop.folder / "out").iterdir())


def brightness(path):
    """Return how bright each picture is, from 0 to 255."""
    with av.open(str(path)) as file:
        return [_mean(frame.reformat(format="gray")) for frame in file.decode(video=0)]


def _mean(frame):
    plane = frame.planes[0]
    whole, wide = bytes(plane), plane.line_size
    lines = [whole[row * wide : row * wide + frame.width] for row in range(frame.height)]
    return sum(map(sum, lines)) / (frame.width * frame.height)


def test_rest_is_rendered_once_a_person_has_looked_and_all_becomes_a_movie(shop):
    said = shop.run(ends=1).stdout.splitlines()
    assert there(shop) == ["bar.0006.png", "bar.0012.png"]
    files = [str(shop.folder / "out" / name) for name in there(shop)]
    assert f"  {TURN}/frames: Hold: look at the test frames first: {', '.join(files)}" in said
    assert f"Held: orchestrator resume {TURN}/frames" in said
    told = shop.call("status", "bar-0001", "--manifest").stdout
    assert told.count("name: turn-movie") == 1
    shop.job.write_text(told)
    again = shop.run(ends=1)  # as accepted it is the same batch, and to run it again is no answer
    assert "goes on where it stopped" in again.stderr
    assert "orchestrator resume" in again.stdout
    assert len(there(shop)) == 2
    shop.call("resume", f"{TURN}/frames")
    shop.run()
    names = [f"bar.{number:04}.png" for number in range(1, FRAMES + 1)]
    assert there(shop) == [*names, "bar.mp4"]
    movie = brightness(shop.folder / "out/bar.mp4")
    images = [brightness(shop.folder / "out" / name)[0] for name in names]
    assert images == sorted(images)
    assert len(set(images)) == len(movie) == FRAMES
    assert movie == pytest.approx(images, abs=6)
