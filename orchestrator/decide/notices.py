"""What people are told, by which way, when, and in which words.  No I/O, no clock, no memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from orchestrator.model.cluster import Notify
from orchestrator.model.codec import dump
from orchestrator.model.notice import Carrier, Letter, Notice, NoticeKind, Parcel, Scene, Way
from orchestrator.model.work import one_line

END_GATHERED_S = 5.0
"""So long at most the end of a batch waits for others, before the first mail about one."""

TOLD_AT_ONCE = 100
"""So many notices at most go in one parcel; of more, the rest in the next."""

TOLD_MAX_BYTES = 48 << 10
"""… and so much text: what receives a webhook need not take more than 64 KiB."""

KEPT_S = 7 * 86_400.0
"""So long a notice is tried; older ones tell nobody anything."""

UNHEARD_S = 3600.0
"""So long a notice that no person hears of is shown in `status`."""

KEPT_MAX = 2000
"""So many notices are kept; of more, the oldest tell nobody anything."""

TEXT_MAX = 1000

LABELS: Mapping[str, str] = {
    "compressor": "servicecontroller:com.apple.stomp.transcoderx",
    "render": "servicecontroller:com.apple.qmaster.executor",
}
"""The original's names of services on a cluster, letter for letter (F-NOTE-3)."""

LABELS_ALONE: Mapping[str, str] = {
    "compressor": "servicecontroller:com.apple.stomp.transcoder",
    "render": LABELS["render"],
}
"""Likewise on This Computer."""

_EVENTS: Mapping[str, NoticeKind] = {
    "service-stopped": NoticeKind.SERVICE_STOPPED,
    "service-down": NoticeKind.SERVICE_DOWN,
    "quarantined": NoticeKind.QUARANTINED,
    "alarm": NoticeKind.ALARM,
    "storage-low": NoticeKind.STORAGE_LOW,
    "held": NoticeKind.BATCH_HELD,
}
_ENDS: Mapping[str, NoticeKind] = {
    "successful": NoticeKind.BATCH_DONE,
    "failed": NoticeKind.BATCH_FAILED,
    "cancelled": NoticeKind.BATCH_CANCELLED,
}
EVENTS = frozenset({*_EVENTS, *_ENDS})
"""The kinds of events that notices are made of."""

_WORDS: Mapping[NoticeKind, str] = {
    NoticeKind.SERVICE_STOPPED: "services stopped",
    NoticeKind.SERVICE_DOWN: "services down",
    NoticeKind.QUARANTINED: "set aside",
    NoticeKind.ALARM: "alarm",
    NoticeKind.STORAGE_LOW: "storage low",
    NoticeKind.BATCH_DONE: "Successful",
    NoticeKind.BATCH_FAILED: "Failed",
    NoticeKind.BATCH_CANCELLED: "Cancelled",
    NoticeKind.BATCH_HELD: "Hold",
}
NAMED_MAX = 3
"""So many subjects a mail's own subject names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Who hears of what, as `apply` said it."""

    notify: Notify = field(default_factory=Notify)
    email: str = ""  #: EMAIL of the controller's environment: hears where `to` is empty
    has_plugins: bool = False
    is_alone: bool = False  #: of This Computer: where it has no mail server, mail is not kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A parcel in words."""

    subject: str
    text: str
    body: str  #: JSON, for machines


# -- events to notices


def notice(
    kind: str, subject: str, data: Mapping[str, object], at: float, to: Sequence[str] = ()
) -> Notice | None:
    """Return what an event of one of `EVENTS` is to people; None: nothing.

    :param to: who asked to hear of the batch it is about
    """
    why = one_line(str(data.get("reason") or data.get("why") or ""))[:TEXT_MAX]
    if kind in _ENDS:
        if data.get("level") != "batch":
            return None
        so = _ENDS[kind]
        text = _WORDS[so] + (f": {why}" if why else "")
        return Notice(kind=so, subject=subject, text=text, at=at, to=tuple(to))
    if kind == "held":
        text = f"{subject} waits for a person" + (f": {why}" if why else "")
        batch = subject.partition("/")[0]
        return Notice(kind=_EVENTS[kind], subject=batch, text=text, at=at, to=tuple(to))
    told = data.get("services")
    services = tuple(map(str, told)) if isinstance(told, list | tuple) else ()
    return Notice(kind=_EVENTS[kind], subject=subject, text=why, at=at, services=services)


