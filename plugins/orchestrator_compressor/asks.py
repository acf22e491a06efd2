"""A job's ``with`` as frozen nouns, and what the manifest alone shows to be wrong with it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import cast

from orchestrator.api import Fault, IfExists, Job, Review
from orchestrator_compressor import (
    beside,
    destination,
    ladder,
    measure,
    override,
    sequences,
    settings,
    span,
    supplied,
)
from orchestrator_compressor.settings import Setting
from orchestrator_compressor.supplied import Supplied

REPORT_ENDINGS = (".json", ".html")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One output that a job asks for."""

    number: int  #: from 0, in the order of the manifest
    target: str  #: name of its target, unique in the job
    setting: Setting
    template: str
    if_exists: IfExists
    report: str = ""  #: template of where its report goes, less the endings; empty: nowhere
    measure: tuple[str, ...] = ()  #: metrics of quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Asks:
    """A job's ``with``."""

    source: str
    outputs: tuple[Output, ...]
    supplied: Supplied = supplied.NONE
    begin: str | int | None = None  #: the in point, as written
    until: str | int | None = None  #: the out point
    rate: Fraction | None = None  #: the source is a sequence of images, at so many a second

    @property
    def wants_video(self) -> bool:
        """Whether any output has pictures."""
        return any(output.setting.video for output in self.outputs)

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """The kind and the path of each file that its settings name: LUTs, images, fonts."""
        return tuple(dict.fromkeys(each for one in self.outputs for each in one.setting.files))


def read(job: Job) -> Asks:
    """Return what a job, valid against the schema and its settings found, asks for."""
    taken: set[str] = set()
    outputs = []
    for number, each in enumerate(_outputs(job)):
        name = str(each["setting"])
        target = _free(name, taken)
        taken.add(target)
        outputs.append(
            Output(
                number=number,
                target=target,
                setting=settings.read(name, _spec(job, each)),
                template=str(each["destination"]),
                if_exists=IfExists(each.get("ifExists", job.if_exists.value)),
                report=str(each.get("report", "")),
                measure=tuple(map(str, cast("Sequence[str]", each.get("measure", ())))),
            )
        )
    begin, until = (cast("str | int | None", job.asks.get(key)) for key in ("in", "out"))
    return Asks(
        source=str(job.asks["source"]),
        outputs=tuple(outputs),
        supplied=supplied.read(job.asks),
        begin=begin,
        until=until,
        rate=sequences.rate(job.asks["rate"]) if "rate" in job.asks else None,
    )


def output_of(asks: Asks, args: Mapping[str, object]) -> Output:
    """Return the output that a task with these arguments works on; of a ladder, its rung."""
    output = asks.outputs[cast("int", args["output"])]
    number = args.get("rung")
    if number is None:
        return output
    return replace(output, setting=ladder.rung(output.setting, cast("int", number)))


def review(job: Job) -> Review:
    """Return the faults of settings and destinations, the files claimed, the encoders needed."""
    spoiled = tuple(_setting_faults(job)) + tuple(
        Fault(where, text) for where, text in supplied.faults(job.asks)
    )
    if spoiled:
        return Review(faults=spoiled)
    asks = read(job)
    needs = (
        (part, f"setting {output.setting.name}")
        for output in asks.outputs
        for part in (
            *output.setting.encoders,
            *map("filter:{}".format, output.setting.filters),
            *measure.parts(output.setting, output.measure),
        )
    )
    return Review(
        faults=(
            *_destination_faults(job, asks),
            *_report_faults(job, asks),
            *_point_faults(asks),
            *_rate_faults(job, asks),
        ),
        claims=tuple(
            (("outputs", output.number, key), path)
            for output, key, path in (
                *(
                    (output, "destination", path)
                    for output, main in known_paths(job, asks)
                    for path in placed(asks, output, main)
                ),
                *((output, "report", path) for output, path in known_reports(job, asks)),
            )
            if output.if_exists is not IfExists.NUMBER
        ),
        needs={"ffmpeg": tuple(dict.fromkeys(needs))},
        # a sequence is many files: it is read where it is, by nodes that see it
        media=(
            *(() if asks.rate else ((("source",), asks.source),)),
            *supplied.files(job.asks),
            *_named(asks),
        ),
    )


def _named(asks: Asks) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for output in asks.outputs:
        for _, path in output.setting.files:
            yield ("outputs", output.number, "setting"), path


def known_paths(job: Job, asks: Asks) -> Iterator[tuple[Output, str]]:
    """Yield each output whose destination the manifest alone tells, and that destination."""
    for output in asks.outputs:
        if set(destination.tokens(output.template)) <= destination.EARLY:
            yield output, filled(job, asks, output, {})


def placed(asks: Asks, output: Output, main: str) -> tuple[str, ...]:
    """Return all that an output puts in place, as far as the manifest alone tells."""
    besides = beside.known(main, output.setting, asks.supplied)
    return (destination.place(main, output.setting), *besides)


def known_reports(job: Job, asks: Asks) -> Iterator[tuple[Output, str]]:
    """Yield each file of a report whose name the manifest alone tells, with its output."""
    for output in asks.outputs:
        if output.report and set(destination.tokens(output.report)) <= destination.EARLY:
            for path in report_files(report(job, asks, output, {})):
                yield output, path


