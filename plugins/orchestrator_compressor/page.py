"""A report as one page for people: no script, nothing loaded, every word of others escaped.

Pure: JSON data in, HTML out.  Plots stretch with the window; their words stand outside of them, so
that they stay readable on a phone.
"""

from __future__ import annotations

import html
import json
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from statistics import fmean
from typing import cast

Data = Mapping[str, object]
Row = Sequence[object]

POINTS_MAX = 600  #: of a plot; more are put together
WORST_JOINS = 12
KILO = 1000
#: What no HTML may hold, and what turns the direction of words around.
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
NAMES = {"vmaf": "VMAF", "xpsnr": "XPSNR in dB"}
LONG = re.compile(r"\S{25,}")  #: a word that may be broken
BREAK_AFTER = 16
WIDTH, HEIGHT = 1000, 100  #: of a plot's own grid, whatever its size on the screen
ROOM = 0.08  #: of a plot's height, left free above and below
NOTHING = "unknown"


def page(report: Data) -> str:
    """Return the page of a report that `report.schema.json` describes."""
    name = posixpath.basename(str(report["destination"] or report["file"]))
    style = resources.files(__package__).joinpath("page.css").read_text("utf-8")
    body = "\n".join(
        part
        for part in (_head(report, name), _numbers(report), *_plots(report), *_tables(report))
        if part
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{_text(name)}</title>\n<style>\n{style}</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _text(value: object) -> str:
    """Return a value as text that is nothing but text in HTML, and keeps its direction to itself."""
    return html.escape(CONTROL.sub("\ufffd", str(value)), quote=True)


def _broken(value: object) -> str:
    """Return a value as text of which long words, as hashes, may be broken anywhere."""

    def pieces(hit: re.Match[str]) -> str:
        word = hit[0]
        return "\0".join(word[n : n + BREAK_AFTER] for n in range(0, len(word), BREAK_AFTER))

    parts = LONG.sub(pieces, str(value).replace("\0", "\ufffd")).split("\0")
    return "<wbr>".join(map(_text, parts))


def _head(report: Data, name: str) -> str:
    gates = _list(report["gates"])
    failed = sum(not gate["ok"] for gate in gates)
    said = f"{failed} of {len(gates)} gates failed" if failed else f"all {len(gates)} gates passed"
    verdict, mark = ("bad", "✗ Refused") if failed else ("good", "✓ Accepted")
    setting, source = _data(report["setting"]), _data(report["source"])
    return (
        f"<header><h1><bdi>{_text(name)}</bdi></h1>\n"
        f'<p class="verdict {verdict}"><strong>{mark}</strong> {said}</p>\n'
        f"<p>from <bdi>{_text(source['path'])}</bdi>, setting <bdi>{_text(setting['name'])}</bdi>, "
        f"verified {_text(report['written'])}</p></header>"
    )


def _numbers(report: Data) -> str:
    return (
        '<dl class="numbers">'
        + "".join(
            f"<div><dt>{_text(name)}</dt><dd>{_text(value)}</dd></div>"
            for name, value in _figures(report)
        )
        + "</dl>"
    )


def _figures(report: Data) -> Iterator[tuple[str, str]]:
    picture = report["picture"]
    if picture:
        seen = _data(picture)
        yield "frames", f"{seen['frames']} of {seen['planned']}"
        yield "length", _clock(seen["duration_s"])
        yield "pictures", _rate(seen["bits_per_s"])
        error = seen["pts_error_ms"]
        yield "error of times", NOTHING if error is None else f"{_number(error):g} ms"
    yield "file", f"{_number(report['size']) / KILO**2:.2f} MB"
    for each in _list(report["sound"]):
        yield "sound off by", f"{_number(each['offset_ms']):.3f} ms"
    for metric, told in _data(_data(report["measured"])["overall"]).items():
        figure = _data(told)
        yield NAMES[metric], f"{_number(figure['mean']):.2f}"
        yield f"{metric.upper()}, worst frame", f"{_number(figure['min']):.2f}"


def _plots(report: Data) -> Iterator[str]:
    """Yield a plot of each metric and of the bits, all over the same time, joins marked."""
    why = str(_data(report["measured"])["why_not"])
    if why:
        yield f'<p class="note">The quality was not measured: <bdi>{_text(why)}</bdi></p>'
    picture, seconds = report["picture"], _data(report["seconds"])
    if not picture or not seconds.get("bits"):
        return
    duration = _number(_data(picture)["duration_s"]) or 1.0
    joins = [_number(each["start_s"]) / duration for each in _list(report["segments"])][1:]
    drawn = []
    for metric in ("vmaf", "xpsnr"):
        if metric in seconds:
            drawn.append(_plot(NAMES[metric], _points(seconds[metric], min), joins, "line"))
    bits = [None if each is None else each / KILO for each in _points(seconds["bits"], fmean)]
    drawn.append(_plot("kbit in each second", bits, joins, "area"))
    half = f"<span>{_clock(duration / 2)}</span><span>{_clock(duration)}</span>"
    ends = f'<p class="ends"><span>{_clock(0)}</span>{half}</p>'
    key = "Dashed lines: where segments are joined." if joins else "One segment, without joins."
    yield (
        '<section><h2>Over time</h2><p class="key">'
        + key
        + "</p>"
        + "".join(drawn)
        + f"{ends}</section>"
    )


def _plot(name: str, points: list[float | None], joins: list[float], kind: str) -> str:
    """Return one plot: a line of a quality, or an area of bits that begins at 0."""
    known = [each for each in points if each is not None]
    if not known:
        return ""
    low, high = (0.0 if kind == "area" else min(known)), max(known)
    spread = (high - low) or 1.0
    marks = "".join(f'<path class="join" d="M{x * WIDTH:.1f} 0V{HEIGHT}"/>' for x in joins)
    shape = "".join(_runs(points, low, spread, kind))
    return (
        f'<figure><figcaption>{_text(name)}</figcaption><div class="plot">'
        f'<p class="scale"><span>{high:.4g}</span><span>{low:.4g}</span></p>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{_text(name)}: {low:.4g} to {high:.4g}">{marks}{shape}</svg></div></figure>'
    )


def _runs(points: list[float | None], low: float, spread: float, kind: str) -> Iterator[str]:
    """Yield a path for each run of seconds with a figure, in steps: a second is a stretch."""
    step, part = WIDTH / len(points), HEIGHT * (1 - 2 * ROOM)
    run: list[str] = []
    begin = 0.0
    for n, each in enumerate([*points, None]):
        if each is not None:
            y = HEIGHT * (1 - ROOM) - (each - low) / spread * part
            begin = begin if run else n * step
            run.append(f"{'L' if run else 'M'}{n * step:.1f} {y:.1f}H{(n + 1) * step:.1f}")
        elif run:
            close = f"V{HEIGHT}H{begin:.1f}Z" if kind == "area" else ""
            yield f'<path class="{kind}" d="{"".join(run)}{close}"/>'
            run = []


def _points(values: object, together: Callable[[list[float]], float]) -> list[float | None]:
    """Return a value a second; of a long file one of several, put ``together``."""
    found = cast("list[float | None]", values)
    share = -(-len(found) // POINTS_MAX)
    groups = [found[n : n + share] for n in range(0, len(found), share)]
    kept = [[each for each in group if each is not None] for group in groups]
    return [together(group) if group else None for group in kept]


def _tables(report: Data) -> Iterator[str]:
    gates = sorted(_list(report["gates"]), key=lambda gate: bool(gate["ok"]))
    yield _table(
        "Gates",
        ("", "gate", "wanted", "found"),
        [("ok" if g["ok"] else "FAILED", g["gate"], g["wanted"], g["found"]) for g in gates],
        bad=[not gate["ok"] for gate in gates],
    )
    metrics = [str(each) for each in _data(_data(report["measured"])["overall"])]
    heads = [head for each in metrics for head in (NAMES[each], "worst")]
    if segments := _list(report["segments"]):
        rows = [
            (
                _number(each["index"]) + 1,
                _clock(each["start_s"]),
                each["frames"],
                _rate(each["bits_per_s"]),
                *_told(each, metrics),
            )
            for each in segments
        ]
        yield _table("Segments", ("no.", "from", "frames", "rate", *heads), rows)
    if joins := _list(report["joins"]):
        first = sorted(joins, key=lambda each: _number(_data(each[metrics[0]])["min"]))
        rows = [
            (each["frame"], _clock(each["time_s"]), *_told(each, metrics))
            for each in first[:WORST_JOINS]
        ]
        title = "Joins, 12 frames on each side, the worst first"
        yield _table(title, ("frame", "at", *heads), rows)
    yield from _search(report["search"])
    yield _rest(report)


def _search(search: object) -> Iterator[str]:
    if not search:
        return
    found = _data(search)
    rows = [
        (
            f"{_number(each['crf']):g}",
            f"{_number(each['vmaf']):.2f}",
            "taken" if each["crf"] == found["crf"] else "",
        )
        for each in _list(found["tried"])
    ]
    title = f"Search for VMAF {_number(found['wanted']):g}, on {found['frames']} frames"
    yield _table(title, ("CRF", "VMAF", ""), rows)
    if note := found.get("note"):
        yield f'<p class="note">{_text(note)}</p>'


def _rest(report: Data) -> str:
    kept = ("destination", "source", "setting", "builds", "times")
    told = {key: report[key] for key in kept} | {"headers": None}
    if report["picture"]:
        told["headers"] = _data(report["picture"])["headers"]
    text = json.dumps(told, indent=2, ensure_ascii=False)
    return f"<details><summary>Source, setting, builds</summary><pre>{_text(text)}</pre></details>"


def _table(title: str, heads: Sequence[str], rows: Sequence[Row], bad: Sequence[bool] = ()) -> str:
    head = "".join(f'<th scope="col">{_text(each)}</th>' for each in heads)
    marked = [*bad, *[False] * (len(rows) - len(bad))]
    body = "\n".join(
        f"<tr{' class=bad' if is_bad else ''}>"
        + "".join(f"<td><bdi>{_broken(each)}</bdi></td>" for each in row)
        + "</tr>"
        for row, is_bad in zip(rows, marked, strict=True)
    )
    return (
        f'<section><h2>{_text(title)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div></section>"
    )


def _told(each: Data, metrics: Sequence[str]) -> list[str]:
    figures = [_data(each[metric]) for metric in metrics]
    return [f"{_number(one[key]):.2f}" for one in figures for key in ("mean", "min")]


def _rate(bits_per_s: object) -> str:
    kilobits = _number(bits_per_s) / KILO
    return (
        f"{kilobits / KILO:.2f}\u00a0Mbit/s" if kilobits >= KILO else f"{kilobits:.0f}\u00a0kbit/s"
    )


def _clock(seconds: object) -> str:
    """Return a time as people read it: ``0:00:50.167``."""
    minutes, thousandths = divmod(round(_number(seconds) * KILO), 60 * KILO)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{thousandths // KILO:02d}.{thousandths % KILO:03d}"


def _number(value: object) -> float:
    return cast("float", value)


def _data(value: object) -> Data:
    return cast("Data", value)


def _list(value: object) -> Sequence[Data]:
    return cast("Sequence[Data]", value)
