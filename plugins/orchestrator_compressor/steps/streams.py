"""What stands beside pictures and sound, in the file or beside it: captions, small pictures."""

from __future__ import annotations

from fractions import Fraction

from orchestrator.api import Command
from orchestrator_compressor import beside, finish, geometry, recipe
from orchestrator_compressor.beside import Extras, Track
from orchestrator_compressor.codecs import MOV_LIKE
from orchestrator_compressor.keeping import Moment, Sheet, Thumbnails
from orchestrator_compressor.product import Product
from orchestrator_compressor.steps.step import Step, marks, props, source, table, work

QUALITY = {"jpeg": ("-q:v", "3"), "png": ()}
FORMATS = {"jpeg": "yuvj420p", "png": "rgb24"}


def command(step: Step) -> Command:
    """Return the command that makes them."""
    product, extras = step.product, step.product.extras
    video = step.source.video
    picture = product.picture
    rate = video.rate if video and video.is_even else None
    if picture and video:
        rate = picture.rate if picture.timing.is_even(video) else None
    first = product.picture.start if product.picture else product.zero
    small = _pictures(step)
    asked = {
        **source(step),
        "table": table(step) if video else None,
        "span": step.source.span.dump() if step.source.span else None,
        "marks": marks(step),
        "zero": str(product.zero),
        "lead": str(first - product.zero),
        "length": _length(product),
        "video": video.index if video else None,
        "rate": str(rate) if rate else None,
        "first": step.given.timecode or product.others.timecode or step.source.timecode,
        "tracks": [_track(step, each) for each in _tracks(extras)],
        "chapters": _chapters(step) if extras.has_chapters else None,
        **small,
        **(props(step) if small else {}),
    }
    return work(step, "streams", [], asked)


def _tracks(extras: Extras) -> tuple[Track, ...]:
    burned = (extras.burned,) if extras.burned else ()
    beside_it = (each.track for each in extras.sidecars)
    return tuple(dict.fromkeys((*extras.embedded, *beside_it, *burned)))


def _track(step: Step, track: Track) -> dict[str, object]:
    """Return where captions are found, and which files are made of them."""
    extras, container = step.product.extras, step.output.setting.container
    caption = beside.caption(step.given, track.stream)
    picture = step.product.picture
    return {
        "stream": track.stream,
        "path": step.where.source(caption.path) if caption else "",
        "kind": caption.kind if caption else "",
        "language": track.language,
        "track": beside.made(track.stream) if track in extras.embedded else "",
        "stacked": container in MOV_LIKE,
        "sidecars": [each.file for each in extras.sidecars if each.track == track],
        "burned": [picture.width, picture.height] if picture and track == extras.burned else None,
    }


def _chapters(step: Step) -> dict[str, object]:
    given = step.given
    path = step.where.source(given.chapters_file) if given.chapters_file else ""
    return {"path": path, "list": [list(each) for each in given.chapters]}


def _pictures(step: Step) -> dict[str, object]:
    """Return which small pictures are made, and by which words."""
    extras = step.product.extras
    asked: dict[str, object] = {}
    if extras.poster:
        asked["poster"] = {**_moment(extras.poster), **_shot(step, None, "jpeg")}
    if extras.thumbnails:
        small: Thumbnails = extras.thumbnails
        asked["thumbnails"] = {
            "every": str(small.every),
            "ending": beside.ENDINGS[small.format],
            **_shot(step, small.width, small.format),
        }
    if extras.sheet:
        sheet: Sheet = extras.sheet
        cell = max(2, sheet.width // sheet.columns)
        asked["sheet"] = {
            "columns": sheet.columns,
            "rows": sheet.rows,
            **_shot(step, cell, "png"),
        }
    return asked


def _moment(moment: Moment) -> dict[str, str]:
    if moment.part is not None:
        return {"part": str(moment.part)}
    return {"seconds": str(moment.seconds)}


def _shot(step: Step, width: int | None, kind: str) -> dict[str, object]:
    """Return the words around a picture: before its seek, its filters, before its file."""
    video, picture = step.source.video, step.product.picture
    assert video  # `beside.settle` asked
    shape = geometry.upright(video)
    wide, high = shape.width * shape.sar, Fraction(shape.height)
    if picture:
        wide, high = picture.width * picture.sar, Fraction(picture.height)
    ours = wide if width is None else Fraction(width)
    size = f"w={max(1, round(ours))}:h={max(1, round(ours * high / wide))}"
    # a JPEG is of the full range, by a matrix of its own; a PNG has no matrix
    meant = ":out_range=pc:out_color_matrix=bt601" if kind == "jpeg" else ""
    chain = [each.words for each in picture.chain] if picture else []
    filters = (*chain, f"scale={size}:flags=area{meant}", f"format={FORMATS[kind]}", "setsar=1")
    return {
        "begin": recipe.begin(step.means),
        "opened": ["-copyts", *recipe.opened(step.source), "-map", f"0:{video.index}"],
        "filters": ",".join(filters),
        "end": ["-an", "-sn", "-dn", *QUALITY[kind], *finish.STILL],
    }


def _length(product: Product) -> str | None:
    """Return how long the sound is, for an output without pictures; None: unknown."""
    sound, copied = product.sound, next(iter(product.copied), None)
    if copied and copied.duration_s:
        return str(Fraction(copied.duration_s).limit_denominator(copied.rate))
    return str(Fraction(sound.samples, sound.rate)) if sound and sound.samples else None