def report(job: Job, asks: Asks, output: Output, late: Mapping[str, str]) -> str:
    """Return where an output's report goes, less the endings; empty: it has none."""
    return destination.fill(output.report, _values(job, asks, output, late))


def report_files(path: str) -> tuple[str, ...]:
    """Return the files of a report."""
    return tuple(path + ending for ending in REPORT_ENDINGS) if path else ()


def filled(job: Job, asks: Asks, output: Output, late: Mapping[str, str]) -> str:
    """Return an output's destination, with `late` for the tokens that the manifest does not tell."""
    return destination.fill(output.template, _values(job, asks, output, late))


def astray(job: Job, asks: Asks, output: Output, late: Mapping[str, str]) -> str | None:
    """Say why a destination, filled in like this, is not where it is written; None: it is."""
    return destination.astray(output.template, _values(job, asks, output, late))


def _values(job: Job, asks: Asks, output: Output, late: Mapping[str, str]) -> dict[str, str]:
    source, pattern = asks.source, sequences.pattern(asks.source)
    if asks.rate and pattern:  # a.%04d.exr is called a
        source = posixpath.join(pattern.folder, pattern.stem + pattern.ending)
    values = destination.early(job.id, source, output.setting, output.number + 1)
    return {**values, **late}


def _outputs(job: Job) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", job.asks["outputs"])


def _spec(job: Job, output: Mapping[str, object]) -> Mapping[str, object]:
    """Return the spec of an output's setting, changed as the output says."""
    return override.merged(job.settings[str(output["setting"])], _override(output))


def spec_of(job: Job, number: int) -> Mapping[str, object]:
    """Return the spec that output `number` is made by."""
    return _spec(job, _outputs(job)[number])


def _override(output: Mapping[str, object]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", output.get("override", {}))


def _free(name: str, taken: set[str]) -> str:
    """Return `name`, or `name` with the first number that makes it another."""
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found


def _setting_faults(job: Job) -> Iterator[Fault]:
    for number, each in enumerate(_outputs(job)):
        name = str(each["setting"])
        for text in settings.faults(_spec(job, each)):
            where = override.place(_override(each), text)
            at = ("override", *where) if where else ("setting",)
            yield Fault(("outputs", number, *at), f"setting {name!r}: {text}")


def _point_faults(asks: Asks) -> Iterator[Fault]:
    for key, point in (("in", asks.begin), ("out", asks.until)):
        if isinstance(point, str) and (text := span.fault(point)):
            yield Fault((key,), f"{point} {text}")
        if isinstance(point, int) and asks.rate is None:
            text = "is the number of a file, and the source is no image sequence; write"
            yield Fault((key,), f"{point} {text} {point}f for frames")


def _rate_faults(job: Job, asks: Asks) -> Iterator[Fault]:
    if "rate" not in job.asks:
        return
    if asks.rate is None:
        yield Fault(("rate",), "is no frame rate; write 24, 23.976 or 24000/1001, at most 1000")
    pattern = sequences.pattern(asks.source)
    if pattern is None:
        yield Fault(
            ("rate",),
            "only an image sequence needs it; write its source as name.%04d.exr, or remove",
        )
    elif pattern.kind is None:
        yield Fault(("source",), "is no sequence of TIFF, PNG, EXR, DPX or JPEG; name its ending")


def _destination_faults(job: Job, asks: Asks) -> Iterator[Fault]:
    for output in asks.outputs:
        where = ("outputs", output.number, "destination")
        for text in destination.faults(output.template, output.setting):
            yield Fault(where, text)
    for output, path in known_paths(job, asks):
        where = ("outputs", output.number, "destination")
        if path == asks.source:
            yield Fault(where, "is the source itself; choose another name")
        if elsewhere := astray(job, asks, output, {}):
            yield Fault(where, elsewhere)


def _report_faults(job: Job, asks: Asks) -> Iterator[Fault]:
    for output in asks.outputs:
        where, name = ("outputs", output.number), output.setting.name
        if output.setting.ladder and (output.report or output.measure):
            key = "report" if output.report else "measure"
            yield Fault((*where, key), f"setting {name} is a folder of pieces; remove it")
            continue
        if output.measure and output.setting.video is None:
            yield Fault((*where, "measure"), f"setting {name} has no pictures; remove it")
        if output.setting.container == sequences.CONTAINER:
            yield from _alone(output)
            continue
        for text in destination.faults(output.report, output.setting):
            yield Fault((*where, "report"), text)
        if elsewhere := destination.astray(output.report, _values(job, asks, output, {})):
            yield Fault((*where, "report"), elsewhere)


def _alone(output: Output) -> Iterator[Fault]:
    """Yield what an output that is images cannot have."""
    where, name = ("outputs", output.number), output.setting.name
    if output.measure:
        text = f"setting {name} writes images, whose quality is not measured; remove it"
        yield Fault((*where, "measure"), text)
    if output.report:
        text = f"setting {name} writes images, of which there is no report; remove it"
        yield Fault((*where, "report"), text)
