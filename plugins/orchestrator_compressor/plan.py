"""A probed source to targets: what each output becomes, its segments, and where it goes."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

from orchestrator.api import (
    Facts,
    IfExists,
    Job,
    Room,
    Segment,
    Target,
)
from orchestrator_compressor import (
    asks,
    beside,
    chain,
    cuts,
    destination,
    facts,
    fits,
    graph,
    ladder,
    rates,
    size,
    supplied,
    table,
)
from orchestrator_compressor.asks import Output
from orchestrator_compressor.codecs import ENDINGS
from orchestrator_compressor.destination import rate_text
from orchestrator_compressor.facts import PACKETS
from orchestrator_compressor.graph import Draft, Ground
from orchestrator_compressor.product import Picture, Product, Sound, settle
from orchestrator_compressor.sequences import CONTAINER
from orchestrator_compressor.settings import Setting
from orchestrator_compressor.table import Table

SMALL_WORK_S = 120.0  #: below this a job is not worth the network: one node's slots are counted


def plan(job: Job, found: Facts, room: Room) -> tuple[Target, ...]:
    """Return one target for each output.

    Raises ValueError, one sentence for people, where the source lacks what an output needs, or
    its destination cannot be written.
    """
    if why := facts.absent(found.values):
        raise ValueError(why)
    source = facts.read(found.values)
    wanted = asks.read(job)
    times = table.load(found.files.get(source.table_file, b"")) if source.video else None
    times = source.span.of(times) if source.span and times else times
    ground = Ground(job=job, asks=wanted, source=source, table=times, room=room)
    drafts = tuple(draft for output in wanted.outputs for draft in _drafts(ground, output))
    _check_destinations(drafts)
    return tuple(_targets(drafts))


def _targets(drafts: Sequence[Draft]) -> Iterator[Target]:
    """Yield the targets; sound that several have alike is encoded once, by one of its own.

    None of those that share it may own it: who cancels one output cancels no other's sound.
    """
    alike: dict[tuple[Sound, ...], list[Draft]] = {}
    for draft in drafts:
        if draft.product.sounds:
            alike.setdefault(draft.product.sounds, []).append(draft)
    named = {
        sounds: f"{those[0].output.target}.sound" for sounds, those in alike.items() if those[1:]
    }
    for sounds, name in named.items():
        yield graph.sound(alike[sounds][0], name)
    for draft in drafts:
        yield graph.target(replace(draft, sound=named.get(draft.product.sounds, "")))


def _drafts(ground: Ground, output: Output) -> tuple[Draft, ...]:
    """Return what an output is made of: one target; of a ladder, one more for each rung, first."""
    if not output.setting.ladder:
        return (_draft(ground, output),)
    names, kept = ladder.names(output.setting), ladder.kept(output.setting, ground.source)
    largest = settle(ladder.rung(output.setting, kept[-1]), ground.source).picture
    segments: tuple[Segment, ...] = ()
    if largest and ground.table:  # all are cut as it is
        segments, _ = _segments(ground, ground.table, largest, output.setting)
    rungs = tuple(
        replace(_rung(ground, output, number, names[number]), segments=segments) for number in kept
    )
    dropped = [name for number, name in enumerate(names) if number not in kept]
    name, whole = output.setting.name, _draft(ground, output)
    notes = [f"{name}: the source is no larger than that: no {', '.join(dropped)}"] * bool(dropped)
    if ground.asks.supplied != ladder.given(ground.asks.supplied):
        notes.append(
            f"{name}: a package holds no captions, chapters or names; the job's are not kept"
        )
    return (
        *rungs,
        replace(
            whole,
            segments=(),
            rungs=tuple(each.output.target for each in rungs),
            notes=(*whole.notes, *notes),
        ),
    )


def _rung(ground: Ground, output: Output, number: int, name: str) -> Draft:
    setting = ladder.rung(output.setting, number)
    product = settle(setting, ground.source, ladder.given(ground.asks.supplied))
    return Draft(
        ground=ground,
        output=replace(output, setting=setting, target=f"{output.target}.{name}"),
        product=product,
        segments=(),
        destination="",
        notes=(),
        average=_average(ground, product),
        rung=number,
    )


def _draft(ground: Ground, output: Output) -> Draft:
    given = ground.asks.supplied
    given = ladder.given(given) if output.setting.ladder else given
    product = settle(output.setting, ground.source, given)
    fits.check(product, _grid(product, ground))
    segments: tuple[Segment, ...] = ()
    notes = product.notes
    if product.picture and ground.table:
        segments, why = _segments(ground, ground.table, product.picture, output.setting)
        notes = (*notes, *why)
    late = _late(ground, product, len(segments))
    if text := asks.astray(ground.job, ground.asks, output, late):
        raise ValueError(f"destination of {output.setting.name}: {text}")
    path = asks.filled(ground.job, ground.asks, output, late)
    return Draft(
        ground=ground,
        output=output,
        product=product,
        segments=segments,
        destination=path,
        report=asks.report(ground.job, ground.asks, output, late),
        notes=(*notes, *_ending_notes(path, output.setting)),
        average=_average(ground, product),
    )


def _average(ground: Ground, product: Product) -> int | None:
    """Return how many bits a second the pictures may have; None: as many as they take."""
    if not product.picture or not ground.table:
        return None
    rate, times = product.picture.video.rate, product.picture.timing.grid(ground.table)
    sound = sum(
        size.sound_bits(each) + rates.sound_table(each.samples or 0) for each in product.sounds
    )
    try:
        return rates.average(rate, times.duration, len(times.pts), sound)
    except ValueError as error:
        raise ValueError(f"setting {product.setting.name}: {error}") from error


def _segments(
    ground: Ground, source: Table, picture: Picture, setting: Setting
) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """Return the segments of a target and, where it is one against the rule, why."""
    whole, split = f"{setting.name}: encoded as one segment:", ground.job.split
    times = picture.timing.grid(source)
    if not setting.allow_segmenting:
        return cuts.whole(times), (f"{whole} its setting says allowSegmenting: false",)
    if not source.is_rising:
        return cuts.whole(times), (f"{whole} the times of the source's frames do not rise",)
    if why := chain.why_whole(picture.chain):
        return cuts.whole(times), (f"{whole} {why}",)
    video = picture.video
    if why := rates.why_whole(video.rate, video.name, video.codec):
        return cuts.whole(times), (f"{whole} {why}",)
    if why := fits.why_whole(video):
        return cuts.whole(times), (f"{whole} {why}",)
    work_s = graph.predicted(picture, len(times.pts), ground.room)
    small = split.spread == "auto" and work_s < SMALL_WORK_S
    slots = ground.room.node_instances if small else ground.room.instances
    video = picture.video
    grid = video.key_interval if video.fixed_keys else 1
    rule = cuts.Rule(slots=max(1, slots), intra=video.codec.intra, grid=grid)
    return cuts.cut(times, split, rule), ()


def _grid(product: Product, ground: Ground) -> Fraction | None:
    """Return the exact rate of the output's frames; None: it has none."""
    if not product.picture or not ground.table:
        return None
    return graph.rate(product.picture.timing.output(ground.table))