def is_repeated(new: Notice, waiting: Sequence[Letter]) -> bool:
    """Whether the same is to be told already: a batch of which a hundred segments are held."""
    return new.kind is NoticeKind.BATCH_HELD and any(
        (each.notice.kind, each.notice.subject) == (new.kind, new.subject) for each in waiting
    )


# -- notices to ways


def ways(notice: Notice, rules: Rules) -> tuple[Way, ...]:
    """Return every way that a notice goes; what no person hears of has none but to plugins."""
    notify = rules.notify
    ours = notify.to or ((rules.email,) if rules.email else ())
    people = notice.to if notice.kind.is_of_batch else ours
    found = [Way(carrier=Carrier.MAIL, to=tuple(sorted(set(people))))] if people else []
    found += [Way(carrier=Carrier.WEBHOOK, to=(each.url,)) for each in notify.webhooks]
    found += [Way(carrier=Carrier.COMMAND, to=words) for words in notify.commands]
    if rules.has_plugins:
        found.append(Way(carrier=Carrier.PLUGINS))
    return tuple(found)


def parcels(letters: Sequence[Letter], rules: Rules) -> tuple[Parcel, ...]:
    """Return what is still to go, by way; each no larger than its receiver takes."""
    by_way: dict[Way, list[Letter]] = {}
    for letter in letters:
        for way in ways(letter.notice, rules):
            if way.name not in letter.told:
                by_way.setdefault(way, []).append(letter)
    return tuple(Parcel(way=way, letters=tuple(_first(waiting))) for way, waiting in by_way.items())


def due_at(parcel: Parcel, rules: Rules, last: float, now: float) -> float:
    """Return when a parcel is to go: at once, but for a mail, which gathers what else happens.

    A stop is told within `serviceDownAfter`, the end of a batch in some seconds; then the next mail
    to the same people is as far away again.  All in Unix seconds; a time that is still to come was
    taken before the clock was set back, and is waited for no longer.

    :param last: when a mail went to the same people
    """
    gather_s = rules.notify.service_down_after_s
    latest = max(each.notice.at for each in parcel.letters)
    if parcel.way.carrier is not Carrier.MAIL or latest > now + gather_s:
        return now
    last = last if last <= now else float("-inf")
    ends = [each.notice for each in parcel.letters if each.notice.kind.is_of_batch]
    rest = [each.notice for each in parcel.letters if not each.notice.kind.is_of_batch]
    times = [each.at + gather_s for each in rest]
    times += [max(each.at + min(END_GATHERED_S, gather_s), last + gather_s) for each in ends]
    return min(times)


def finished(letters: Sequence[Letter], rules: Rules, now: float) -> tuple[Letter, ...]:
    """Return the letters that went every way, or that are too old or too many to be kept."""
    surplus = len(letters) - KEPT_MAX
    return tuple(
        letter
        for place, letter in enumerate(letters)
        if place < surplus or _is_finished(letter, rules, now)
    )


def unheard(letters: Sequence[Letter], rules: Rules) -> str:
    """Say in one sentence what no person hears of, for `status`; empty: nothing (F-NOTE-1)."""
    lost = [each.notice for each in letters if not _has_people(each.notice, rules)]
    lost = [each for each in lost if not each.kind.is_of_batch]
    if not lost:
        return ""
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    last = lost[-1]
    return f"{last.subject}: {last.text}{more}; nobody is told by mail: set notify.to, and apply"


def _first(letters: Sequence[Letter]) -> Iterator[Letter]:
    room = TOLD_MAX_BYTES
    for place, letter in enumerate(letters[:TOLD_AT_ONCE]):
        room -= len(json.dumps(_told(letter, Scene(cluster=""))))
        if place and room < 0:
            return
        yield letter


