"""Which packets show nothing."""

import pytest

from orchestrator_compressor.work import cues


@pytest.mark.parametrize(
    ("codec", "payload", "wanted"),
    [
        ("mov_text", b"\0\0", True),
        ("mov_text", b"\0\0\0\0\0\x16styl", True),
        ("mov_text", b"\0\2Hi", False),
        ("subrip", b" \r\n", True),
        ("subrip", b"Hi", False),
        ("ass", b"0,0,Default,,0,0,0,,{\\an8}", True),
        ("ass", b"0,0,Default,,0,0,0,,{\\p1}m 0 0 l 9 9", True),
        ("ass", b"0,0,Default,,0,0,0,,{\\pos(1,2)}Hi, you", False),
        ("hdmv_pgs_subtitle", b"\x16\0\x0b", False),
    ],
)
def test_blank_cues_are_none(codec, payload, wanted):
    assert cues.is_blank(codec, payload) is wanted