def _late(ground: Ground, product: Product, segments: int) -> dict[str, str]:
    """Return the tokens that the manifest does not tell."""
    folder = ground.room.storage or posixpath.dirname(ground.asks.source)
    late = {"date": ground.room.date, "storage": folder}
    if picture := product.picture:
        late |= {
            "width": str(picture.width),
            "height": str(picture.height),
            "fps": rate_text(picture.rate),
            "segments": str(segments),
        }
    return late


def _ending_notes(path: str, setting: Setting) -> tuple[str, ...]:
    if setting.extension and not path.lower().endswith(setting.extension):
        return (f"{path}: written as named, though {setting.name} wants {setting.extension}",)
    if posixpath.splitext(path)[1].lower() in ENDINGS[setting.container]:
        return ()
    return (f"{path}: written as named, though it holds {setting.container}",)


def _written(draft: Draft) -> tuple[str, ...]:
    """Return all that a target puts in place: its file, and what stands beside it."""
    if draft.rung is not None:
        return ()
    main = draft.destination
    extras = draft.product.extras.files
    besides = (beside.path(main, suffix) for _, suffix in extras)
    place = destination.place(main, draft.output.setting)
    return (place, *besides, *asks.report_files(draft.report))


def _read(draft: Draft) -> list[str]:
    """Return the files that a target reads: the source, and what the job and its settings name."""
    asked = draft.ground.asks
    given = (file for _, file in supplied.files(draft.ground.job.asks))
    files = (asked.source, *given, *(path for _, path in asked.files))
    return [posixpath.normpath(path) for path in files]


def _check_folders(drafts: tuple[Draft, ...]) -> None:
    """Refuse a folder that is made or replaced whole, and holds the source or another output."""
    for draft in drafts:
        if not (draft.rungs or draft.output.setting.container == CONTAINER):
            continue
        folder, name = posixpath.normpath(_written(draft)[0]), draft.output.setting.name
        others = [path for each in drafts if each is not draft for path in _written(each)]
        for path in (*_read(draft), *others):
            if posixpath.normpath(path).startswith(f"{folder}/"):
                raise ValueError(f"{folder}: setting {name} makes it whole, and {path} is in it")


def _check_destinations(drafts: tuple[Draft, ...]) -> None:
    """Refuse two outputs in one file, the source itself, and what must not be replaced."""
    _check_folders(drafts)
    taken: dict[str, str] = {}
    for draft, path in ((each, path) for each in drafts for path in _written(each)):
        name, source = draft.output.setting.name, draft.ground.asks.source
        if draft.ground.source.images and path == posixpath.dirname(source):
            raise ValueError(f"{path}: setting {name} would write into its source; name another")
        if posixpath.normpath(path) in _read(draft):
            raise ValueError(f"{path}: setting {name} would replace what it reads; name another")
        if draft.output.if_exists is IfExists.NUMBER:
            continue
        if other := taken.get(path):
            raise ValueError(f"{path}: written by both {other} and {name}; add a token to one")
        taken[path] = name
        first = draft.ground.source.mode == PACKETS  # a second plan may find what the first wrote
        if (
            draft.output.if_exists is IfExists.FAIL
            and first
            and path in draft.ground.source.existing
        ):
            raise ValueError(f"{path}: exists; choose another name, or ifExists: replace | number")
