"""How large outputs become, roughly: enough to see that a disk cannot hold them."""

import pytest
from compressor_jobs import COMPRESSOR, found, job, planned, seen, steady

TIMES = steady(2500)  # 100 s of 25 frames
MB = 10**6


def size(setting, **video):
    asked = job(setting)
    frames = {target.name: target.frames for target in planned(asked, TIMES)}
    return COMPRESSOR.size(asked, found(seen(TIMES, **video), TIMES), frames)


@pytest.mark.parametrize(
    ("setting", "least", "most"),
    [
        ("prores-422-hq", 4000 * MB, 6000 * MB),  # 100 s of 184 Mbit/s, twice
        ("h264-1080p", 50 * MB, 200 * MB),
        ("ffv1-archive", 1000 * MB, 5000 * MB),
        ("aac", MB // 5, 2 * MB),  # 10 s of sound
    ],
)
def test_estimate_is_of_the_right_order(setting, least, most):
    assert least < size(setting, width=1920, height=1080) < most


def test_it_grows_with_the_pictures():
    small, large = size("ffv1-archive", width=960), size("ffv1-archive", width=1920)
    assert 1.8 < large / small < 2.2
