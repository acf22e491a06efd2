"""Files of captions are read strictly and written so that they are read the same."""

from fractions import Fraction

import pytest

from orchestrator_compressor import captions, scc, timecode
from orchestrator_compressor.marks import MILLISECOND, Cue
from orchestrator_compressor.scc import Pair
from orchestrator_compressor.ttml import PARAMETER

SRT = (
    "\ufeff1\r\n00:00:01,5 --> 00:00:02,000 X1:1\r\n<font color=red>{\\an8}A <b>b</b></font>\r\n"
    "\r\n\r\n2\r\n00:01:00,000 --> 00:01:01,250\r\n3 < 4 &amp; 5\r\nsecond\r\n"
)
ITT = """<?xml version="1.0" encoding="UTF-8"?>
<!-- a remark --><tt xmlns="http://www.w3.org/ns/ttml" xmlns:ttp="http://www.w3.org/ns/ttml#parameter"
 ttp:timeBase="smpte" ttp:frameRate="30" ttp:frameRateMultiplier="1000 1001" ttp:dropMode="nonDrop">
<head><title>no caption</title></head><body begin="00:00:10:00"><div>
<p begin="00:00:00:00" end="00:00:01:15">one<br/>
   <span>two</span> &lt;3</p><p begin="00:00:02:00" dur="1.5s"> </p>
</div></body></tt>"""


def ms(*times: float) -> list[int]:
    return [round(time * MILLISECOND) for time in times]


def test_subrip_and_webvtt_say_the_same():
    found = captions.read("srt", SRT.encode())
    assert [each.text for each in found] == ["A <b>b</b>", "3 < 4 &amp; 5\nsecond"]
    assert [[c.start, c.end] for c in found] == [ms(1500, 2000), ms(60000, 61250)]
    for kind in ("srt", "vtt"):
        assert captions.read(kind, captions.write(kind, found).encode()) == found
    plain = captions.read("itt", captions.write("itt", found, "en").encode())
    assert [each.text for each in plain] == ["A b", "3 < 4 &amp; 5\nsecond"]


def test_webvtt_loses_voices_styles_and_notes():
    text = "WEBVTT\n\nSTYLE\n::cue {}\n\nNOTE x\n\nid\n00:01.000 --> 00:02.000 line:0\n<v Bob>a<c.x>b</c> &lt;i&gt;\n"
    (found,) = captions.read("vtt", text.encode())
    assert (found.start, found.text) == (1000 * MILLISECOND, "ab <i>")


def test_ttml_counts_frames_and_begins_where_its_body_does():
    (found,) = captions.read("itt", ITT.encode())
    assert found.text == "one\ntwo <3"
    second = Fraction(1001, 1000) * 10**9
    assert (found.start, found.end) == (round(10 * second), round(11.5 * second))


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        ("srt", "1\n00:00:02,000 --> 00:00:01,000\nx\n", "ends before it begins"),
        ("srt", "1\n00:00 --> x\ny\n", "is no time of a caption"),
        ("srt", "no captions", "has no captions"),
        ("vtt", "1\n00:00:01.000 --> 00:00:02.000\nx\n", "does not begin with WEBVTT"),
        ("srt", "\0", "has a NUL"),
        ("itt", "<tt><body>", "is no XML"),
        ("itt", '<!DOCTYPE tt [<!ENTITY a "b">]><tt>&a;</tt>', "doctype"),
        ("itt", '<!DOCTYPE tt SYSTEM "file:///etc/passwd"><tt/>', "doctype"),
        ("itt", "<tt>&unknown;</tt>", "is no XML"),
        ("itt", "<a>" * 100 + "</a>" * 100, "deeper"),
        ("itt", '<tt><p begin="1s">x</p></tt>', "neither end nor dur"),
        ("itt", '<tt><p begin="soon" end="2s">x</p></tt>', "is no time"),
        (
            "itt",
            f'<tt xmlns:p="{PARAMETER}" p:frameRateMultiplier="1 0"/>',
            "no sensible frame rate",
        ),
    ],
)
def test_what_is_wrong_is_said(kind, text, why):
    with pytest.raises(ValueError, match=why):
        captions.read(kind, text.encode())


@pytest.mark.timeout(20)
def test_tags_without_an_end_take_no_time():
    for kind, head, tag in (
        ("srt", "", "<font "),
        ("srt", "", "{\\\\"),
        ("vtt", "WEBVTT\n\n", "<"),
    ):
        text = f"{head}00:00:01.000 --> 00:00:02.000\nx{tag * 300_000}\n"
        (found,) = captions.read(kind, text.encode())
        assert found.text.startswith("x")


def test_other_encodings_are_refused_and_utf_16_is_read():
    with pytest.raises(ValueError, match=r"not UTF-8 \(byte 32\)"):
        captions.read("srt", "1\n00:00:01,000 --> 00:00:02,000\nä".encode("latin-1")[:-1] + b"\xe4")
    assert captions.read("srt", SRT.lstrip("\ufeff").encode("utf-16"))


def test_closed_captions_keep_their_pairs_and_times():
    text = "Scenarist_SCC V1.0\n\n01:00:00;00\t9420 9420 c8e5\n\n01:00:10;29\t942c\n"
    pairs = scc.read(text)
    assert scc.write(pairs) == text
    late = [Pair(each.time, each.word) for each in pairs]
    assert len(scc.counted(late).splitlines()) == 9
    cue = Cue(start=33 * MILLISECOND, end=99 * MILLISECOND, text="{\\an7}x")
    (found,) = scc.retimed([cue], pairs)
    assert (found.start, found.end) == (pairs[1].time, pairs[3].time)
    for wrong in ("x", "Scenarist_SCC V1.0\n\n01:00:00;00 94zz"):
        with pytest.raises(ValueError, match=r"begin|line of captions"):
            scc.read(wrong)


def test_only_valid_pairs_of_the_first_field_are_captions():
    data = bytes.fromhex("fc9420 fd1111 f89999 fc8080 fa0000")
    assert [each.word for each in scc.of_picture(7, data)] == ["9420"]


@pytest.mark.parametrize("rate", [Fraction(30000, 1001), Fraction(60000, 1001)])
def test_drop_frame_names_are_those_of_their_numbers(rate):
    ten = 17982 * round(rate / 30)
    for number in [*range(0, 4000, 7), 1799, 1800, 3596, 3597, 3598, ten - 1, ten, ten + 1800]:
        code = timecode.name(number, rate, drop=True)
        assert timecode.why_not(code, rate) is None
        assert timecode.count(code, rate) == number
    assert str(timecode.name(ten, rate, drop=True)) == "00:10:00;00"


@pytest.mark.parametrize(
    ("text", "rate", "why"),
    [
        ("01:00:00:25", "25", "last number is 24"),
        ("01:00:00;00", "25", "for 29.97 and 59.94"),
        ("01:00:00;00", "30", "for 29.97 and 59.94"),
        ("00:01:00;01", "30000/1001", "the next is 00:01:00;02"),
        ("24:00:00:00", "25", "a day has 24 hours"),
        ("00:10:00;00", "30000/1001", None),
        ("00:01:00;03", "60000/1001", "the next is 00:01:00;04"),
        ("23:59:59:23", "24000/1001", None),
    ],
)
def test_timecode_fits_its_rate(text, rate, why):
    found = timecode.why_not(timecode.read(text), Fraction(rate))
    assert (found is None) if why is None else (why in (found or ""))
