"""A job's ``with`` as frozen nouns, and what the manifest alone shows to be wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from orchestrator.api import Fault, IfExists, Job, Review
from orchestrator_compressor import beside, destination, measure, settings, span, supplied
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
    begin: str | None = None  #: the in point, as written
    until: str | None = None  #: the out point

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
                setting=settings.read(name, job.settings[name]),
                template=str(each["destination"]),
                if_exists=IfExists(each.get("ifExists", job.if_exists.value)),
                report=str(each.get("report", "")),
                measure=tuple(map(str, cast("Sequence[str]", each.get("measure", ())))),
            )
        )
    begin, until = (job.asks.get(key) for key in ("in", "out"))
    return Asks(
        source=str(job.asks["source"]),
        outputs=tuple(outputs),
        supplied=supplied.read(job.asks),
        begin=None if begin is None else str(begin),
        until=None if until is None else str(until),
    )


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
        ),
        claims=tuple(
            (("outputs", output.number, key), path)
            for output, key, path in (
                *(
                    (output, "destination", path)
                    for output, main in known_paths(job, asks)
                    for path in (main, *besides(asks, output, main))
                ),
                *((output, "report", path) for output, path in known_reports(job, asks)),
            )
            if output.if_exists is not IfExists.NUMBER
        ),
        needs={"ffmpeg": tuple(dict.fromkeys(needs))},
        media=((("source",), asks.source), *supplied.files(job.asks), *_named(asks)),
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


def besides(asks: Asks, output: Output, main: str) -> tuple[str, ...]:
    """Return the files beside an output that the manifest alone tells."""
    return beside.known(main, output.setting, asks.supplied)


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
    values = destination.early(job.id, asks.source, output.setting, output.number + 1)
    return {**values, **late}


def _outputs(job: Job) -> Sequence[Mapping[str, object]]:
    return cast("Sequence[Mapping[str, object]]", job.asks["outputs"])


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
        for text in settings.faults(job.settings[name]):
            yield Fault(("outputs", number, "setting"), f"setting {name!r}: {text}")


def _point_faults(asks: Asks) -> Iterator[Fault]:
    for key, point in (("in", asks.begin), ("out", asks.until)):
        if point is not None and (text := span.fault(point)):
            yield Fault((key,), f"{point} {text}")


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
        if output.measure and output.setting.video is None:
            yield Fault((*where, "measure"), f"setting {name} has no pictures; remove it")
        for text in destination.faults(output.report, output.setting):
            yield Fault((*where, "report"), text)
        if elsewhere := destination.astray(output.report, _values(job, asks, output, {})):
            yield Fault((*where, "report"), elsewhere)