def _has_people(notice: Notice, rules: Rules) -> bool:
    return any(way.carrier is not Carrier.PLUGINS for way in ways(notice, rules))


def _is_finished(letter: Letter, rules: Rules, now: float) -> bool:
    age_s = now - letter.notice.at
    if any(way.name not in letter.told for way in ways(letter.notice, rules)):
        return age_s > KEPT_S
    is_shown = not _has_people(letter.notice, rules) and not letter.notice.kind.is_of_batch
    return age_s > UNHEARD_S if is_shown else True


# -- words


def message(parcel: Parcel, scene: Scene) -> Message:
    """Return a parcel in words: its subject, a text for people, and a body for machines."""
    notices = [each.notice for each in parcel.letters]
    subject = f"[{scene.cluster}] {_subject(notices)}"
    text = "\n\n".join(_paragraph(each, scene) for each in notices)
    told = {
        "cluster": scene.cluster,
        "subject": subject,
        "notices": [_told(each, scene) for each in parcel.letters],
    }
    body = json.dumps(told, ensure_ascii=False, sort_keys=True)
    return Message(subject=subject, text=f"{text}\n\n{_foot(notices, scene)}\n", body=body)


def sentence(notice: Notice, *, is_alone: bool = False) -> str:
    """Return a notice as one line, for the log."""
    labels = ", ".join(_labels(notice, is_alone=is_alone))
    return f"{notice.subject}: {notice.text}" + (f" [{labels}]" if labels else "")


def _subject(notices: Sequence[Notice]) -> str:
    kinds = list(dict.fromkeys(each.kind for each in notices))
    subjects = list(dict.fromkeys(each.subject for each in notices))
    named = ", ".join(subjects[:NAMED_MAX])
    if len(subjects) > NAMED_MAX:
        named = f"{named} and {len(subjects) - NAMED_MAX} more"
    if len(kinds) == 1:
        return f"{named}: {_WORDS[kinds[0]]}"
    return f"{len(notices)} notices about {named}"


def _paragraph(notice: Notice, scene: Scene) -> str:
    at = datetime.fromtimestamp(notice.at, UTC).isoformat(" ", "seconds")
    lines = [f"{at}  {notice.subject}: {notice.text}"]
    labels = _labels(notice, is_alone=scene.is_alone)
    services = [each for each in notice.services if each in LABELS]
    lines += [f"  {label} ({name})" for label, name in zip(labels, services, strict=True)]
    if how := _stands(notice, scene):
        lines.append(f"  Now: {how}.")
    return "\n".join(lines)


def _foot(notices: Sequence[Notice], scene: Scene) -> str:
    lines = []
    batches = dict.fromkeys(each.subject for each in notices if each.kind.is_of_batch)
    for batch in list(batches)[:NAMED_MAX]:
        lines.append(f"orchestrator explain {batch} --cluster {scene.cluster}")
    if len(batches) < len({each.subject for each in notices}):
        lines.append(f"orchestrator nodes --cluster {scene.cluster}")
    where = f" on {scene.host}" if scene.host else ""
    return "\n".join((f"-- \ncluster {scene.cluster}, its controller{where}", *lines))


def _told(letter: Letter, scene: Scene) -> Mapping[str, object]:
    told = dict(dump(letter.notice))
    told.pop("to", None)
    at = datetime.fromtimestamp(letter.notice.at, UTC).isoformat(timespec="milliseconds")
    told |= {"number": letter.number, "at": at}
    if labels := _labels(letter.notice, is_alone=scene.is_alone):
        told["labels"] = list(labels)
    if how := _stands(letter.notice, scene):
        told["now"] = how
    return told


def _labels(notice: Notice, *, is_alone: bool) -> tuple[str, ...]:
    labels = LABELS_ALONE if is_alone else LABELS
    return tuple(labels[each] for each in notice.services if each in labels)


def _stands(notice: Notice, scene: Scene) -> str:
    return "" if notice.kind.is_of_batch else (scene.stands or {}).get(notice.subject, "")
