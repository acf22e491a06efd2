"""The page of a report: nothing of what others wrote is anything but text, and failures stand first."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from importlib import resources
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from orchestrator_compressor import page

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\u202e\x00\x1b[31m\ud800'
TAGS = """html head meta title style body main header h1 h2 p bdi strong dl div dt dd section
figure figcaption span svg path table thead tbody tr th td wbr details summary pre"""
SINGLE = frozenset({"meta", "wbr", "path"})


def figure(mean: float, least: float, worst: int = 7) -> dict[str, Any]:
    return {"mean": mean, "min": least, "worst": worst}


def report(text: str = "a", seconds: int = 6, segments: int = 3) -> dict[str, Any]:
    """A report as a node writes it, with `text` wherever others have a word in it."""
    row = {"frames": 25, "duration_s": 1.0, "bits": 1000, "bits_per_s": 1000}
    both = {"vmaf": figure(95.5, 80.25), "xpsnr": figure(38.0, 30.0)}
    return {
        "version": 1,
        "ok": False,
        "file": "final.mp4",
        "destination": f"/out/{text}.mp4",
        "written": "2026-05-04T12:00:00+00:00",
        "source": {"path": f"/in/{text}", "fingerprint": {"name": text}},
        "setting": {"name": text, "container": "mp4", "spec": {"description": text}},
        "gates": [
            {"gate": "frames", "wanted": "25", "found": "25", "ok": True, "number": None},
            {"gate": "title", "wanted": text, "found": text, "ok": False, "number": None},
        ],
        "picture": {
            **{"frames": 150, "planned": 150, "duration_s": float(seconds), "bits": 1},
            **{"bits_per_s": 2500000, "pts_error_ms": None, "headers": {"codec": text}},
        },
        "sound": [{"gate": "sound 0 against the picture", "offset_ms": 0.02}],
        "size": 12345678,
        "segments": [
            {"index": n, "first": n * 25, "start_s": float(n), **row, **both}
            for n in range(segments)
        ],
        "joins": [{"frame": n * 25, "time_s": float(n), **both} for n in range(1, segments)],
        "seconds": {
            "bits": [1000.0] * seconds,
            "vmaf": [95.0, None, *[90.0 + n % 7 for n in range(seconds - 2)]],
            "xpsnr": [38.0] * seconds,
        },
        "measured": {"model": "vmaf_v0.6.1", "overall": both, "why_not": ""},
        "search": {
            **{"crf": 24.5, "vmaf": 95.1, "wanted": 95, "frames": 250, "note": text},
            "tried": [{"crf": 24.5, "vmaf": 95.1, "bits": 1}],
        },
        "builds": {"ffmpeg": text, "ffmpeg_sha256": "0d", "av": "18.1.0"},
        "times": {"encode_s": [1.5, None], "verify_s": 2.0},
    }


class Seen(HTMLParser):
    """Which tags a page has; each that is opened must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.keys: set[str] = set()
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.keys |= {key for key, _ in attrs}
        if tag not in SINGLE:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in SINGLE:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_made_up_report_is_one():
    schema = json.loads(
        resources.files("orchestrator_compressor").joinpath("report.schema.json").read_text()
    )
    Draft202012Validator.check_schema(schema)
    assert not list(Draft202012Validator(schema).iter_errors(report(HOSTILE)))


def test_hostile_words_are_words():
    made = page.page(report(HOSTILE))
    made.encode("utf-8", errors="strict")
    seen = Seen(made)
    assert seen.tags <= set(TAGS.split())
    assert seen.open == []
    assert not {key for key in seen.keys if key.startswith("on") or key in {"src", "href"}}
    assert "<script" not in made
    assert "alert(1)</script>" in seen.words
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", made)


@given(st.text(max_size=80))
def test_whatever_the_words_the_page_stays_whole(text):
    seen = Seen(page.page(report(text)))
    assert seen.tags <= set(TAGS.split())
    assert seen.open == []


def test_a_page_loads_nothing():
    made = page.page(report())
    assert "default-src 'none'" in made
    assert not re.search(r"https?:|url\(|@import|<link|<script", made)


def test_what_failed_stands_first():
    made = page.page(report("Ä"))
    assert "1 of 2 gates failed" in made
    assert made.index("<tr class=bad>") < made.index("<bdi>frames</bdi>")


def test_joins_are_marked_and_a_long_film_stays_small():
    assert page.page(report(segments=3)).count('class="join"') == 2 * 3
    long = page.page(report(seconds=7200, segments=40))
    assert len(long) < 200_000


@pytest.mark.parametrize("part", ["picture", "search"])
def test_what_is_not_there_is_left_out(part):
    bare = {**report(), part: None, "segments": [], "joins": [], "seconds": {"bits": []}}
    bare["measured"] = {"model": "", "overall": {}, "why_not": f"no {HOSTILE}"}
    seen = Seen(page.page(bare))
    assert seen.open == []
    assert "was not measured: no" in seen.words
